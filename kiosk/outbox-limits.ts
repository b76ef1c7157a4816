/** What an outbox may hold and use. */
export interface OutboxLimits {
  /** Unsent entries; an append beyond them is refused with OUTBOX_FULL. */
  readonly entriesMax: number;
  /** The share of `entriesMax` from which the level is `warning`. */
  readonly warningShare: number;
  /** The file never grows beyond this many bytes; OUTBOX_FULL. */
  readonly fileBytesMax: number;
  /** With less free disk than this an append is refused with OUTBOX_FULL: forgetting needs some room, too. */
  readonly freeBytesMin: number;
  /** With less free disk than this the level is `warning`. */
  readonly freeBytesLow: number;
  /** Free disk is asked for at most once in this many milliseconds. */
  readonly freeBytesEveryMs: number;
  /** Last directions are remembered for the latest so many entries; older ones are deleted. */
  readonly presencesMax: number;
  /** The log is emptied when everything was sent and nothing was written for so long, in milliseconds. */
  readonly emptyLogAfterMs: number;
}

export const outboxLimits: OutboxLimits = {
  entriesMax: 1_000_000,
  warningShare: 0.8,
  fileBytesMax: 4 * 1024 ** 3,
  freeBytesMin: 64 * 1024 ** 2,
  freeBytesLow: 256 * 1024 ** 2,
  freeBytesEveryMs: 1_000,
  presencesMax: 100_000,
  emptyLogAfterMs: 5 * 60_000,
};

/** How near to its limits an outbox is. `full`: appending is refused for now. */
export type OutboxLevel = 'ok' | 'warning' | 'full';

/** The level of an outbox of `depth` entries on a disk with `freeBytes` free. */
export function levelOf(depth: number, freeBytes: number, limits: OutboxLimits): OutboxLevel {
  const { entriesMax, warningShare, freeBytesMin, freeBytesLow } = limits;
  if (depth >= entriesMax || freeBytes < freeBytesMin) return 'full';
  return depth >= entriesMax * warningShare || freeBytes < freeBytesLow ? 'warning' : 'ok';
}
