import type { Clock } from '../ports.ts';

/** The machine's own time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  // CLOCK_MONOTONIC on Linux: counts from boot, so it can be compared between two processes of one boot.
  monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
