import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  callRefusal,
  entriesPerBatchMax,
  firstPace,
  nextRange,
  type Pace,
  refusedInRowMax,
  sameBatchAttemptsMax,
  takenBeforeGrowth,
  weigh,
} from '../../../gateway/forwarding.ts';
import type { Delivery } from '../../../shared/ports.ts';

const taken: Delivery = { type: 'taken', rejected: [] };
const refused: Delivery = { type: 'refused', reason: 'HTTP 422' };
const tooLarge: Delivery = { type: 'too-large', reason: 'HTTP 413' };
const later: Delivery = { type: 'later', reason: 'HTTP 503', retryAfterMs: null, alarm: false };

interface Run {
  readonly delivered: readonly number[];
  readonly quarantined: readonly number[];
  readonly sends: number;
  readonly alarms: number;
}

/** Forwards entries 0, 1, … `count` - 1 as the forwarder does, to an upstream that answers as `answer` says. */
function forward(
  count: number,
  answer: (sent: readonly number[]) => Delivery,
  { sendsMax = 20_000, alarmsMax = 3 } = {},
): Run {
  const delivered: number[] = [];
  const quarantined: number[] = [];
  let pace: Pace = firstPace;
  let place = 0;
  let window: number[] = [];
  let sends = 0;
  let alarms = 0;
  while (place < count && alarms < alarmsMax) {
    if (++sends > sendsMax) throw new Error(`no end after ${sendsMax} sends`);
    if (window.length === 0) {
      window = Array.from({ length: Math.min(entriesPerBatchMax, count - place) }, (_, index) => place + index);
    }
    const { start, countMax } = nextRange(pace, window.length);
    const sent = window.slice(start, start + countMax);
    const outcome = weigh(pace, sent.length, callRefusal(answer(sent), sent.length), window.length);
    pace = outcome.pace;
    quarantined.push(...window.slice(0, outcome.refused));
    delivered.push(...window.slice(outcome.refused, outcome.settled));
    place += outcome.settled;
    window = outcome.wait === 'alarm' ? [] : window.slice(outcome.settled);
    if (outcome.wait === 'alarm') alarms++;
  }
  return { delivered, quarantined, sends, alarms };
}

const nextCount = (pace: Pace, windowLength: number) => nextRange(pace, windowLength).countMax;

const refusing = (poison: ReadonlySet<number>) => (sent: readonly number[]) =>
  sent.some((number) => poison.has(number)) ? refused : taken;

const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);

describe('finding what an upstream refuses', () => {
  test('any set of poisonous entries goes to quarantine, exactly that, and all others are delivered in order', () => {
    const backlogs = fc
      .integer({ min: 1, max: 1500 })
      .chain((count) => fc.tuple(fc.constant(count), fc.uniqueArray(fc.nat(count - 1), { maxLength: 40 })));
    fc.assert(
      fc.property(backlogs, ([count, numbers]) => {
        // At the end of a backlog a long run of refusals has no witness behind it: see the test of that.
        const poison = new Set(numbers.filter((number) => number < count - 1));
        const run = forward(count, refusing(poison));
        expect(run.quarantined).toEqual([...poison].sort((a, b) => a - b));
        expect(run.delivered).toEqual(upTo(count).filter((number) => !poison.has(number)));
        const log = Math.ceil(Math.log2(entriesPerBatchMax));
        expect(run.sends).toBeLessThanOrEqual(
          Math.ceil(count / entriesPerBatchMax) + (poison.size + 1) * (2 * log + 4),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('one poisonous entry in a full batch costs about the logarithm of the batch', () => {
    for (const number of [0, 1, 250, 498, 499]) {
      expect(forward(500, refusing(new Set([number]))).sends).toBeLessThanOrEqual(13);
    }
  });

  test('a long run of poisonous entries is quarantined as soon as an entry behind it is taken', () => {
    const poison = new Set(upTo(300).map((number) => number + 100));
    const run = forward(1000, refusing(poison));
    expect(run.quarantined).toEqual([...poison]);
    expect(run.delivered).toHaveLength(700);
    expect(run.alarms).toBe(0);
    // One request for each, not a search for each.
    expect(run.sends).toBeLessThan(300 + 60);
  });

  test('an upstream that refuses everything costs no more than a few entries their place', () => {
    const run = forward(3000, () => refused);
    expect(run.quarantined).toEqual(upTo(refusedInRowMax));
    expect(run.delivered).toEqual([]);
    expect(run.alarms).toBe(3);
  });

  test.each([200, 529, 530, 531, 700, 1100])(
    'an upstream that is mended at request %i gets everything that was in doubt',
    (request) => {
      let calls = 0;
      const run = forward(600, () => (++calls > request ? taken : refused));
      expect(run.quarantined).toEqual(upTo(refusedInRowMax));
      expect(run.delivered).toEqual(upTo(600).slice(refusedInRowMax));
    },
  );

  test('an upstream that takes every batch only to reject all of it is treated no better', () => {
    const run = forward(600, (sent) => ({
      type: 'taken',
      rejected: sent.map((id) => ({ id: `${id}`, reason: 'no' })),
    }));
    expect(run.quarantined).toEqual(upTo(refusedInRowMax));
    expect(run.alarms).toBe(3);
  });

  test('entries that pass one by one but not together are all delivered', () => {
    const run = forward(200, (sent) => (sent.length > 1 ? refused : taken));
    expect(run.delivered).toEqual(upTo(200));
    expect(run.quarantined).toEqual([]);
  });
});

describe('finding how much an upstream takes', () => {
  test('a batch that is too large is halved until it fits, and the size is tried again only now and then', () => {
    const run = forward(50_000, (sent) => (sent.length > 100 ? tooLarge : taken));
    expect(run.delivered).toEqual(upTo(50_000));
    // A window of 500 goes out as eight batches of 62 and one of 4.
    expect(run.sends).toBeLessThan((50_000 / 500) * 9 * 1.05);
  });

  test('an entry that is too large by itself goes to quarantine and blocks nothing', () => {
    const run = forward(1000, (sent) => (sent.includes(321) ? tooLarge : taken));
    expect(run.quarantined).toEqual([321]);
    expect(run.delivered).toHaveLength(999);
  });

  test('after too many batches were taken the ceiling is lifted again', () => {
    let pace = weigh(firstPace, 500, tooLarge, 500).pace;
    expect(nextCount(pace, 500)).toBe(250);
    for (let batch = 0; batch < takenBeforeGrowth; batch++) pace = weigh(pace, 250, taken, 500).pace;
    expect(nextCount(pace, 500)).toBe(500);
  });
});

describe('an upstream that is not able now', () => {
  test('gets the very same batch a few times, then smaller ones, at last single entries', () => {
    let pace = firstPace;
    const sizes: number[] = [];
    for (let attempt = 0; attempt < 15; attempt++) {
      sizes.push(nextCount(pace, 500));
      pace = weigh(pace, nextCount(pace, 500), later, 500).pace;
    }
    expect(sizes.slice(0, sameBatchAttemptsMax)).toEqual(Array(sameBatchAttemptsMax).fill(500));
    expect(sizes[sameBatchAttemptsMax]).toBe(250);
    expect(sizes.at(-1)).toBe(1);
  });

  test('gets full batches again after a handful of successes', () => {
    let pace: Pace = { ...firstPace, size: 1 };
    for (let success = 0; success < 9; success++) pace = weigh(pace, nextCount(pace, 500), taken, 500).pace;
    expect(nextCount(pace, 500)).toBe(500);
  });

  test('settles nothing, and forgets nothing about what was refused before', () => {
    const pace: Pace = { ...firstPace, suspects: 8, refusedInRow: 3 };
    const outcome = weigh(pace, 4, later, 500);
    expect(outcome).toMatchObject({ settled: 0, refused: 0, wait: 'retry', pace: { suspects: 8, refusedInRow: 3 } });
  });

  test('a mixture of every answer loses and reorders nothing', () => {
    const answers = fc.array(fc.constantFrom(taken, later, refused, tooLarge), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(answers, fc.integer({ min: 1, max: 1200 }), (script, count) => {
        let turn = 0;
        const run = forward(count, () => script[turn++] ?? taken);
        expect([...run.delivered, ...run.quarantined].sort((a, b) => a - b)).toEqual(upTo(count));
        expect(run.delivered).toEqual([...run.delivered].sort((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });
});
