/**
 * The deleting half of a store. It works beside a gateway that serves: entries, places and upstreams are never renumbered,
 * and each call is one short transaction, so that a commit of entries waits for no more than that.
 */
import type { Correction, Removals } from './store.ts';

/** What of an age may go. */
export interface PurgeOrder {
  /** Only what arrived before, and was taken by every upstream before; milliseconds since the Unix epoch. */
  readonly beforeMs: number;
  /** The upstreams that are configured: one that never took anything holds everything back. */
  readonly upstreams: readonly string[];
}

/** How far a purge or an erasure has come: pass it to the next call. */
export interface Cursor {
  readonly entry: number;
  readonly item: number;
}

/** Before the first. */
export const cursorStart: Cursor = Object.freeze({ entry: 0, item: 0 });

/** What one call did. */
export interface Slice extends Removals {
  /** Null when it was the last. */
  readonly next: Cursor | null;
}

/** What one call of an erasure did. */
export interface EraseSlice extends Slice {
  /** Entries that stay, because an upstream has not taken them yet. */
  readonly unforwarded: readonly { readonly id: string; readonly receivedMs: number }[];
  /** The ids of the entries that were deleted. */
  readonly ids: readonly string[];
}

/** An upstream and how far it is. */
export interface UpstreamPlace {
  readonly upstream: string;
  readonly place: number;
  /** Entries behind that place that are old enough to go. */
  readonly holding: number;
}

/** Rejects with STORE_WRITE_FAILED, STORE_READ_FAILED or STORE_CORRUPT; the next call may succeed. */
export interface StoreRemover extends AsyncDisposable {
  /**
   * Remembers that what every upstream has taken by now was taken by `nowMs`: an entry's days count from there. Call it now
   * and then, so that the days are counted well.
   */
  noteTaken(upstreams: readonly string[], nowMs: number): Promise<void>;

  /** What a purge would delete. */
  countPurgeable(order: PurgeOrder): Promise<Removals>;

  /** Deletes a slice of what may go, for good. */
  purge(order: PurgeOrder, from: Cursor): Promise<Slice>;

  /** Remembers that a purge has come to its end, and forgets what only served older entries. */
  endPurge(order: PurgeOrder): Promise<void>;

  /** Which upstreams hold back what is old enough to go. */
  holdingBack(order: PurgeOrder): Promise<readonly UpstreamPlace[]>;

  /** Forgets an upstream that is configured no more; should it come back, it gets everything that is still here. */
  forgetUpstream(upstream: string): Promise<boolean>;

  /**
   * Deletes a slice of what there is of a person: entries that every upstream has taken, or, where ids to spare are given,
   * all others; what lies in quarantine and names the person, or one of those entries.
   */
  erase(order: EraseOrder, from: Cursor): Promise<EraseSlice>;

  /** Keeps a correction, durably. */
  addCorrection(correction: Correction): Promise<void>;

  /** The corrections of a person, oldest first. */
  corrections(subjects: readonly string[]): Promise<readonly Correction[]>;

  /** Deletes them; how many there were. */
  eraseCorrections(subjects: readonly string[]): Promise<number>;

  /** Brings all of it into the file, empties the log and overwrites what SQLite leaves between rows. */
  settle(): Promise<void>;
}

/** Whose traces are to be erased. */
export interface EraseOrder {
  /** The pseudonyms of one person, who may have shown several cards. */
  readonly subjects: readonly string[];
  readonly upstreams: readonly string[];
  /** In a copy of the store: the ids of the entries that stay in the store itself. Null in the store itself. */
  readonly spared: ReadonlySet<string> | null;
  /** Ids that were erased before, so that what lies in quarantine of them goes too. */
  readonly ids: ReadonlySet<string>;
}
