import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  batchBytesMax,
  batchKey,
  createForwarder,
  type Forwarder,
  safetyLookMs,
  stopTimeoutMs,
} from '../../../gateway/forwarder.ts';
import { entriesPerBatchMax, refusedInRowMax } from '../../../gateway/forwarding.ts';
import { retryPlan, sameReasonLogMs, standOffPlan } from '../../../gateway/forwarding-delays.ts';
import type { Store } from '../../../gateway/store/store.ts';
import type { Delivery } from '../../../shared/ports.ts';
import { arrival, collect } from '../../contract/store.ts';
import { uuid } from '../../fakes/entries.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { later, refuseWith, ScriptedUpstream, takeAll, type UpstreamScript } from '../../fakes/scripted-upstream.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

let store: MemoryStore;
let clock: VirtualClock;
let log: RecordingLog;
let upstream: ScriptedUpstream;
let forwarders: Forwarder[];

beforeEach(() => {
  store = new MemoryStore();
  clock = new VirtualClock();
  log = new RecordingLog();
  upstream = new ScriptedUpstream();
  forwarders = [];
});

afterEach(async () => {
  for (const forwarder of forwarders) {
    const disposed = forwarder[Symbol.asyncDispose]();
    await clock.advance(stopTimeoutMs);
    await disposed;
  }
});

function start(changes: Partial<Parameters<typeof createForwarder>[0]> = {}): Forwarder {
  const forwarder = createForwarder({ store, upstream, clock, chance: seededChance(1), log, ...changes });
  forwarders.push(forwarder);
  return forwarder;
}

async function fill(from: number, to: number): Promise<void> {
  await store.append(Array.from({ length: to - from + 1 }, (_, index) => arrival(from + index)));
}

const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => uuid(from + index));

/** Refuses the entries 1 to `last`, each with a reason of its own. */
function saysWhy(last: number): UpstreamScript {
  const poison = new Set(ids(1, last));
  return ({ entries }) => {
    const bad = entries.find(({ id }) => poison.has(id));
    return bad === undefined ? { type: 'taken', rejected: [] } : { type: 'refused', reason: `HTTP 422: ${bad.id}` };
  };
}

/** Lets everything happen that needs no time. */
const quiet = () => settle(2000);

async function quarantinedIds(): Promise<string[]> {
  const items = await collect(store.quarantine());
  return items.map(({ raw }) => (JSON.parse(Buffer.from(raw).toString('utf8')) as { id: string }).id);
}

async function place(name = upstream.name): Promise<number> {
  const { upstreams } = await store.check();
  return upstreams.find((progress) => progress.upstream === name)?.place ?? 0;
}

describe('forwarding', () => {
  test('sends a backlog in order, in full batches, and marks it', async () => {
    await fill(1, 1200);
    const forwarder = start();
    await quiet();
    expect(upstream.batches.map(({ entries }) => entries.length)).toEqual([500, 500, 200]);
    expect([...upstream.taken]).toEqual(ids(1, 1200));
    expect(await place()).toBe(1200);
    expect(forwarder.status).toMatchObject({
      state: 'idle',
      taken: 1200,
      refused: 0,
      lastError: null,
      lastTakenMs: clock.nowMs(),
    });
  });

  test('sends a new entry at once, without waiting for a time of its own', async () => {
    start();
    await quiet();
    await fill(1, 1);
    await quiet();
    expect([...upstream.taken]).toEqual(ids(1, 1));
  });

  test('finds entries that the store forgot to announce', async () => {
    const mute = Object.create(store, {
      onAppended: { value: () => ({ [Symbol.dispose]: () => undefined }) },
    }) as Store;
    for (const method of ['readNext', 'markForwarded'] as const) {
      Object.defineProperty(mute, method, { value: store[method].bind(store) });
    }
    start({ store: mute });
    await quiet();
    await fill(1, 3);
    await clock.advance(safetyLookMs - 1);
    expect(upstream.taken.size).toBe(0);
    await clock.advance(1);
    expect(upstream.taken.size).toBe(3);
  });

  test('does not sleep over an entry that comes while it finds nothing', async () => {
    let first = true;
    const racing = new Proxy(store, {
      get(target, key) {
        if (key !== 'readNext') return Reflect.get(target, key).bind(target);
        return async (...given: Parameters<Store['readNext']>) => {
          const found = await target.readNext(...given);
          if (first) await fill(1, 1);
          first = false;
          await settle();
          return found;
        };
      },
    });
    start({ store: racing });
    await quiet();
    expect(upstream.taken.size).toBe(1);
  });

  test('keeps a batch within its bytes as they are sent, whatever the envelope adds', async () => {
    upstream.wireBytes = () => 100_000;
    await fill(1, 30);
    start();
    await quiet();
    const perBatch = Math.floor(batchBytesMax / 100_000);
    expect(upstream.batches.map(({ entries }) => entries.length)).toEqual([perBatch, perBatch, perBatch]);
    expect([...upstream.taken]).toEqual(ids(1, 30));
  });

  test('sends a single entry however long it is', async () => {
    upstream.wireBytes = () => batchBytesMax * 2;
    await fill(1, 2);
    start();
    await quiet();
    expect(upstream.batches.map(({ entries }) => entries.length)).toEqual([1, 1]);
  });

  test('quarantines what a taken batch names as rejected', async () => {
    upstream.script = () => ({ type: 'taken', rejected: [{ id: uuid(2), reason: 'unknown gate' }] });
    await fill(1, 3);
    const forwarder = start();
    await quiet();
    expect(await quarantinedIds()).toEqual([uuid(2)]);
    expect(forwarder.status).toMatchObject({ taken: 2, refused: 1 });
    expect(log.lines.find(({ event }) => event === 'forwarder.quarantined')?.fields).toMatchObject({
      ids: [uuid(2)],
      reason: 'unknown gate',
    });
  });

  test('two upstreams go at their own pace, and one that hangs delays no other', async () => {
    const stuck = new ScriptedUpstream(() => new Promise(() => undefined), 'stuck:');
    await fill(1, 700);
    const hanging = start({ upstream: stuck });
    start();
    await quiet();
    expect(upstream.taken.size).toBe(700);
    expect(await place('stuck:')).toBe(0);
    expect(hanging.status.state).toBe('sending');
  });

  test('goes on from the place in the store after a restart', async () => {
    await fill(1, 10);
    await start()[Symbol.asyncDispose]();
    await fill(11, 20);
    start();
    await quiet();
    expect(upstream.batches.flatMap(({ entries }) => entries.map(({ id }) => id))).toEqual(ids(1, 20));
  });
});

describe('a batch key', () => {
  const entries = (numbers: readonly number[]) =>
    numbers.map((number) => ({ id: uuid(number), kiosk: 'gate-a', at: '', subject: null, body: '{}' }));

  test('is the same for the same entries only', () => {
    expect(batchKey(entries([1, 2]))).toBe(batchKey(entries([1, 2])));
    const keys = [[1, 2], [2, 1], [1], [1, 2, 3]].map((numbers) => batchKey(entries(numbers)));
    expect(new Set(keys).size).toBe(4);
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{32}$/);
  });
});

describe('an upstream that is not able', () => {
  test('gets the very same batch again, also when more has come meanwhile', async () => {
    const answers: Delivery[] = [later(), later()];
    upstream.script = () => answers.shift() ?? { type: 'taken', rejected: [] };
    await fill(1, 3);
    start();
    await quiet();
    await fill(4, 6);
    await clock.advance(10_000);
    expect(upstream.batches.slice(0, 3).map(({ key }) => key)).toEqual(Array(3).fill(upstream.batches[0]?.key));
    expect([...upstream.taken]).toEqual(ids(1, 6));
  });

  test('is asked again for ever, at growing intervals that stay below a minute', async () => {
    upstream.script = () => later();
    await fill(1, 1);
    start();
    await clock.advance(3_600_000);
    const anHour = upstream.batches.length;
    expect(anHour).toBeGreaterThan(3_600_000 / retryPlan.maxMs - 5);
    expect(anHour).toBeLessThan(3_600_000 / (retryPlan.maxMs / 2) + 10);
    upstream.script = takeAll;
    await clock.advance(retryPlan.maxMs);
    expect(upstream.taken.size).toBe(1);
  });

  test('is left alone as long as it asked for', async () => {
    const answers: Delivery[] = [later('HTTP 429', 300_000)];
    upstream.script = () => answers.shift() ?? { type: 'taken', rejected: [] };
    await fill(1, 1);
    start();
    await clock.advance(299_999);
    expect(upstream.batches).toHaveLength(1);
    await clock.advance(1);
    expect(upstream.taken.size).toBe(1);
  });

  test('is logged on a change of reason and then once a minute, as an error where a person must act', async () => {
    upstream.script = () =>
      later(upstream.batches.length <= 3 ? 'HTTP 503' : 'HTTP 401', null, upstream.batches.length > 3);
    await fill(1, 1);
    const forwarder = start();
    await clock.advance(10 * sameReasonLogMs);
    const delays = log.lines.filter(({ event }) => event === 'forwarder.delayed');
    expect(delays[0]).toMatchObject({ level: 'warn', fields: { reason: 'HTTP 503' } });
    expect(delays[1]).toMatchObject({ level: 'error', fields: { reason: 'HTTP 401' } });
    expect(delays.length).toBeGreaterThan(5);
    expect(delays.length).toBeLessThanOrEqual(12);
    expect(forwarder.status).toMatchObject({ state: 'waiting', lastError: { reason: 'HTTP 401', alarm: true } });
    upstream.script = takeAll;
    await clock.advance(retryPlan.maxMs);
    expect(log.events).toContain('forwarder.recovered');
    expect(forwarder.status.lastError).toBeNull();
  });

  test('that throws, which it may not, is treated as one that is not able', async () => {
    upstream.script = () => {
      throw new Error('a bug');
    };
    await fill(1, 1);
    const forwarder = start();
    await quiet();
    expect(forwarder.status.lastError).toMatchObject({ reason: 'a bug', alarm: true });
  });
});

describe('an upstream that refuses', () => {
  test('single entries keeps them out of its way and in quarantine, with what it said', async () => {
    const poison = new Set([uuid(7), uuid(300), uuid(301), uuid(900)]);
    upstream.script = refuseWith(poison);
    await fill(1, 1000);
    start();
    await quiet();
    expect(await quarantinedIds()).toEqual([...poison]);
    expect([...upstream.taken]).toEqual(ids(1, 1000).filter((id) => !poison.has(id)));
    expect((await collect(store.quarantine()))[0]).toMatchObject({
      upstream: upstream.name,
      reason: 'upstream-refused',
      detail: expect.stringContaining('HTTP 422'),
    });
  });

  test('the only entry there is does not wait for another', async () => {
    upstream.script = refuseWith(new Set([uuid(1)]));
    await fill(1, 1);
    start();
    await quiet();
    expect(await quarantinedIds()).toEqual([uuid(1)]);
  });

  test('a long run of entries gets what is behind it, and each is kept with what was said of it', async () => {
    upstream.script = saysWhy(90);
    await fill(1, 100);
    start();
    await quiet();
    expect(await quarantinedIds()).toEqual(ids(1, 90));
    expect([...upstream.taken].sort()).toEqual(ids(91, 100));
    const details = (await collect(store.quarantine())).map(({ detail }) => detail);
    expect(details).toEqual(ids(1, 90).map((id) => expect.stringContaining(`HTTP 422: ${id}`)));
  });

  test('a long run with nothing behind it is settled once an entry has come and was taken', async () => {
    upstream.script = saysWhy(30);
    await fill(1, 30);
    start();
    await quiet();
    expect(await quarantinedIds()).toEqual(ids(1, refusedInRowMax));
    await fill(31, 31);
    await clock.advance(standOffPlan.firstMs);
    await quiet();
    expect(await quarantinedIds()).toEqual(ids(1, 30));
    expect([...upstream.taken]).toEqual(ids(31, 31));
  });

  test('everything is asked again ever less often, but at least every quarter of an hour', async () => {
    upstream.script = saysWhy(1000);
    await fill(1, 30);
    start();
    const asked: number[] = [];
    for (let minute = 0; minute < 180; minute++) {
      const before = upstream.batches.length;
      await clock.advance(60_000);
      if (upstream.batches.length > before) asked.push(minute);
    }
    const gaps = asked.slice(1).map((minute, index) => minute - (asked[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(15);
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(12);
    expect((await quarantinedIds()).length).toBe(refusedInRowMax);
  });

  test('everything raises the alarm and keeps all but a few entries waiting until it is mended', async () => {
    upstream.script = ({ entries }) => ({ type: 'refused', reason: `HTTP 400: ${entries.length}` });
    await fill(1, 800);
    const forwarder = start();
    await quiet();
    expect((await quarantinedIds()).length).toBe(refusedInRowMax);
    expect(forwarder.status).toMatchObject({ state: 'waiting', lastError: { alarm: true } });
    expect(forwarder.status.lastError?.reason).toContain('set up wrong');
    const sends = upstream.batches.length;
    await clock.advance(standOffPlan.firstMs * (1 - standOffPlan.jitter) - 1);
    expect(upstream.batches.length).toBe(sends);
    upstream.script = takeAll;
    await clock.advance(standOffPlan.firstMs);
    expect([...upstream.taken]).toEqual(ids(refusedInRowMax + 1, 800));
    expect((await quarantinedIds()).length).toBe(refusedInRowMax);
  });

  test('a large batch gets smaller ones', async () => {
    upstream.script = ({ entries }) =>
      entries.length > 40 ? { type: 'too-large', reason: 'HTTP 413' } : { type: 'taken', rejected: [] };
    await fill(1, entriesPerBatchMax);
    start();
    await quiet();
    expect([...upstream.taken]).toEqual(ids(1, entriesPerBatchMax));
    expect(await quarantinedIds()).toEqual([]);
  });
});

describe('a store that fails', () => {
  function failing(method: 'readNext' | 'markForwarded', times: number): Store {
    let left = times;
    return new Proxy(store, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        if (key !== method) return value.bind(target);
        return (...given: unknown[]) =>
          left-- > 0 ? Promise.reject(new Error('disk I/O error')) : value.apply(target, given);
      },
    });
  }

  test('while reading is asked again, and logged', async () => {
    await fill(1, 3);
    const forwarder = start({ store: failing('readNext', 2) });
    await quiet();
    expect(forwarder.status).toMatchObject({
      state: 'waiting',
      lastError: { alarm: true, reason: 'store: disk I/O error' },
    });
    await clock.advance(10_000);
    expect(upstream.taken.size).toBe(3);
    expect(forwarder.status.lastError).toBeNull();
  });

  test('while reading nothing is forgotten once it works again', async () => {
    const forwarder = start({ store: failing('readNext', 1) });
    await clock.advance(5000);
    expect(forwarder.status).toMatchObject({ state: 'idle', lastError: null });
  });

  test('while marking is asked again without sending again', async () => {
    await fill(1, 3);
    start({ store: failing('markForwarded', 2) });
    await clock.advance(10_000);
    expect(upstream.batches).toHaveLength(1);
    expect(await place()).toBe(3);
  });

  test('so long that the gateway is stopped costs a second delivery under the same key', async () => {
    await fill(1, 3);
    const first = start({ store: failing('markForwarded', 1000) });
    await quiet();
    await first[Symbol.asyncDispose]();
    start();
    await quiet();
    expect(upstream.batches.map(({ key }) => key)).toEqual(Array(2).fill(upstream.batches[0]?.key));
    expect(await place()).toBe(3);
  });
});

describe('stopping', () => {
  test('ends a batch under way and counts nothing of it', async () => {
    upstream.script = (_, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(later('stopping')), { once: true }));
    await fill(1, 1);
    const forwarder = start();
    await quiet();
    await forwarder[Symbol.asyncDispose]();
    expect(forwarder.status.state).toBe('stopped');
    expect(await place()).toBe(0);
    expect(log.events).toEqual([]);
  });

  test('still marks a batch that was taken just then', async () => {
    upstream.script = (_, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ type: 'taken', rejected: [] }), { once: true }),
      );
    await fill(1, 1);
    const forwarder = start();
    await quiet();
    await forwarder[Symbol.asyncDispose]();
    expect(await place()).toBe(1);
  });

  test('takes two seconds at most, even when the upstream does not listen', async () => {
    upstream.script = () => new Promise(() => undefined);
    await fill(1, 1);
    const forwarder = start();
    await quiet();
    let disposed = false;
    void forwarder[Symbol.asyncDispose]().then(() => {
      disposed = true;
    });
    await clock.advance(stopTimeoutMs - 1);
    expect(disposed).toBe(false);
    await clock.advance(1);
    expect(disposed).toBe(true);
    expect(log.events).toContain('forwarder.stop-timed-out');
  });

  test('works while it waits, while it idles, twice, and through its signal', async () => {
    const idle = start();
    await quiet();
    await idle[Symbol.asyncDispose]();
    await idle[Symbol.asyncDispose]();
    upstream.script = () => later();
    await fill(1, 1);
    const stop = new AbortController();
    const waiting = start({ signal: stop.signal });
    await quiet();
    expect(waiting.status.state).toBe('waiting');
    stop.abort();
    await quiet();
    expect(waiting.status.state).toBe('stopped');
    expect(clock.timers).toBe(0);
    expect(start({ signal: stop.signal }).status.upstream).toBe(upstream.name);
    await quiet();
    expect(upstream.batches).toHaveLength(1);
  });
});
