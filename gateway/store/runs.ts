/**
 * Which numbers of each stream are in the store, as runs without a gap. A kiosk counts without gaps and sends in order, so
 * a stream is one row that grows, where an index of every entry would write a page of each kiosk at every commit.
 */
import type { Database } from 'better-sqlite3';
import { oneRow } from './one-row.ts';

/** A run of numbers, both ends included. Two runs of a stream never touch: then they are one. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/** The run of a stream that grew last; the table learns of it at the end of the transaction. */
interface Growing {
  readonly first: number;
  last: number;
  /** Where the stream's next run begins. */
  readonly next: number;
  written: boolean;
}

/** The runs of one connection. Every change happens inside the caller's transaction. */
export class Runs {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #growing = new Map<number, Growing>();

  constructor(database: Database) {
    this.#statements = prepare(database);
  }

  /** Whether a stream has a number already. */
  has(stream: number, seq: number): boolean {
    const growing = this.#growing.get(stream);
    if (growing !== undefined && seq >= growing.first && seq < growing.next) return seq <= growing.last;
    return (this.#statements.upTo.get(stream, seq)?.last ?? 0) >= seq;
  }

  /** Adds a number that a stream does not have. */
  add(stream: number, seq: number): void {
    const growing = this.#growing.get(stream);
    if (growing?.last === seq - 1 && seq + 1 < growing.next) {
      growing.last = seq;
      growing.written = false;
      return;
    }
    if (growing !== undefined) this.#write(stream, growing);
    const { upTo, from, remove } = this.#statements;
    const before = upTo.get(stream, seq);
    const after = from.get(stream, seq);
    const joinsAfter = after?.first === seq + 1;
    if (joinsAfter) remove.run(stream, after.first);
    const first = before?.last === seq - 1 ? before.first : seq;
    const last = joinsAfter ? after.last : seq;
    const next = from.get(stream, last)?.first ?? Number.POSITIVE_INFINITY;
    this.#growing.set(stream, { first, last, next, written: false });
  }

  /** Writes what has grown. Call it at the end of the transaction. */
  flush(): void {
    for (const [stream, growing] of this.#growing) this.#write(stream, growing);
  }

  /** Forgets what is remembered: after a rollback, or when it has become too much. What has grown must be written before. */
  forget(): void {
    this.#growing.clear();
  }

  #write(stream: number, growing: Growing): void {
    if (growing.written) return;
    this.#statements.put.run(stream, growing.first, growing.last);
    growing.written = true;
  }
}

/**
 * What is wrong with the runs, held against every entry that is or was here, in one statement; empty where they say just
 * that. Sorts all places: for `check`.
 */
export function findFalseRuns(database: Database): readonly string[] {
  const count = oneRow(database.prepare<[], number>(compareRuns).pluck());
  return count === 0 ? [] : [`runs: ${count} do not say what there is or was in entries`];
}

const compareRuns = `
  WITH there AS MATERIALIZED (
    SELECT stream, min(seq) AS first, max(seq) AS last
    FROM (SELECT stream, seq, seq - row_number() OVER (PARTITION BY stream ORDER BY seq) AS run FROM entries)
    GROUP BY stream, run
  ), deleted AS (
    SELECT stream, first, last FROM removed
  ), known AS MATERIALIZED (
    SELECT stream, min(first) AS first, max(last) AS last FROM (
      SELECT stream, first, last, sum(begins) OVER (PARTITION BY stream ORDER BY first ROWS UNBOUNDED PRECEDING) AS run FROM (
        SELECT stream, first, last, first <> 1 + coalesce(lag(last) OVER (PARTITION BY stream ORDER BY first), -1) AS begins
        FROM (SELECT * FROM there UNION ALL SELECT * FROM deleted)
      )
    ) GROUP BY stream, run
  )
  SELECT (SELECT count(*) FROM (SELECT stream, first, last FROM runs EXCEPT SELECT * FROM known))
       + (SELECT count(*) FROM (SELECT * FROM known EXCEPT SELECT stream, first, last FROM runs))`;

function prepare(database: Database) {
  return {
    upTo: database.prepare<[number, number], Run>(
      'SELECT first, last FROM runs WHERE stream = ? AND first <= ? ORDER BY first DESC LIMIT 1',
    ),
    from: database.prepare<[number, number], Run>(
      'SELECT first, last FROM runs WHERE stream = ? AND first > ? ORDER BY first LIMIT 1',
    ),
    put: database.prepare<[number, number, number]>(
      'INSERT INTO runs (stream, first, last) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last',
    ),
    remove: database.prepare<[number, number]>('DELETE FROM runs WHERE stream = ? AND first = ?'),
  };
}
