import fc from 'fast-check';
import { expect, test } from 'vitest';
import { retryDelaysMs } from '../../../shared/retry.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';

const plan = { firstMs: 100, factor: 2, maxMs: 1000, jitter: 0 };
const first = (count: number, delays: Iterator<number, never>) =>
  Array.from({ length: count }, () => delays.next().value);

test('delays double up to the longest and stay there', () => {
  expect(first(6, retryDelaysMs(plan, seededChance(1)))).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test('a new series starts again from the first delay', () => {
  first(5, retryDelaysMs(plan, seededChance(1)));
  expect(first(1, retryDelaysMs(plan, seededChance(1)))).toEqual([100]);
});

test('jitter takes away at most its share, and two kiosks do not return together', () => {
  const jittered = { ...plan, jitter: 0.5 };
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const delays = first(20, retryDelaysMs(jittered, seededChance(seed)));
      const full = first(20, retryDelaysMs(plan, seededChance(seed)));
      for (const [at, delayMs] of delays.entries()) {
        expect(delayMs).toBeGreaterThanOrEqual((full[at] ?? 0) * 0.5 - 1);
        expect(delayMs).toBeLessThanOrEqual(full[at] ?? 0);
      }
    }),
  );
  const series = (seed: number) => first(5, retryDelaysMs(jittered, seededChance(seed)));
  expect(series(1)).not.toEqual(series(2));
});

test('a series never ends, even after years', () => {
  const delays = retryDelaysMs(plan, seededChance(3));
  expect(first(100_000, delays).at(-1)).toBe(1000);
  expect(delays.next().done).toBe(false);
});
