/** Times that are known within bounds, and how they follow from a boot's monotonic time. Pure. */
import { driftMs } from '../shared/drift.ts';
import type { EntryTime } from '../shared/ports.ts';

/** When something was: certainly not outside of the bounds, which it includes. */
export type Bounds = EntryTime;

/**
 * What must be added to a boot's monotonic time to have the wall clock's, at one moment of that boot. Away from it, clocks
 * may have drifted apart.
 */
export interface Offset extends Bounds {
  /** The moment, in the boot's own monotonic time. */
  readonly atMs: number;
  /** Whether it comes from a time server in the end; else from a gateway that never had one. */
  readonly sure: boolean;
}

/** Nothing is older: certificates are valid from then on, so nobody was connected before. */
export const earliestMs = Date.UTC(2021, 0, 1);

/** The upper bound of what is known to have none. */
export const latestMs = Date.UTC(2100, 0, 1);

/** A time with its bounds from its middle. */
export function around(ms: number, errorMs: number): Bounds {
  return { bestMs: ms, fromMs: ms - errorMs, toMs: ms + errorMs };
}

/** Moves a time and its bounds. */
export function shifted({ bestMs, fromMs, toMs }: Bounds, byMs: number): Bounds {
  return { bestMs: bestMs + byMs, fromMs: fromMs + byMs, toMs: toMs + byMs };
}

/** The offset of a boot that was at `monotonicMs` when it was `moment`. */
export function offsetOf(moment: Bounds, monotonicMs: number, sure: boolean): Offset {
  return { ...shifted(moment, -monotonicMs), atMs: monotonicMs, sure };
}

/** When it was `monotonicMs` in the boot of an offset. */
export function momentAt(offset: Offset, monotonicMs: number): Bounds {
  const { bestMs, fromMs, toMs } = shifted(offset, monotonicMs);
  const strayMs = driftMs(monotonicMs - offset.atMs);
  return { bestMs, fromMs: Math.max(earliestMs, fromMs - strayMs), toMs: Math.min(latestMs, toMs + strayMs) };
}

/**
 * What two observations of one boot tell together. One that comes from a time server outweighs one that does not. Where
 * the two contradict each other, a clock was set meanwhile, and the later one counts.
 */
export function narrowed(old: Offset | null, next: Offset): Offset {
  if (old === null || (next.sure && !old.sure)) return next;
  if (old.sure && !next.sure) return old;
  const strayMs = driftMs(next.atMs - old.atMs);
  const fromMs = Math.max(old.fromMs - strayMs, next.fromMs);
  const toMs = Math.min(old.toMs + strayMs, next.toMs);
  if (fromMs > toMs) return next;
  const { bestMs } = next.toMs - next.fromMs <= old.toMs - old.fromMs ? next : old;
  return { ...next, bestMs: within(bestMs, fromMs, toMs), fromMs, toMs };
}

/** The nearest number that is not outside. */
export function within(ms: number, fromMs: number, toMs: number): number {
  return Math.min(Math.max(ms, fromMs), toMs);
}

/** An entry's time where it is not just what its kiosk wrote; null where it is. */
export function correctionOf(at: string, { bestMs, fromMs, toMs }: EntryTime): EntryTime | null {
  return fromMs === toMs && bestMs === Date.parse(at) ? null : { bestMs, fromMs, toMs };
}
