import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { betterOf, errorAt, estimateFrom } from '../../../kiosk/time-estimate.ts';
import { driftMs, driftPpmMax } from '../../../shared/drift.ts';

const noon = Date.UTC(2026, 10, 20, 12);

describe('an estimate of the time', () => {
  it('takes the answer for the middle of its way, give or take half of it', () => {
    const exchange = { askedMs: 10_000, answeredMs: 10_040, gatewayMs: noon, gatewayErrorMs: 500 };
    expect(estimateFrom(exchange)).toEqual({ offsetMs: noon + 20 - 10_040, errorMs: 520, atMs: 10_040 });
  });

  it('holds the true time within its error, however long either way took', () => {
    const ms = fc.integer({ min: 0, max: 60_000 });
    fc.assert(
      fc.property(ms, ms, fc.integer({ min: -500, max: 500 }), (thereMs, backMs, gatewayOffMs) => {
        const askedMs = 5_000;
        const answeredMs = askedMs + thereMs + backMs;
        const gatewayMs = noon + thereMs + gatewayOffMs;
        const { offsetMs, errorMs } = estimateFrom({ askedMs, answeredMs, gatewayMs, gatewayErrorMs: 500 });
        const trueOffsetMs = noon - askedMs;
        expect(Math.abs(offsetMs - trueOffsetMs)).toBeLessThanOrEqual(errorMs);
      }),
    );
  });

  it('grows worse by the bound on drift, so that a quick exchange of long ago gives way at last', () => {
    const quick = { offsetMs: 1, errorMs: 10, atMs: 0 };
    const slow = { offsetMs: 2, errorMs: 500, atMs: 3_600_000 };
    expect(errorAt(quick, 3_600_000)).toBe(10 + (3_600_000 * driftPpmMax) / 1e6);
    expect(betterOf(quick, { ...slow, atMs: 60_000 }, 60_000)).toBe(quick);
    expect(betterOf(quick, slow, 3_600_000)).toBe(slow);
    expect(betterOf(null, slow, 3_600_000)).toBe(slow);
    expect(driftMs(-1_000_000)).toBe(driftPpmMax);
  });
});
