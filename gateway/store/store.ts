/**
 * Where a gateway keeps what it has acknowledged. The interface is asynchronous so that several gateways can one day
 * share a database behind it; `test/contract/store.ts` is what every implementation must pass.
 */
import type { Entry } from '../../shared/entry.ts';
import type { ForwardEntry } from '../../shared/ports.ts';

/** Something a kiosk sent, ready to be kept. */
export type Arrival =
  | { readonly type: 'entry'; readonly entry: Entry; readonly body: string }
  | { readonly type: 'unreadable'; readonly quarantined: QuarantineDraft };

/** Why something is in quarantine. */
export type QuarantineReason =
  | 'too-long'
  | 'not-utf8'
  | 'not-json'
  | 'version'
  | 'invalid'
  /** The entry names a kiosk other than the one whose certificate sent it. */
  | 'kiosk-mismatch'
  /** Its (kiosk, epoch, seq) is taken by an entry with another id. */
  | 'triple-reused'
  /** Its id is taken by an entry with another (kiosk, epoch, seq). */
  | 'id-reused'
  /** An upstream will never take it. The entry itself stays in the store. */
  | 'upstream-refused';

/** Something to be put in quarantine, byte for byte. */
export interface QuarantineDraft {
  /** The kiosk whose certificate sent it. */
  readonly kiosk: string;
  readonly reason: QuarantineReason;
  /** One line for a person; holds no personal data. */
  readonly detail: string;
  readonly raw: Uint8Array;
  /** When it arrived by the gateway's clock, milliseconds since the Unix epoch. */
  readonly receivedMs: number;
}

export interface QuarantineItem extends QuarantineDraft {
  /** Counts up in the order of arrival. */
  readonly position: number;
  /** The upstream that refused it, for `upstream-refused`; null otherwise. */
  readonly upstream: string | null;
}

/** What became of an arrival. All three are on disk and may be acknowledged. */
export type Verdict = 'stored' | 'duplicate' | 'quarantined';

export interface StoredEntry extends ForwardEntry {
  /** Counts up in the order of arrival; an upstream's place is one of these. */
  readonly position: number;
}

/** How far an upstream is. */
export interface UpstreamProgress {
  readonly upstream: string;
  /** The position of the last entry it has taken or refused; 0 before the first. */
  readonly place: number;
  /** Entries behind that place. */
  readonly waiting: number;
}

/** What `check` finds. */
export interface StoreReport {
  /** Empty when the database is sound. */
  readonly damage: readonly string[];
  readonly entries: number;
  readonly quarantined: number;
  /** A kiosk's outbox whose entries are not 1, 2, 3, … */
  readonly gaps: readonly {
    readonly kiosk: string;
    readonly epoch: string;
    /** First and last missing `seq` of one run. At most {@link gapsMax} runs are listed. */
    readonly from: number;
    readonly to: number;
  }[];
  readonly upstreams: readonly UpstreamProgress[];
}

/** `check` lists at most this many runs of missing entries. */
export const gapsMax = 1000;

export interface Store extends AsyncDisposable {
  /**
   * Keeps a group: all of it is on disk (fsync) when the promise resolves, none of it when it rejects. One verdict an
   * arrival, in order. Entries with an id that is already kept (also earlier in this group) are duplicates.
   * Rejects with the Fault STORE_WRITE_FAILED; the next call may succeed.
   */
  append(group: readonly Arrival[]): Promise<readonly Verdict[]>;

  /** The next entries for an upstream in the order of arrival: at most `entriesMax` and at most `bytesMax` bytes of bodies, but at least one if any waits. */
  readNext(upstream: string, limits: { entriesMax: number; bytesMax: number }): Promise<readonly StoredEntry[]>;

  /**
   * Moves an upstream's place up to and including `position`, durably, and in the same commit puts the entries it will
   * never take into quarantine. Going back is refused by assertion.
   */
  markForwarded(
    upstream: string,
    position: number,
    rejected: readonly { readonly id: string; readonly reason: string }[],
    nowMs: number,
  ): Promise<void>;

  /** Every entry, oldest arrival first. Reads in short pages, so it never holds the log open. */
  entries(): AsyncIterable<StoredEntry>;

  /** Everything in quarantine, oldest first, in short pages. */
  quarantine(): AsyncIterable<QuarantineItem>;

  /** Integrity, gaps and how far each upstream is. */
  check(): Promise<StoreReport>;

  /** Calls back after each append that stored an entry, until disposed. */
  onAppended(callback: () => void): Disposable;
}
