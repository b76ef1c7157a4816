/**
 * Who was where, and together with whom: what an investigation asks of the stored entries. Nothing here opens an
 * identity; those that are given are still sealed to the site's key.
 */
import type { Direction, Entry, Outcome, SealedIdentity } from '../../shared/entry.ts';

/** A span of time, milliseconds since the Unix epoch: from `fromMs` up to but not including `toMs`. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One person passing, or being refused at, one gate. */
export interface Passage {
  /** The entry's id; {@link Passage.identity} is bound to it. */
  readonly id: string;
  readonly kiosk: string;
  readonly gate: string;
  readonly direction: Direction;
  readonly outcome: Outcome;
  /** When, by the best knowledge there is; milliseconds since the Unix epoch, as the two others. */
  readonly atMs: number;
  /** Surely not before, and surely not after: the same as `atMs` where the kiosk's clock could be trusted. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Null where the code gave none. */
  readonly subject: string | null;
  readonly identity: SealedIdentity | null;
  /** The format of the code that was read. */
  readonly kind: string;
  readonly method: Entry['method'];
}

/** Somebody who was there during one stay of the person who is traced: one for each such stay. */
export interface Encounter {
  /** Of the other person. */
  readonly subject: string;
  /** From when to when both may have been there, milliseconds since the Unix epoch: the first and the last moment. */
  readonly fromMs: number;
  readonly toMs: number;
  /** How long both may have been there, which is less where the other went and came again; milliseconds. */
  readonly togetherMs: number;
  /** Where the other person came and went, as far as that is known; in no order. */
  readonly gates: readonly string[];
  /** The stay of the traced person. */
  readonly withFromMs: number;
  readonly withToMs: number;
  /**
   * Whether they were there together beyond doubt, for some of that time: both came and went at times that are known.
   * Where a passage is missing or a clock was wrong, a stay is as long as it may have been.
   */
  readonly certain: boolean;
  /** The position in the store of an entry of the other person's, from the first of those stays. */
  readonly position: number;
}

/** An encounter with what says who it was. */
export interface Meeting extends Encounter {
  /** The id of the entry that {@link Meeting.identity} comes from and is bound to. */
  readonly id: string;
  readonly kiosk: string;
  readonly identity: SealedIdentity | null;
}

/**
 * Finds entries by person, gate and time. `subjects` are the pseudonyms of one person, who may have shown several cards.
 * What is found is what the store held when the iteration began. Rejects with STORE_READ_FAILED or STORE_CORRUPT.
 *
 * A stay lasts from an admitted `in` to the next admitted `out` of the same person, at whatever gate; where one of the
 * two is missing, it lasts up to the person's nearest other passage and at most {@link stayMsMax}.
 */
export interface Tracing {
  /** The passages of a person, also refused ones, oldest first; with a window, those that may lie in it. */
  visitsOf(subjects: readonly string[], window: TimeWindow | null): AsyncIterable<Passage>;

  /** The passages that may lie in a window, at one gate or (null) at all, in the order in which they arrived. */
  passagesAt(gate: string | null, window: TimeWindow): AsyncIterable<Passage>;

  /** Everybody whose stay overlapped one of this person, with a window: within it. Person by person, then by time. */
  together(subjects: readonly string[], window: TimeWindow | null): AsyncIterable<Meeting>;

  /** The same without anybody's identity: many times as fast, and enough to tell how many there are. */
  encounters(subjects: readonly string[], window: TimeWindow | null): AsyncIterable<Encounter>;
}

/**
 * No stay is taken to be longer, in milliseconds: 16 hours, a double shift. Somebody who came without leaving, or left
 * without coming, is taken to have been there for so long; who stays for days is there at both ends of them only.
 */
export const stayMsMax = 16 * 60 * 60 * 1000;
