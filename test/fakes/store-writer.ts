/**
 * A process that appends to a store, for tests that kill it or take its disk away: `node store-writer.ts DIR`. Entries
 * are numbered on from those that are there, 20 a group. It prints a JSON event after each commit (`appended`, with the
 * `last` number) and each refusal (`refused`, with the fault's `code`); after a refusal it waits for a line on standard
 * input and tries the same group again. The line `check` ends it with `checked`: the store's report, and what it logged.
 */
import { createInterface } from 'node:readline';
import { keysOf } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Arrival } from '../../gateway/store/store.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import { makeEntry } from './entries.ts';
import { RecordingLog } from './recording-log.ts';

const groupEntries = 20;

const tell = (event: string, fields: object) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const input = createInterface({ input: process.stdin });
let checking = false;
let goOn = Promise.withResolvers<void>();
input.on('line', (line) => {
  checking ||= line === 'check';
  goOn.resolve();
  goOn = Promise.withResolvers();
});

const log = new RecordingLog();
await using store = await openSqliteStore({ dir: process.argv[2] ?? '', log });
tell('opened', {});
let { entries: last } = await store.check();
while (!checking) {
  const group = Array.from({ length: groupEntries }, (_, index): Arrival => {
    const { entry, payload } = makeEntry(last + 1 + index);
    return { type: 'entry', entry: keysOf(entry), body: payload, receivedMs: 0 };
  });
  try {
    await store.append(group);
    last += groupEntries;
    tell('appended', { last });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const line = goOn.promise;
    tell('refused', { code: error.code, error: describeError(error) });
    await line;
  }
  await new Promise((resolve) => setImmediate(resolve)); // standard input gets its turn
}
tell('checked', { report: await store.check(), logged: log.events });
input.close();
