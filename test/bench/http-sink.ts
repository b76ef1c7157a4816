/**
 * A program: a health authority that takes everything. Counts the events of CloudEvents batches by their ids, and logs
 * `sink.ready` with its port, then `sink.received` with both counts every so many. Argument: how many.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const reportEvery = Number(process.argv[2]);
const ids = new Set<string>();
let events = 0;
let firstNs = 0n;

const server = createServer((request, response) => {
  firstNs ||= process.hrtime.bigint();
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const batch = JSON.parse(Buffer.concat(chunks).toString()) as { id: string }[];
    for (const { id } of batch) ids.add(id);
    const before = events;
    events += batch.length;
    response.writeHead(204).end();
    if (Math.floor(before / reportEvery) === Math.floor(events / reportEvery)) return;
    say('sink.received', { events, unique: ids.size, elapsedMs: Number(process.hrtime.bigint() - firstNs) / 1e6 });
  });
});

function say(event: string, fields: Record<string, number>): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

server.listen(0, '127.0.0.1', () => say('sink.ready', { port: (server.address() as AddressInfo).port }));
