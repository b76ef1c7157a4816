import { describe, expect, test } from 'vitest';
import { describeFailure } from './failure.ts';
import { faultNames } from './faults.ts';
import { runSeed } from './scenario.ts';

/** Every `npm test` tells these stories. */
const seeds = 200;

/** A run that hangs is ended after this long, in milliseconds; a calm machine takes 40 s, a crowded one a few minutes. */
const timeoutMs = 600_000;

/** In at least so many of the seeds each fault must have taken effect, or it proves nothing. */
const seedsPerFaultMin = 20;

describe('a simulated site', () => {
  test(
    `keeps every promise through ${seeds} seeds of disasters, each fault in many of them`,
    async ({ signal }) => {
      const counts = new Map(faultNames.map((name) => [name, 0]));
      for (let seed = 1; seed <= seeds && !signal.aborted; seed++) {
        const result = await runSeed(seed);
        if (result.failure !== null) expect.fail(describeFailure(result));
        for (const name of result.faults.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      expect([...counts].filter(([, count]) => count < seedsPerFaultMin)).toEqual([]);
    },
    timeoutMs,
  );

  test.each([7, 1234, 20_261_120])('tells the same story twice for seed %i, byte for byte', async (seed) => {
    const first = await runSeed(seed, { keepTrace: true });
    const second = await runSeed(seed, { keepTrace: true });
    expect(second.lines.join('\n')).toBe(first.lines.join('\n'));
    expect(second.digest).toBe(first.digest);
    expect(first.lines.length).toBeGreaterThan(200);
  });

  test('tells different stories for different seeds', async () => {
    const digests = [await runSeed(1), await runSeed(2)].map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(2);
  });
});
