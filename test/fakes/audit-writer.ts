/** A process that adds lines to an audit and says each number once it may be said to be done: `<data directory> <count>`. */
import { writeSync } from 'node:fs';
import { openAudit } from '../../gateway/audit/audit.ts';

const [dir = '', count = '0'] = process.argv.slice(2);
const audit = openAudit(dir);
for (let number = 1; number <= Number(count); number++) {
  const { seq } = await audit.record({ action: 'test', what: { pid: process.pid, number } });
  writeSync(1, `${seq}\n`);
}
