/**
 * A program: commits rows one by one, as a broker does that acknowledges each message after a commit of its own.
 * Arguments: a folder and how many rows. Logs `commits.done`.
 */
import { BareTable } from './bare-table.ts';
import { makeRows } from './rows.ts';

const [dir = '', count = ''] = process.argv.slice(2);
using table = new BareTable(dir);
const rows = [...makeRows(['gate-0'], Number(count))];
const startedNs = process.hrtime.bigint();
for (const row of rows) table.append([row]);
const seconds = Number(process.hrtime.bigint() - startedNs) / 1e9;
process.stdout.write(`${JSON.stringify({ event: 'commits.done', perSecond: rows.length / seconds })}\n`);
