import { describe, expect, it } from 'vitest';
import { around, earliestMs, latestMs } from '../../../gateway/time-bounds.ts';
import { correctTime, type TimeFacts } from '../../../gateway/time-correction.ts';

const dayMs = 24 * 3_600_000;
const now = Date.UTC(2026, 10, 20, 8);
const arrived = { ...around(now, 500), sure: true };

/** An entry that arrives now, of which nothing is known but what its kiosk wrote. */
const nothing: TimeFacts = {
  statedMs: now - 200 * dayMs,
  statedErrorMs: null,
  byBoot: null,
  notBeforeMs: earliestMs,
  notAfterMs: latestMs,
  arrived,
};
const anHourAgo = now - 3_600_000;
const mapped = { ...around(anHourAgo, 3_000), sure: true };

interface Row {
  readonly what: string;
  readonly facts: Partial<TimeFacts>;
  readonly basis: string;
  readonly time: readonly [best: number, from: number, to: number];
}

const rows: readonly Row[] = [
  {
    what: 'of a kiosk whose clock is right is what it wrote',
    facts: { statedMs: anHourAgo, statedErrorMs: 500, byBoot: { ...around(anHourAgo + 400, 500), sure: true } },
    basis: 'kiosk',
    time: [anHourAgo, anHourAgo, anHourAgo],
  },
  {
    what: 'that the gateway had told is what it wrote, within what it may be wrong',
    facts: { statedMs: anHourAgo, statedErrorMs: 4_000 },
    basis: 'kiosk',
    time: [anHourAgo, anHourAgo - 4_000, anHourAgo + 4_000],
  },
  {
    what: 'that the gateway had told roughly, in a boot that it knows better, is within both',
    facts: { statedMs: anHourAgo, statedErrorMs: 8_000, byBoot: { ...around(anHourAgo - 6_000, 3_000), sure: true } },
    basis: 'kiosk',
    time: [anHourAgo - 3_000, anHourAgo - 8_000, anHourAgo - 3_000],
  },
  {
    what: 'of a kiosk that was offline for months with the right time is what it wrote',
    facts: { statedMs: now - 90 * dayMs, statedErrorMs: 500 },
    basis: 'kiosk',
    time: [now - 90 * dayMs, now - 90 * dayMs, now - 90 * dayMs],
  },
  {
    what: 'of a boot that is known follows from its monotonic time',
    facts: { byBoot: mapped },
    basis: 'boot',
    time: [anHourAgo, anHourAgo - 3_000, anHourAgo + 3_000],
  },
  {
    what: 'is exact where the bounds are within a second',
    facts: { byBoot: { ...around(anHourAgo, 900), sure: true } },
    basis: 'boot',
    time: [anHourAgo, anHourAgo, anHourAgo],
  },
  {
    what: 'is never after the arrival',
    facts: { byBoot: { bestMs: now, fromMs: now - 5_000, toMs: now + 5_000, sure: true } },
    basis: 'boot',
    time: [now, now - 5_000, now + 500],
  },
  {
    what: 'of a boot that nobody knows is the earliest possible, between the last sign of life and the next boot',
    facts: { notBeforeMs: now - 9_000_000, notAfterMs: now - 1_000_000 },
    basis: 'order',
    time: [now - 9_000_000, now - 9_000_000, now - 1_000_000],
  },
  {
    what: 'of a boot that nobody knows is what the kiosk wrote where that is possible: its battery may be good',
    facts: { statedMs: now - 5_000_000, notBeforeMs: now - 9_000_000, notAfterMs: now - 1_000_000 },
    basis: 'order',
    time: [now - 5_000_000, now - 9_000_000, now - 1_000_000],
  },
  {
    what: 'of a boot before which there was no sign of life is the latest possible',
    facts: { notAfterMs: now - 1_000_000 },
    basis: 'order',
    time: [now - 1_000_000, earliestMs, now - 1_000_000],
  },
  {
    what: 'of which nothing is known is that of its arrival, at the latest',
    facts: {},
    basis: 'order',
    time: [now, earliestMs, now + 500],
  },
  {
    what: 'in the future is not believed, whatever the kiosk says of its clock',
    facts: { statedMs: now + 60 * dayMs, statedErrorMs: 500, byBoot: mapped },
    basis: 'disputed',
    time: [anHourAgo, anHourAgo - 3_000, anHourAgo + 3_000],
  },
  {
    what: 'in the future, of a boot that nobody knows, is bounded by the arrival',
    facts: { statedMs: now + 60 * dayMs, statedErrorMs: 500, notBeforeMs: now - 9_000_000 },
    basis: 'disputed',
    time: [now - 9_000_000, now - 9_000_000, now + 500],
  },
  {
    what: 'in a past that the boot contradicts is disputed, and may be either',
    facts: { statedMs: now - 200 * dayMs, statedErrorMs: 500, byBoot: mapped },
    basis: 'disputed',
    time: [anHourAgo, now - 200 * dayMs - 500, anHourAgo + 3_000],
  },
  {
    what: 'of a right clock stands against a gateway that never had a time server',
    facts: {
      statedMs: anHourAgo,
      statedErrorMs: 500,
      byBoot: { ...around(anHourAgo - 300 * dayMs, 10), sure: false },
      arrived: { ...around(now - 300 * dayMs, 0), sure: false },
    },
    basis: 'kiosk',
    time: [anHourAgo, anHourAgo, anHourAgo],
  },
  {
    what: 'by a gateway that only knows that it is later than it was has no upper bound',
    facts: { notBeforeMs: now - 9_000_000, arrived: { bestMs: now, fromMs: now - 1_000, toMs: latestMs, sure: true } },
    basis: 'order',
    time: [now - 9_000_000, now - 9_000_000, latestMs],
  },
];

describe('the time of an entry', () => {
  it.each(rows)('$what', ({ facts, basis, time: [bestMs, fromMs, toMs] }) => {
    expect(correctTime({ ...nothing, ...facts })).toEqual({ bestMs, fromMs, toMs, basis });
  });
});
