/** What a kiosk's outbox owes its kiosk after a power cut. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { GateControl } from '../../kiosk/control.ts';
import { type Outbox, openOutbox, outboxFileName, type Presence } from '../../kiosk/outbox.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { makeDraft } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { seededChance } from '../fakes/seeded-chance.ts';

/** What the program under test says of itself. Numbers name entries; `forgetting` and `appending` are said before. */
export type OutboxMark =
  | { readonly type: 'opened'; readonly epoch: string }
  | { readonly type: 'appending'; readonly number: number }
  | { readonly type: 'appended'; readonly number: number; readonly seq: number }
  /** All that was unsent at a start, as seq and number: it may have been sent since, so others know of it. */
  | { readonly type: 'listed'; readonly rows: readonly (readonly [seq: number, number: number])[] }
  | { readonly type: 'forgetting' | 'forgotten'; readonly seqs: readonly number[] };

/** The number of an entry, from its JSON. */
export function numberOf(body: string): number {
  return Number.parseInt((JSON.parse(body) as { id: string }).id.slice(-12), 16);
}

/** Where the person of an entry went; every third is not remembered. */
export function presenceOf(number: number): Presence | null {
  if (number % 3 === 0) return null;
  return { subject: `subject-${number % 7}`, direction: number % 2 === 0 ? 'in' : 'out', atMs: number };
}

/** How a guard sets the gate with an entry; most entries are no guard's. */
export function gateOf(number: number): GateControl | null {
  if (number % 5 !== 0) return null;
  return { closed: number % 2 === 0, direction: number % 3 === 0 ? null : 'out' };
}

/** Opens the outbox that a power cut left and holds it to what was marked before. Throws what is wrong. */
export async function checkOutbox(dir: string, marks: readonly OutboxMark[]): Promise<void> {
  const opened = marks.find((mark) => mark.type === 'opened');
  const numbers = new Map<number, number>();
  const forgotten = new Set<number>();
  for (const mark of marks) {
    if (mark.type === 'appended') numbers.set(mark.seq, mark.number);
    if (mark.type === 'forgotten') for (const seq of mark.seqs) forgotten.add(seq);
    if (mark.type !== 'listed') continue;
    for (const seq of numbers.keys()) forgotten.add(seq);
    for (const [seq, number] of mark.rows) {
      numbers.set(seq, number);
      forgotten.delete(seq);
    }
  }
  const last = marks.findLast(({ type }) => type !== 'opened');
  await using outbox = openOutbox({
    dir,
    kiosk: 'gate-a',
    clock,
    chance: seededChance(2 ** 31),
    log: new RecordingLog(),
  });
  if (opened !== undefined) assert.equal(outbox.epoch, opened.epoch, 'the outbox is another one');
  const rows = outbox.peek(0, 1_000_000);
  const seqs = rows.map(({ seq }) => seq);
  // The commit that was under way may have been made, as a whole, without time to say so.
  const next = Math.max(0, ...numbers.keys()) + 1;
  if (last?.type === 'appending' && seqs.includes(next)) numbers.set(next, last.number);
  if (last?.type === 'forgetting' && !seqs.some((seq) => last.seqs.includes(seq))) {
    for (const seq of last.seqs) forgotten.add(seq);
  }
  const expected = [...numbers].filter(([seq]) => !forgotten.has(seq));
  assert.deepEqual(
    rows.map(({ seq, body }) => [seq, numberOf(body)]),
    expected.sort(([one], [other]) => one - other),
    'the unsent entries',
  );
  assert.equal(outbox.depth(), rows.length);
  checkPassages(outbox, numbers);
  const guards = [...numbers].sort(([one], [other]) => one - other).flatMap(([, number]) => gateOf(number) ?? []);
  assert.deepEqual(outbox.gate(), guards.at(-1) ?? null, 'how the gate is set');
  assert.equal(outbox.append(makeDraft(999_999)).seq, numbers.size + 1, 'the next seq');
  await outbox[Symbol.asyncDispose]();
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(join(dir, outboxFileName), { fileMustExist: true }), (db) => db.close());
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok');
}

function checkPassages(outbox: Outbox, numbers: ReadonlyMap<number, number>): void {
  const latest = new Map<string, Presence>();
  for (const [, number] of [...numbers].sort(([one], [other]) => one - other)) {
    const presence = presenceOf(number);
    if (presence !== null) latest.set(presence.subject, presence);
  }
  for (const { subject, direction, atMs } of latest.values()) {
    assert.deepEqual(outbox.lastDirection(subject), { direction, atMs }, `the last passage of ${subject}`);
  }
}
