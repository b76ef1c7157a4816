/**
 * A kiosk's outbox at work, for the power cuts: `node outbox-program.ts MARKS DIR SEED SESSIONS OPERATIONS STARTSYNC ENDSYNC`. It opens
 * and closes the outbox SESSIONS times with OPERATIONS appends and forgets between, and says each before and after; now and
 * then everything is forgotten, and a pause lets the log be emptied. Then it kills itself (SIGKILL): with the outbox open, or, where ENDSYNC is a number, before that
 * sync of one more append; or, where STARTSYNC is one, before that sync from its start.
 */
import { openOutbox } from '../../kiosk/outbox.ts';
import { outboxLimits } from '../../kiosk/outbox-limits.ts';
import { makeDraft } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { gateOf, numberOf, type OutboxMark, presenceOf } from './outbox-check.ts';
import { endAtSync, openMarks } from './write-log.ts';

const [marks = '', dir = '', seed = '', sessions = '', operations = '', startSync = '', endSync = ''] =
  process.argv.slice(2);
const write = openMarks(marks);
const mark = (made: OutboxMark) => write(JSON.stringify(made));
const chance = seededChance(Number(seed));
const clock = new VirtualClock();
const log = new RecordingLog();
const unsent: number[] = [];
// Entries of different runs differ.
let number = Number(seed) * 10_000;

if (startSync !== '') write(endAtSync(startSync));

for (let session = 1; ; session++) {
  const outbox = openOutbox({ dir, kiosk: 'gate-a', clock, chance, log });
  mark({ type: 'opened', epoch: outbox.epoch });
  const append = () => {
    number++;
    mark({ type: 'appending', number });
    const { seq } = outbox.append(makeDraft(number), presenceOf(number), gateOf(number));
    mark({ type: 'appended', number, seq });
    unsent.push(seq);
  };
  const rows = outbox.peek(0, 1_000_000).map(({ seq, body }) => [seq, numberOf(body)] as const);
  mark({ type: 'listed', rows });
  unsent.splice(0, Number.POSITIVE_INFINITY, ...rows.map(([seq]) => seq));
  for (let operation = 0; operation < Number(operations); operation++) {
    const what = chance.fraction();
    if (what > 0.3 || unsent.length === 0) append();
    else {
      const isPause = what < 0.08;
      const seqs = unsent.splice(0, isPause ? unsent.length : 1 + Math.floor(chance.fraction() * 8));
      mark({ type: 'forgetting', seqs });
      outbox.forget(seqs);
      mark({ type: 'forgotten', seqs });
      if (isPause) await clock.advance(outboxLimits.emptyLogAfterMs);
    }
  }
  if (session === Number(sessions)) {
    if (endSync !== '') {
      write(endAtSync(endSync));
      append();
    }
    process.kill(process.pid, 'SIGKILL');
  }
  await outbox[Symbol.asyncDispose]();
}
