/**
 * Which places were in the store and are deleted: what is sent again from there is known, and none of it is missing. Runs
 * without a gap, as in runs.ts; each number of theirs is also in a run of `runs`, which a deletion does not touch.
 */
import type { Database } from 'better-sqlite3';
import { isUuidBefore } from './uuid-time.ts';

/** A place that an entry had, and when the entry arrived (milliseconds since the Unix epoch). */
export interface DeletedPlace {
  readonly stream: number;
  readonly seq: number;
  readonly receivedMs: number;
}

interface RemovedRun {
  readonly first: number;
  readonly last: number;
  readonly untilMs: number;
}

/** The deleted places of one connection. Every change happens inside the caller's transaction. */
export class Removed {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(database: Database) {
    this.#statements = prepare(database);
  }

  /** Whether there was an entry at this place that is deleted. */
  has(stream: number, seq: number): boolean {
    return this.#runAt(stream, seq) !== null;
  }

  /**
   * Whether an entry is one that was deleted and is sent again. An id that was made after the deleted ones had arrived is
   * another entry at the same place: a kiosk that was set back to an older copy of its disk counts again from there.
   */
  isSentAgain(stream: number, seq: number, id: string): boolean {
    const run = this.#runAt(stream, seq);
    return run !== null && isUuidBefore(id, run.untilMs);
  }

  /** Adds places that were not here. */
  add(places: readonly DeletedPlace[]): void {
    const inOrder = places.toSorted((a, b) => a.stream - b.stream || a.seq - b.seq);
    const runs: { stream: number; first: number; last: number; untilMs: number }[] = [];
    for (const { stream, seq, receivedMs } of inOrder) {
      const run = runs.at(-1);
      if (run?.stream === stream && run.last === seq - 1) {
        run.last = seq;
        run.untilMs = Math.max(run.untilMs, receivedMs);
      } else runs.push({ stream, first: seq, last: seq, untilMs: receivedMs });
    }
    for (const { stream, ...run } of runs) this.#put(stream, run);
  }

  #runAt(stream: number, seq: number): RemovedRun | null {
    const run = this.#statements.upTo.get(stream, seq);
    return run !== undefined && run.last >= seq ? run : null;
  }

  /** Joins a run with those that it touches. */
  #put(stream: number, run: RemovedRun): void {
    const { upTo, from, remove, insert } = this.#statements;
    const before = upTo.get(stream, run.first);
    const after = from.get(stream, run.last);
    const touching = [before, after]
      .filter((other) => other !== undefined)
      .filter((other) => other.last === run.first - 1 || other.first === run.last + 1);
    let { first, last, untilMs } = run;
    for (const other of touching) {
      remove.run(stream, other.first);
      first = Math.min(first, other.first);
      last = Math.max(last, other.last);
      untilMs = Math.max(untilMs, other.untilMs);
    }
    insert.run(stream, first, last, untilMs);
  }
}

function prepare(database: Database) {
  const columns = 'first, last, until_ms AS untilMs';
  return {
    upTo: database.prepare<[number, number], RemovedRun>(
      `SELECT ${columns} FROM removed WHERE stream = ? AND first <= ? ORDER BY first DESC LIMIT 1`,
    ),
    from: database.prepare<[number, number], RemovedRun>(
      `SELECT ${columns} FROM removed WHERE stream = ? AND first > ? ORDER BY first LIMIT 1`,
    ),
    remove: database.prepare<[number, number]>('DELETE FROM removed WHERE stream = ? AND first = ?'),
    insert: database.prepare<[number, number, number, number]>(
      'INSERT INTO removed (stream, first, last, until_ms) VALUES (?, ?, ?, ?)',
    ),
  };
}
