/** How far two clocks that nobody sets drift apart. */

/**
 * At most so many millionths. A computer's crystal is within 50 of its frequency when it is new, and one in a sunlit box
 * or a cold gatehouse strays further; this leaves room for both ends.
 */
export const driftPpmMax = 200;

/** By how much two clocks may have drifted apart after so long, in milliseconds. */
export function driftMs(elapsedMs: number): number {
  return (Math.abs(elapsedMs) * driftPpmMax) / 1_000_000;
}
