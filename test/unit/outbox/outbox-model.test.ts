import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Outbox, openOutbox } from '../../../kiosk/outbox.ts';
import type { Direction } from '../../../shared/entry.ts';
import { Fault } from '../../../shared/fault.ts';
import { makeDraft } from '../../fakes/entries.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const entriesMax = 12;
const presencesMax = 6;
const subjects = ['a', 'b', 'c'];

/** What an outbox must be, as plainly as it can be said. */
class Model {
  seq = 0;
  readonly unsent = new Map<number, string>();
  readonly passages = new Map<string, { seq: number; direction: Direction; atMs: number }>();
}

type Action =
  | { readonly type: 'append'; readonly subject: string | null; readonly direction: Direction }
  | { readonly type: 'forget'; readonly seqs: readonly number[] }
  | { readonly type: 'reopen' | 'crash' };

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('append' as const),
        subject: fc.option(fc.constantFrom(...subjects)),
        direction: fc.constantFrom('in' as const, 'out' as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('forget' as const),
        seqs: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('reopen' as const, 'crash' as const) }) },
  ),
  { minLength: 1, maxLength: 50 },
);

/** One outbox and its model, led through the same actions. */
class Pair {
  readonly #root: string;
  readonly #model = new Model();
  #generation = 0;
  #outbox: Outbox;

  constructor(root: string) {
    this.#root = root;
    this.#outbox = this.#open();
  }

  get #dir(): string {
    return join(this.#root, String(this.#generation));
  }

  #open(): Outbox {
    return openOutbox({
      dir: this.#dir,
      kiosk: 'gate-a',
      clock: new VirtualClock(),
      chance: seededChance(1),
      log: new RecordingLog(),
      freeBytes: () => 1024 ** 4,
      limits: { entriesMax, presencesMax },
    });
  }

  async take(action: Action): Promise<void> {
    if (action.type === 'append') this.#append(action.subject, action.direction);
    else if (action.type === 'forget') this.#forget(action.seqs);
    else await this.#restart(action.type);
    this.#compare();
  }

  async end(): Promise<void> {
    await this.#outbox[Symbol.asyncDispose]();
  }

  #append(subject: string | null, direction: Direction): void {
    const model = this.#model;
    const atMs = model.seq * 1000;
    const presence = subject === null ? null : { subject, direction, atMs };
    if (model.unsent.size >= entriesMax) {
      expect(() => this.#outbox.append(makeDraft(1), presence)).toThrow(Fault);
      return;
    }
    const { seq, body } = this.#outbox.append(makeDraft(model.seq), presence);
    model.seq += 1;
    expect(seq).toBe(model.seq);
    model.unsent.set(seq, body);
    if (subject !== null) model.passages.set(subject, { seq, direction, atMs });
    for (const [known, passage] of model.passages) {
      if (passage.seq <= seq - presencesMax) model.passages.delete(known);
    }
  }

  #forget(seqs: readonly number[]): void {
    this.#outbox.forget(seqs);
    for (const seq of seqs) this.#model.unsent.delete(seq);
  }

  /** After a crash the files are as they were at that moment; nobody closed them. */
  async #restart(how: 'reopen' | 'crash'): Promise<void> {
    const from = this.#dir;
    if (how === 'crash') {
      this.#generation += 1;
      mkdirSync(this.#dir);
      for (const name of ['outbox.db', 'outbox.db-wal']) {
        if (existsSync(join(from, name))) copyFileSync(join(from, name), join(this.#dir, name));
      }
    }
    await this.#outbox[Symbol.asyncDispose]();
    this.#outbox = this.#open();
  }

  #compare(): void {
    const { unsent, passages } = this.#model;
    expect(this.#outbox.depth()).toBe(unsent.size);
    expect(this.#outbox.peek(0, 100)).toEqual([...unsent].map(([seq, body]) => ({ seq, body })));
    for (const subject of subjects) {
      const passage = passages.get(subject);
      const expected = passage === undefined ? null : { direction: passage.direction, atMs: passage.atMs };
      expect(this.#outbox.lastDirection(subject)).toEqual(expected);
    }
  }
}

it('behaves like its model through appends, acknowledgements, restarts and crashes in any order', async () => {
  await fc.assert(
    fc.asyncProperty(actions, async (run) => {
      const root = mkdtempSync(join(tmpdir(), 'ravao-model-'));
      const pair = new Pair(root);
      try {
        for (const action of run) await pair.take(action);
      } finally {
        await pair.end();
        rmSync(root, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
});
