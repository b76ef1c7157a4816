import { describe, expect, test } from 'vitest';
import { keepLooking } from '../../../gateway/looking.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const everyMs = 1_000;

/** Looks whose outcomes come from a list, one after the other, and what was told of them. */
function setUp(first: 'now' | 'later', outcomes: readonly (Error | null)[] = []) {
  const clock = new VirtualClock();
  const told: [string, boolean][] = [];
  let looks = 0;
  const looking = keepLooking(
    async () => {
      const outcome = outcomes[looks++] ?? null;
      if (outcome !== null) throw outcome;
    },
    { everyMs, first, clock, onFailure: (error, isFirst) => void told.push([(error as Error).message, isFirst]) },
  );
  return { clock, told, looking, looks: () => looks };
}

describe('keepLooking', () => {
  test.each([
    ['now', 1],
    ['later', 0],
  ] as const)('begins %s, and looks once each time', async (first, before) => {
    const { clock, looking, looks } = setUp(first);
    await clock.advance(everyMs - 1);
    expect(looks()).toBe(before);
    await clock.advance(1);
    expect(looks()).toBe(before + 1);
    await clock.advance(3 * everyMs);
    expect(looks()).toBe(before + 4);
    await looking[Symbol.asyncDispose]();
  });

  test('tells of each failure whether it is the first of a row, and looks on', async () => {
    const { clock, told, looking } = setUp('now', [new Error('a'), new Error('b'), null, new Error('c')]);
    await clock.advance(5 * everyMs);
    expect(told).toEqual([
      ['a', true],
      ['b', false],
      ['c', true],
    ]);
    await looking[Symbol.asyncDispose]();
  });

  test('waits at its disposal for the look under way, which is told to stop, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const events: string[] = [];
    const { promise: end, resolve } = Promise.withResolvers<void>();
    const look = async (signal: AbortSignal) => {
      signal.addEventListener('abort', () => events.push('told to stop'), { once: true });
      await end;
      events.push('looked');
    };
    const looking = keepLooking(look, { everyMs, first: 'now', clock, onFailure: () => events.push('failed') });
    const disposed = looking[Symbol.asyncDispose]().then(() => events.push('disposed'));
    resolve();
    await disposed;
    await looking[Symbol.asyncDispose]();
    await clock.advance(3 * everyMs);
    expect(events).toEqual(['told to stop', 'looked', 'disposed']);
    expect(clock.timers).toBe(0);
  });
});
