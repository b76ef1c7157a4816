import type { Run } from './runs.ts';

/** What is missing from runs that should be 1, 2, 3, … together. They come by their first numbers; they may overlap. */
export function* findGaps(runs: Iterable<Run>): Generator<{ from: number; to: number }> {
  let expected = 1;
  for (const { first, last } of runs) {
    if (first > expected) yield { from: expected, to: first - 1 };
    expected = Math.max(expected, last + 1);
  }
}
