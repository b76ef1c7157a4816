/** What tracing reads of a store. */
import type { Direction, Outcome } from '../../shared/entry.ts';
import type { TraceBlock } from './trace-block.ts';

/** What many passages have in common. */
export interface Trait {
  readonly gate: string;
  readonly direction: Direction;
  readonly outcome: Outcome;
  /** The format of the code that was read. */
  readonly kind: string;
}

/** When a passage was, milliseconds since the Unix epoch. */
export interface PassageTime {
  /** By the best knowledge there is. */
  readonly bestMs: number;
  /** Surely not before, and surely not after. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A run of entries that is indexed. */
export interface TraceSegment {
  /** Its first position, which names it. */
  readonly first: number;
  readonly last: number;
  /** No passage of it can lie outside of this, milliseconds since the Unix epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** How far the index goes. */
export interface TraceOutline {
  /** In the order of arrival. */
  readonly segments: readonly TraceSegment[];
  /** Entries behind this position are in no segment. */
  readonly indexedTo: number;
  /** The highest position given to an entry. */
  readonly last: number;
}

/** An entry that tracing gives back. */
export interface TracedEntry extends PassageTime {
  readonly position: number;
  readonly id: string;
  readonly kiosk: string;
  readonly body: string;
}

/**
 * The index of passages, and what is not indexed yet. Segments never change but by deletion, and what is behind them is
 * read from the entries themselves, so that it makes no difference when a segment is added meanwhile.
 * Everything rejects as the rest of the store's reading does.
 */
export interface TraceReader {
  outline(): Promise<TraceOutline>;

  /** The traits of all that was given by this reader, by their numbers. */
  traitOf(number: number): Trait;

  /** Some buckets of these segments, both ends included: by buckets, the blocks of each that there are. */
  readBuckets(segments: readonly TraceSegment[], from: number, to: number): Promise<readonly (readonly TraceBlock[])[]>;

  /** All blocks of a segment. */
  readSegment(segment: TraceSegment): Promise<readonly TraceBlock[]>;

  /**
   * Entries after one position and up to another that are in no segment: a page, and the position up to which it
   * reaches; null when there are no more.
   */
  readTail(after: number, upTo: number): Promise<{ readonly block: TraceBlock; readonly last: number } | null>;

  /** The entries at these positions, in this order; those that are no more are left out. At most 500 at once. */
  entriesAt(positions: readonly number[]): Promise<readonly TracedEntry[]>;
}
