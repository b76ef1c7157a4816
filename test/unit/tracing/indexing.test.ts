import { describe, expect, test } from 'vitest';
import { keepIndexed } from '../../../gateway/tracing/indexing.ts';
import { Fault } from '../../../shared/fault.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

/** A store that has so much to index, and counts what was done. */
function makeStore(pieces: number) {
  const callbacks = new Set<() => void>();
  const store = {
    pieces,
    done: 0,
    failures: [] as Error[],
    append(more: number) {
      store.pieces += more;
      for (const callback of callbacks) callback();
    },
    async indexSome() {
      const failure = store.failures.shift();
      if (failure !== undefined) throw failure;
      if (store.pieces === 0) return false;
      store.pieces--;
      store.done++;
      return store.pieces > 0;
    },
    onAppended(callback: () => void) {
      callbacks.add(callback);
      return { [Symbol.dispose]: () => void callbacks.delete(callback) };
    },
  };
  return store;
}

const start = (store: ReturnType<typeof makeStore>) => {
  const clock = new VirtualClock();
  const log = new RecordingLog();
  return { clock, log, indexing: keepIndexed({ store, clock, log }) };
};

describe('indexing', () => {
  test('goes through what an earlier program left at full speed, and waits for more', async () => {
    const store = makeStore(50);
    const { clock, indexing } = start(store);
    await clock.advance(1000);
    await settle(60);
    expect([store.done, clock.timers]).toEqual([50, 0]);
    store.append(1);
    await settle();
    expect(store.done).toBe(51);
    await indexing[Symbol.asyncDispose]();
  });

  test('rests after each piece while entries arrive', async () => {
    const store = makeStore(0);
    const { clock, indexing } = start(store);
    store.append(100);
    for (let moment = 0; moment < 10; moment++) {
      await clock.advance(10);
      store.append(0);
    }
    expect(store.done).toBeLessThan(5);
    await clock.advance(200);
    await settle(200);
    expect(store.done).toBe(100);
    await indexing[Symbol.asyncDispose]();
  });

  test('says once that it cannot, and tries again after a minute', async () => {
    const store = makeStore(3);
    store.failures.push(new Fault('STORE_WRITE_FAILED', 'made up'), new Fault('STORE_WRITE_FAILED', 'made up'));
    const { clock, log, indexing } = start(store);
    await clock.advance(59_000);
    expect([store.done, log.events]).toEqual([0, ['tracing.not-indexed']]);
    await clock.advance(62_000);
    await settle();
    expect([store.done, log.events]).toEqual([3, ['tracing.not-indexed']]);
    await indexing[Symbol.asyncDispose]();
  });

  test('ends at once, also while it rests, and may be ended twice', async () => {
    const store = makeStore(1000);
    store.failures.push(new Fault('STORE_WRITE_FAILED', 'made up'));
    const { clock, indexing } = start(store);
    await settle();
    await indexing[Symbol.asyncDispose]();
    await indexing[Symbol.asyncDispose]();
    store.append(5);
    await settle();
    expect([store.done, clock.timers]).toEqual([0, 0]);
  });
});
