/**
 * Where a gateway keeps what it has acknowledged. The interface is asynchronous so that several gateways can one day
 * share a database behind it; `test/contract/store.ts` is what every implementation must pass.
 */
import type { Entry, SealedIdentity } from '../../shared/entry.ts';
import type { EntryTime, ForwardEntry } from '../../shared/ports.ts';
import type { TraceReader, Trait } from './traces.ts';

/** What the store finds an entry by. */
export interface EntryKeys extends Pick<Entry, 'id' | 'kiosk' | 'epoch' | 'seq' | 'at' | 'subject'>, Trait {
  /** When it was made, as far as was known when it arrived. See `time-correction.ts`. */
  readonly time: EntryTime;
}

/** Something a kiosk sent, ready to be kept. */
export type Arrival =
  | {
      readonly type: 'entry';
      readonly entry: EntryKeys;
      /** Its JSON in UTF-8, byte for byte as the kiosk wrote it. */
      readonly body: Uint8Array;
      /** When it arrived by the gateway's clock, milliseconds since the Unix epoch. */
      readonly receivedMs: number;
    }
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

/** A place in the count of one of a kiosk's outboxes. */
export interface ClaimedPlace {
  readonly epoch: string;
  readonly seq: number;
}

/** A place in the count of a kiosk's outbox. */
export interface Place extends ClaimedPlace {
  readonly kiosk: string;
}

/** Something to be put in quarantine, byte for byte. */
export interface QuarantineDraft {
  /** The kiosk whose certificate sent it. */
  readonly kiosk: string;
  readonly reason: QuarantineReason;
  /** One line for a person; holds no personal data. */
  readonly detail: string;
  readonly raw: Uint8Array;
  /** Which of the kiosk's entries it says that it is; what lies here is not missing. */
  readonly claimed: ClaimedPlace | null;
  /** When it arrived by the gateway's clock, milliseconds since the Unix epoch. */
  readonly receivedMs: number;
}

export interface QuarantineItem extends Omit<QuarantineDraft, 'claimed'> {
  /** Counts up in the order of arrival. */
  readonly position: number;
  /** The upstream that refused it, for `upstream-refused`; null otherwise. */
  readonly upstream: string | null;
}

/** What became of an arrival. The first three are on disk and may be acknowledged; the last must never be. */
export type Verdict =
  | { readonly type: 'stored' }
  /** Kept before under the same id and the same (kiosk, epoch, seq). */
  | { readonly type: 'duplicate' }
  /** Kept in quarantine, now or when the same bytes came before. */
  | { readonly type: 'quarantined'; readonly reason: QuarantineReason; readonly detail: string }
  /** Not kept, because it belongs in quarantine and its kiosk has filled its part of that: see {@link StoreLimits}. */
  | { readonly type: 'unkept'; readonly reason: QuarantineReason; readonly detail: string };

/** How much of what one kiosk sent may lie in quarantine (what goes beyond is `unkept`; all else is still stored), and the index. */
export interface StoreLimits {
  readonly quarantineItemsPerKioskMax: number;
  readonly quarantineBytesPerKioskMax: number;
  /** So many entries, or a few more, are read without an index; then they are indexed together. */
  readonly entriesPerSegment: number;
}

/** The limits unless told otherwise: no repaired kiosk comes near them, and a hundred broken ones do not fill a disk at once. */
export const defaultStoreLimits: StoreLimits = {
  quarantineItemsPerKioskMax: 100_000,
  quarantineBytesPerKioskMax: 256 * 1024 * 1024,
  entriesPerSegment: 16_384,
};

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

/** One run of missing entries of a kiosk's outbox. */
export interface Gap {
  readonly kiosk: string;
  readonly epoch: string;
  /** First and last missing `seq`. */
  readonly from: number;
  readonly to: number;
}

/** How much was deleted on purpose. */
export interface Removals {
  readonly entries: number;
  readonly quarantined: number;
}

/** What `check` finds. */
export interface StoreReport {
  /** Empty when the database is sound. */
  readonly damage: readonly string[];
  readonly entries: number;
  readonly quarantined: number;
  /**
   * What is missing below the highest `seq` known of each outbox, from `seq` 1 on. What lies in quarantine and still
   * says that it comes from that outbox, with which `seq`, is kept and so is not missing. At most {@link gapsMax} runs.
   */
  readonly gaps: readonly Gap[];
  readonly upstreams: readonly UpstreamProgress[];
  /** What was deleted because its time was over: all that arrived up to `untilMs` and was taken long enough ago. */
  readonly purged: Removals & { readonly untilMs: number | null };
  /** What was deleted because a person asked for it. */
  readonly erased: Removals;
}

/** `check` lists at most this many runs of missing entries. */
export const gapsMax = 1000;

/** What somebody said is wrong in what is kept of them. */
export interface Correction {
  /** The identity is bound to it. */
  readonly id: string;
  readonly subject: string;
  /** When it was made, milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly sealed: SealedIdentity;
}

/** Corrections, as they are sealed. Rejects with STORE_READ_FAILED or STORE_CORRUPT. */
export interface CorrectionReader {
  /** The subjects that there are any of. */
  correctedSubjects(): Promise<ReadonlySet<string>>;

  /** The corrections of a person, oldest first. */
  corrections(subjects: readonly string[]): Promise<readonly Correction[]>;
}

/** The reading half of a store: all that the commands need. Rejects with STORE_READ_FAILED or STORE_CORRUPT. */
export interface StoreReader extends CorrectionReader, AsyncDisposable {
  /** Every entry kept when the reading begins, oldest arrival first. Reads in short pages, so it never holds the log open. */
  entries(): AsyncIterable<StoredEntry>;

  /** Those of these ids, in lower case, that are ids of entries here. */
  findKnown(ids: readonly string[]): Promise<ReadonlySet<string>>;

  /** Of these places, those whose entries were here and are deleted; what is sent from there again is known. */
  findRemoved(places: readonly Place[]): Promise<readonly Place[]>;

  /** Everything in quarantine when the reading begins, oldest first, in short pages. */
  quarantine(): AsyncIterable<QuarantineItem>;

  /** How far each upstream is that ever took or refused anything, by name. */
  upstreams(): Promise<readonly UpstreamProgress[]>;

  /** By person, gate and time: see `tracing/`. */
  readonly traces: TraceReader;

  /** Integrity, gaps and how far each upstream is. Reads everything: not for a program that serves. */
  check(): Promise<StoreReport>;
}

export interface Store extends StoreReader {
  /**
   * Keeps a group: all of it is on disk (fsync) when the promise resolves, none of it when it rejects. One verdict an
   * arrival, in order; the ids and places taken earlier in the group count. An id is the same in capitals.
   * Rejects with the Fault STORE_WRITE_FAILED, or STORE_CORRUPT; the next call may succeed.
   */
  append(group: readonly Arrival[]): Promise<readonly Verdict[]>;

  /**
   * The next entries for an upstream in the order of arrival: at most `entriesMax` and at most `bytesMax` bytes of bodies,
   * but at least one if any waits. Rejects with STORE_READ_FAILED or STORE_CORRUPT; the next call may succeed.
   */
  readNext(upstream: string, limits: { entriesMax: number; bytesMax: number }): Promise<readonly StoredEntry[]>;

  /**
   * Moves an upstream's place up to and including `position`, durably, and in the same commit puts the entries it will
   * never take into quarantine. Going back, or beyond the last entry, is refused by assertion; a rejected id that is
   * none of the entries passed over by this move is ignored. Rejects as {@link append} does.
   */
  markForwarded(
    upstream: string,
    position: number,
    rejected: readonly { readonly id: string; readonly reason: string }[],
    nowMs: number,
  ): Promise<void>;

  /**
   * Does a small piece of indexing for {@link StoreReader.traces}, some milliseconds at most, and tells whether there is
   * more to do now. Entries are kept and found without it, only slower. Rejects as {@link append} does.
   */
  indexSome(): Promise<boolean>;

  /**
   * Looks at the entries behind a position, at most `positionsMax` positions of them, for those that bear a guard's card
   * (`shared/control-use.ts`). Gives these, oldest arrival first, and how far it looked: less than `after` where the store
   * ends before that. Rejects as {@link readNext} does.
   */
  findControls(
    after: number,
    positionsMax: number,
  ): Promise<{ readonly entries: readonly StoredEntry[]; readonly lookedTo: number }>;

  /** The position of the newest entry; 0 before the first. Rejects with STORE_READ_FAILED or STORE_CORRUPT. */
  lastPosition(): Promise<number>;

  /** The entries behind a position in the order of arrival, at most `entriesMax` (500). Rejects as {@link readNext} does. */
  entriesAfter(position: number, entriesMax: number): Promise<readonly StoredEntry[]>;

  /** Calls back soon after each append that stored an entry, until disposed. */
  onAppended(callback: () => void): Disposable;
}
