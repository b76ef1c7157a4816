import { describe, expect, test } from 'vitest';
import { sleep, within } from '../../../shared/time.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

/** Says whether a promise has settled, without waiting for it. */
function watch(promise: Promise<unknown>): { settled: boolean } {
  const state = { settled: false };
  promise.finally(() => {
    state.settled = true;
  });
  return state;
}

describe('sleep', () => {
  test('ends after its time and not before', async () => {
    const clock = new VirtualClock();
    const state = watch(sleep(clock, 100));
    await clock.advance(99);
    expect(state.settled).toBe(false);
    await clock.advance(1);
    expect(state.settled).toBe(true);
  });

  test('ends at once when aborted, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const aborter = new AbortController();
    const state = watch(sleep(clock, 1e9, aborter.signal));
    await settle();
    expect(clock.timers).toBe(1);
    aborter.abort();
    await settle();
    expect(state.settled).toBe(true);
    expect(clock.timers).toBe(0);
  });

  test('does not start when already aborted', async () => {
    const clock = new VirtualClock();
    await sleep(clock, 1e9, AbortSignal.abort());
    expect(clock.timers).toBe(0);
  });

  test('leaves no listener behind on a signal that lives long', async () => {
    const clock = new VirtualClock();
    const signal = new AbortController().signal;
    const listening = { count: 0 };
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listening.count++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listening.count--;
      removeEventListener.apply(signal, args);
    };
    const slept = sleep(clock, 100, signal);
    expect(listening.count).toBe(1);
    await clock.advance(100);
    await slept;
    expect(listening.count).toBe(0);
  });
});

describe('within', () => {
  test('gives the value that comes in time, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    expect(await within(clock, 100, Promise.resolve('here'))).toEqual({ inTime: true, value: 'here' });
    expect(clock.timers).toBe(0);
  });

  test('says so when the time is over', async () => {
    const clock = new VirtualClock();
    const timed = within(clock, 100, new Promise(() => {}));
    await clock.advance(100);
    expect(await timed).toEqual({ inTime: false });
    expect(clock.timers).toBe(0);
  });

  test('passes a rejection on, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    await expect(within(clock, 100, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(clock.timers).toBe(0);
  });
});
