/**
 * The index by which tracing finds passages. Commits of entries do not touch it: whenever a segment's worth of them lies
 * behind it, they are read again in small pieces and written as one segment, at the right edge of two tables. It can be lost
 * at any moment without harm: what is in no segment is read from the entries.
 *
 * Traces of an entry beyond its own row: in `traces`, its subject, times and position, until {@link forgetPositions}; in
 * `segments`, the earliest and the latest time of some thousands of entries. `traits` names gates and kinds of code only.
 */
import type { Database, Transaction } from 'better-sqlite3';
import { oneRow } from './one-row.ts';
import {
  bucketsPerSegment,
  decodeBlock,
  encodeBlock,
  positionOf,
  splitIntoBuckets,
  TraceColumns,
} from './trace-block.ts';
import { TraceRows } from './trace-rows.ts';
import type { Traits } from './traits.ts';

/** Entries read in one piece of work: about a millisecond. */
const entriesPerPiece = 256;

/** A segment that is being gathered. */
interface Gathering {
  readonly columns: TraceColumns;
  readonly last: number;
  /** The position up to which entries were read. */
  readTo: number;
}

/** Writes the index through one connection. */
export class TraceIndexer {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #rows: TraceRows;
  readonly #traits: Traits;
  readonly #entriesPerSegment: number;
  readonly #transact: Transaction<(work: () => unknown) => unknown>;
  #indexedTo: number;
  #gathering: Gathering | null = null;

  constructor(database: Database, traits: Traits, entriesPerSegment: number) {
    this.#statements = prepare(database);
    this.#rows = new TraceRows(database, traits);
    this.#traits = traits;
    this.#entriesPerSegment = entriesPerSegment;
    this.#transact = database.transaction((work) => work());
    this.#indexedTo = this.#statements.indexedTo.get() ?? 0;
  }

  /**
   * Does a piece of work; whether there is more. Throws what SQLite throws, and then begins the segment anew.
   * @param last the highest position given to an entry.
   */
  work(last: number): boolean {
    if (last - this.#indexedTo < this.#entriesPerSegment) return false;
    const gathering = this.#gathering ?? this.#begin();
    if (gathering === null) return false;
    this.#gathering = null; // until this piece has succeeded
    const { columns } = gathering;
    // In a transaction, because an entry of an older version may have a trait that is new.
    this.#commit(() => {
      const traces = this.#rows.read(gathering.readTo, gathering.last, entriesPerPiece);
      for (const trace of traces) columns.add(trace);
      // Fewer than were asked for are the last.
      gathering.readTo = traces[entriesPerPiece - 1]?.position ?? gathering.last;
      if (gathering.readTo === gathering.last && this.#write(gathering)) this.#indexedTo = gathering.last;
    });
    if (gathering.readTo === gathering.last) return last - this.#indexedTo >= this.#entriesPerSegment;
    this.#gathering = gathering;
    return true;
  }

  #commit(work: () => void): void {
    const before = this.#indexedTo;
    try {
      this.#transact.immediate(work);
    } catch (error) {
      this.#indexedTo = before;
      this.#traits.forget();
      throw error;
    }
  }

  #begin(): Gathering | null {
    const first = this.#statements.firstAfter.get(this.#indexedTo);
    if (first === undefined) return null;
    const last = first + this.#entriesPerSegment - 1;
    return { columns: new TraceColumns(first, this.#entriesPerSegment), last, readTo: first - 1 };
  }

  /** Whether the segment was written. */
  #write({ columns, last }: Gathering): boolean {
    const { count, first, fromMs, toMs } = columns;
    const { countBetween, insertSegment, insertTraces } = this.#statements;
    // Somebody may have deleted entries meanwhile, and then nothing of them may be written. The segment is gathered anew.
    if (count === 0 || countBetween.get(first, last) !== count) return false;
    insertSegment.run(first, last, least(fromMs, count), greatest(toMs, count), count);
    for (const [bucket, indexes] of splitIntoBuckets(columns).entries()) {
      if (indexes.length > 0) insertTraces.run(traceId(first, bucket), indexes.length, encodeBlock(columns, indexes));
    }
    return true;
  }
}

/**
 * Takes entries out of the index, inside the caller's transaction, before or after their rows are deleted. Each segment that
 * is concerned is written anew, some 650 KB: better many positions at once than one after the other. What is freed
 * is overwritten only under `secure_delete`.
 */
export function forgetPositions(database: Database, positions: Iterable<number>): void {
  const { segmentOf, tracesOf, updateTraces, deleteTraces, countTraces } = prepareForgetting(database);
  const bySegment = new Map<number, Set<number>>();
  for (const position of positions) {
    const first = segmentOf.get({ position });
    if (first === undefined) continue;
    const forgotten = bySegment.get(first) ?? new Set();
    bySegment.set(first, forgotten.add(position));
  }
  for (const [first, forgotten] of bySegment) {
    for (const { id, passages } of tracesOf.all(traceId(first, 0), traceId(first, bucketsPerSegment - 1))) {
      const block = decodeBlock(passages, first);
      const kept = [...block.offsets.keys()].filter((index) => !forgotten.has(positionOf(block, index)));
      if (kept.length === 0) deleteTraces.run(id);
      else if (kept.length < block.count) updateTraces.run(kept.length, encodeBlock(block, kept), id);
    }
    countTraces.run(traceId(first, 0), traceId(first, bucketsPerSegment - 1), first);
  }
}

/** The id of a bucket's row. */
export function traceId(first: number, bucket: number): number {
  return first * bucketsPerSegment + bucket;
}

/** Where the index contradicts itself or, held against every entry, the entries; empty where it does not. */
export function findFalseTraces(database: Database): readonly string[] {
  const count = oneRow(database.prepare<[], number>(compareTraces).pluck());
  return count === 0 ? [] : [`traces: ${count} segments do not say what there is in entries`];
}

/** How many segments hold another number of passages than they have entries. */
const compareTraces = `
  SELECT count(*) FROM segments
  WHERE entries <> (SELECT count(*) FROM entries WHERE position BETWEEN segments.first AND segments.last)
     OR entries <> (SELECT coalesce(sum(entries), 0) FROM traces
                    WHERE id BETWEEN segments.first * ${bucketsPerSegment} AND segments.first * ${bucketsPerSegment} + ${bucketsPerSegment - 1})`;

function least(column: Float64Array, count: number): number {
  return column.subarray(0, count).reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

function greatest(column: Float64Array, count: number): number {
  return column.subarray(0, count).reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

function prepare(database: Database) {
  return {
    indexedTo: database.prepare<[], number>('SELECT last FROM segments ORDER BY first DESC LIMIT 1').pluck(),
    firstAfter: database
      .prepare<[number], number>('SELECT position FROM entries WHERE position > ? ORDER BY position LIMIT 1')
      .pluck(),
    countBetween: database
      .prepare<[number, number], number>('SELECT count(*) FROM entries WHERE position BETWEEN ? AND ?')
      .pluck(),
    insertSegment: database.prepare<[number, number, number, number, number]>(
      'INSERT INTO segments (first, last, from_ms, to_ms, entries) VALUES (?, ?, ?, ?, ?)',
    ),
    insertTraces: database.prepare<[number, number, Uint8Array]>(
      'INSERT INTO traces (id, entries, passages) VALUES (?, ?, ?)',
    ),
  };
}

function prepareForgetting(database: Database) {
  return {
    segmentOf: database
      .prepare<[{ position: number }], number>(
        `SELECT first FROM (SELECT first, last FROM segments WHERE first <= :position ORDER BY first DESC LIMIT 1)
         WHERE last >= :position`,
      )
      .pluck(),
    tracesOf: database.prepare<[number, number], { id: number; passages: Buffer }>(
      'SELECT id, passages FROM traces WHERE id BETWEEN ? AND ?',
    ),
    updateTraces: database.prepare<[number, Uint8Array, number]>(
      'UPDATE traces SET entries = ?, passages = ? WHERE id = ?',
    ),
    deleteTraces: database.prepare<[number]>('DELETE FROM traces WHERE id = ?'),
    countTraces: database.prepare<[number, number, number]>(
      'UPDATE segments SET entries = (SELECT coalesce(sum(entries), 0) FROM traces WHERE id BETWEEN ? AND ?) WHERE first = ?',
    ),
  };
}
