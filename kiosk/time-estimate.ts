/** What time it is by the gateway, computed from exchanges with it. Pure. */
import { driftMs } from '../shared/drift.ts';

/** One question and its answer. */
export interface Exchange {
  /** Monotonic times of the question and of its answer. */
  readonly askedMs: number;
  readonly answeredMs: number;
  /** The gateway's time in between, and by how much that may be wrong. */
  readonly gatewayMs: number;
  readonly gatewayErrorMs: number;
}

/** Wall-clock time as what must be added to monotonic time. Holds within one boot. */
export interface Estimate {
  readonly offsetMs: number;
  /** By how much it may be wrong at `atMs`; afterwards by more, as clocks drift. */
  readonly errorMs: number;
  /** The monotonic time of the exchange. */
  readonly atMs: number;
}

/** The gateway answered at some moment between question and answer: in the middle, give or take half of the way there and back. */
export function estimateFrom({ askedMs, answeredMs, gatewayMs, gatewayErrorMs }: Exchange): Estimate {
  const halfMs = (answeredMs - askedMs) / 2;
  return { offsetMs: gatewayMs + halfMs - answeredMs, errorMs: halfMs + gatewayErrorMs, atMs: answeredMs };
}

/** By how much an estimate may be wrong at a monotonic time, in milliseconds. */
export function errorAt({ errorMs, atMs }: Estimate, monotonicMs: number): number {
  return errorMs + driftMs(monotonicMs - atMs);
}

/** The better of two estimates, as it stands at a monotonic time: a quick exchange of long ago may still be the best. */
export function betterOf(old: Estimate | null, next: Estimate, monotonicMs: number): Estimate {
  return old !== null && errorAt(old, monotonicMs) < errorAt(next, monotonicMs) ? old : next;
}
