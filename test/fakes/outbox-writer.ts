/**
 * A process that appends to an outbox and, where a port is given, sends from it over plain TCP, for tests that kill it
 * or take its disk away: `node outbox-writer.ts DIR [PORT [LAST]]`. It prints a JSON event after each commit
 * (`appended`, with `seq`), after each refusal (`refused`, with the fault's `code`), and when it has appended up to
 * `LAST` and everything is sent (`drained`).
 */
import { connect } from 'node:net';
import { createLink } from '../../kiosk/link.ts';
import { openOutbox } from '../../kiosk/outbox.ts';
import { Fault } from '../../shared/fault.ts';
import { systemChance as chance } from '../../shared/system/chance.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import { makeDraft } from './entries.ts';
import { RecordingLog } from './recording-log.ts';

const [dir = '', port = '', last = 'Infinity'] = process.argv.slice(2);
const tell = (event: string, fields: object = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

await using outbox = openOutbox({ dir, kiosk: 'gate-a', clock, chance, log: new RecordingLog() });
await using link = createLink({
  outbox,
  kiosk: 'gate-a',
  dial: () => connect(Number(port), '127.0.0.1'),
  clock,
  chance,
  log: new RecordingLog(),
  limits: { retry: { firstMs: 20, factor: 1, maxMs: 20, jitter: 0 } },
  state: () => ({}),
  onStatus: () => {},
});
const stop = new AbortController();
const sent = port === '' ? Promise.resolve() : link.run(stop.signal);
tell('opened', { depth: outbox.depth(), epoch: outbox.epoch });
for (let seq = 0; seq < Number(last); ) {
  try {
    seq = outbox.append(makeDraft(clock.nowMs())).seq;
    tell('appended', { seq });
    link.wake();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    tell('refused', { code: error.code });
    await sleep(clock, 20);
  }
  await new Promise((resolve) => setImmediate(resolve));
}
while (outbox.depth() > 0) await sleep(clock, 20);
tell('drained');
stop.abort();
await sent;
