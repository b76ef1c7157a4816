/** The index of tracing, read. Every reading is one short statement, or a few. */
import { strict as assert } from 'node:assert';
import type { Database } from 'better-sqlite3';
import { stringify } from 'uuid';
import { bucketsPerSegment, decodeBlock, type TraceBlock, TraceColumns } from './trace-block.ts';
import { traceId } from './trace-index.ts';
import { TraceRows, toTime } from './trace-rows.ts';
import type { TracedEntry, TraceOutline, TraceSegment, Trait } from './traces.ts';
import { KnownTraits } from './traits.ts';

/** Entries read at once where there is no index, with their bodies where they are older than the columns. */
const entriesPerPageMax = 2000;

interface EntryRow {
  position: number;
  id: Buffer;
  kiosk: string;
  body: string;
  at: string;
  bestMs: number | null;
  fromMs: number | null;
  toMs: number | null;
}

/** Prepared statements of one connection. Throws what SQLite throws. */
export class TraceReading {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #traits: KnownTraits;
  readonly #rows: TraceRows;

  constructor(database: Database) {
    this.#statements = prepare(database);
    this.#traits = new KnownTraits(database);
    this.#rows = new TraceRows(database, this.#traits);
  }

  /** As `TraceReader.outline`. */
  outline(last: number): TraceOutline {
    const segments = this.#statements.segments.all();
    return { segments, indexedTo: segments.at(-1)?.last ?? 0, last };
  }

  /** As `TraceReader.traitOf`. */
  traitOf(number: number): Trait {
    const known = this.#traits.get(number);
    if (known !== undefined) return known;
    this.#traits.refresh();
    const trait = this.#traits.get(number);
    assert(trait !== undefined, `entries have the traits ${number}, which nobody knows`);
    return trait;
  }

  /** As `TraceReader.readBuckets`: those of a segment lie side by side. */
  readBuckets(segments: readonly TraceSegment[], from: number, to: number): TraceBlock[][] {
    const buckets = Array.from({ length: to - from + 1 }, (): TraceBlock[] => []);
    for (const { first } of segments) {
      for (const [id, passages] of this.#statements.traces.all(traceId(first, from), traceId(first, to))) {
        buckets[id - traceId(first, from)]?.push(decodeBlock(passages, first));
      }
    }
    return buckets;
  }

  /** As `TraceReader.readSegment`. */
  readSegment(segment: TraceSegment): TraceBlock[] {
    return this.readBuckets([segment], 0, bucketsPerSegment - 1).flat();
  }

  /** As `TraceReader.readTail`. */
  readTail(after: number, upTo: number): { block: TraceBlock; last: number } | null {
    const traces = this.#rows.read(after, upTo, entriesPerPageMax);
    const [first, last] = [traces[0], traces.at(-1)];
    if (first === undefined || last === undefined) return null;
    const block = new TraceColumns(first.position, traces.length);
    for (const trace of traces) block.add(trace);
    return { block, last: last.position };
  }

  /** As `TraceReader.entriesAt`. */
  entriesAt(positions: readonly number[]): TracedEntry[] {
    return positions.flatMap((position) => {
      const row = this.#statements.entry.get(position);
      if (row === undefined) return [];
      const { id, kiosk, body, at, bestMs, fromMs, toMs } = row;
      return [{ position, id: stringify(id), kiosk, body, ...toTime(bestMs, fromMs, toMs, at) }];
    });
  }
}

function prepare(database: Database) {
  return {
    segments: database.prepare<[], TraceSegment>(
      'SELECT first, last, from_ms AS fromMs, to_ms AS toMs FROM segments ORDER BY first',
    ),
    traces: database
      .prepare<[number, number], [id: number, passages: Buffer]>(
        'SELECT id, passages FROM traces WHERE id BETWEEN ? AND ?',
      )
      .raw(),
    entry: database.prepare<[number], EntryRow>(
      `SELECT position, entries.id, kiosk, body, at, best_ms AS bestMs, from_ms AS fromMs, to_ms AS toMs
       FROM entries JOIN streams ON streams.id = stream WHERE position = ?`,
    ),
  };
}
