import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { createIntake, type Intake, type IntakeLimits } from '../../../gateway/intake.ts';
import type { Fault, FaultCode } from '../../../shared/fault.ts';
import { collect } from '../../contract/store.ts';
import { makeEntry, uuid } from '../../fakes/entries.ts';
import { FailingStore, writeFault } from '../../fakes/failing-store.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

let store: FailingStore;
let clock: VirtualClock;
let log: RecordingLog;
let intake: Intake;

function open(limits: Partial<IntakeLimits> = {}): void {
  intake = createIntake({ store, clock, log, limits });
}

beforeEach(() => {
  store = new FailingStore();
  clock = new VirtualClock();
  log = new RecordingLog();
  open();
});

const bytes = (text: string) => new TextEncoder().encode(text);
const kioskA = { connection: 'a' };
const accept = (number: number, sender: object = kioskA) => intake.accept(sender, 'gate-a', makeEntry(number).payload);

/** What became of promises: `kept`, or the fault's code. */
async function outcomes(promises: readonly Promise<void>[]): Promise<(FaultCode | 'kept')[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => (result.status === 'fulfilled' ? 'kept' : (result.reason as Fault).code));
}

const storedIds = async () => (await collect(store.entries())).map(({ id }) => id);

describe('a packet', () => {
  test('is taken only when the commit that holds it is done', async () => {
    store.hold();
    let taken = false;
    const promise = accept(1).then(() => {
      taken = true;
    });
    await settle();
    expect(store.groups).toHaveLength(1);
    expect(taken).toBe(false);
    store.release();
    await promise;
    expect(await storedIds()).toEqual([uuid(1)]);
  });

  test('that came before is taken and not stored again', async () => {
    expect(await outcomes([accept(1), accept(1), accept(1, {})])).toEqual(['kept', 'kept', 'kept']);
    expect(await storedIds()).toEqual([uuid(1)]);
    expect(intake.counts).toMatchObject({ stored: 1, duplicate: 2, groups: 1 });
  });

  test.each([
    ['not-json', bytes('{"v":1,')],
    ['not-utf8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['too-long', bytes(`"${'x'.repeat(5000)}"`)],
    ['version', bytes('{"v":2,"news":true}')],
    ['invalid', bytes('{"v":1}')],
    ['invalid', bytes('')],
    ['kiosk-mismatch', makeEntry(1, { kiosk: 'gate-b' }).payload],
  ])('that is %s goes to quarantine with its bytes and is taken', async (reason, payload) => {
    await intake.accept(kioskA, 'gate-a', payload);
    const [item] = await collect(store.quarantine());
    const expected = payload.byteLength === 0 ? 'not-json' : reason;
    expect(item).toMatchObject({ kiosk: 'gate-a', reason: expected, receivedMs: clock.nowMs() });
    expect([...(item?.raw ?? [])]).toEqual([...payload]);
    expect(log.lines).toMatchObject([
      { level: 'warn', event: 'intake.quarantined', fields: { kiosk: 'gate-a', reason: expected } },
    ]);
    expect(intake.counts).toMatchObject({ quarantined: 1 });
  });

  test('with a place that is taken goes to quarantine, and the log says why', async () => {
    await accept(1);
    await intake.accept(kioskA, 'gate-a', makeEntry(2, { seq: 1 }).payload);
    expect(log.lines).toMatchObject([{ event: 'intake.quarantined', fields: { reason: 'triple-reused' } }]);
  });
});

describe('a group', () => {
  test('holds all that comes in one turn of the event loop', async () => {
    await Promise.all([accept(1), accept(2), accept(3)]);
    await accept(4);
    expect(store.groups.map((group) => group.length)).toEqual([3, 1]);
  });

  test('gathers while a commit is under way', async () => {
    store.hold();
    const first = accept(1);
    await settle();
    const later = [accept(2), accept(3)];
    await settle();
    later.push(accept(4));
    await settle();
    store.release();
    await Promise.all([first, ...later]);
    expect(store.groups.map((group) => group.length)).toEqual([1, 3]);
  });

  test('has a limit, and what is more goes into the next in order', async () => {
    open({ groupEntriesMax: 2 });
    await Promise.all([1, 2, 3, 4, 5].map((number) => accept(number)));
    expect(store.groups.map((group) => group.length)).toEqual([2, 2, 1]);
    expect(await storedIds()).toEqual([1, 2, 3, 4, 5].map(uuid));
    expect(intake.counts.groups).toBe(3);
  });

  test('never waits for a timer', async () => {
    await accept(1);
    expect(clock.timers).toBe(0);
  });
});

describe('when a commit fails', () => {
  test('nothing in it is taken, and another connection is served by the next', async () => {
    store.failures.push(writeFault());
    expect(await outcomes([accept(1), accept(2, {})])).toEqual(['STORE_WRITE_FAILED', 'STORE_WRITE_FAILED']);
    expect(await outcomes([accept(1, {})])).toEqual(['kept']);
    expect(await storedIds()).toEqual([uuid(1)]);
    expect(intake.counts).toMatchObject({ failures: 1, groups: 1, stored: 1 });
  });

  test('what the same connection sent meanwhile does not overtake it, what others sent is kept', async () => {
    const other = {};
    store.hold();
    store.failures.push(writeFault());
    const first = accept(1);
    await settle();
    const meanwhile = [accept(2), accept(10, other)];
    await settle();
    store.release();
    expect(await outcomes([first, ...meanwhile])).toEqual(['STORE_WRITE_FAILED', 'STORE_WRITE_FAILED', 'kept']);
    expect(await outcomes([accept(3), accept(11, other)])).toEqual(['STORE_WRITE_FAILED', 'kept']);
    expect(await storedIds()).toEqual([uuid(10), uuid(11)]);
  });

  test('what the same connection had waiting beyond the limit of the group does not overtake it', async () => {
    open({ groupEntriesMax: 1 });
    store.failures.push(writeFault());
    expect(await outcomes([accept(1), accept(2)])).toEqual(['STORE_WRITE_FAILED', 'STORE_WRITE_FAILED']);
    expect(store.groups).toHaveLength(1);
  });

  test('it is logged at once, then now and then, and once more when it is over', async () => {
    for (let number = 1; number <= 5; number++) {
      store.failures.push(writeFault());
      await outcomes([accept(number, {})]);
    }
    expect(log.events).toEqual(['intake.commit-failed']);
    await clock.advance(10_000);
    store.failures.push(writeFault());
    await outcomes([accept(6, {})]);
    await accept(7, {});
    await accept(8, {});
    expect(log.lines).toMatchObject([
      { level: 'error', event: 'intake.commit-failed', fields: { unlogged: 0 } },
      { level: 'error', event: 'intake.commit-failed', fields: { unlogged: 4 } },
      { level: 'info', event: 'intake.commit-recovered', fields: { failures: 6 } },
    ]);
    expect(log.lines[0]?.fields.error).toMatch(/STORE_WRITE_FAILED.*disk is full/);
  });

  test.each([1, 2, 3, 4])('at the append number %i of five, only that one is lost to its sender', async (failing) => {
    for (let number = 1; number <= 5; number++) store.failures.push(number === failing ? writeFault() : null);
    const results: string[] = [];
    for (let number = 1; number <= 5; number++) results.push(...(await outcomes([accept(number, {})])));
    expect(results.map((result) => result === 'kept')).toEqual([1, 2, 3, 4, 5].map((number) => number !== failing));
  });
});

describe('limits', () => {
  test('more packets than may wait are refused, and so is the rest of that connection', async () => {
    open({ pendingEntriesMax: 2 });
    const other = {};
    const first = [accept(1), accept(2), accept(3), accept(4, other)];
    expect(await outcomes(first)).toEqual(['kept', 'kept', 'INTAKE_OVERLOADED', 'INTAKE_OVERLOADED']);
    expect(await outcomes([accept(3), accept(4, other), accept(3, {})])).toEqual([
      'INTAKE_OVERLOADED',
      'INTAKE_OVERLOADED',
      'kept',
    ]);
    expect(log.events).toEqual(['intake.overloaded']);
  });

  test('a connection is refused only after what it had sent before is settled, so that each brings something', async () => {
    open({ pendingEntriesMax: 1 });
    store.hold();
    const settled: string[] = [];
    const [first, second] = [accept(1), accept(2)];
    const both = Promise.allSettled([
      first.then(() => settled.push('kept')),
      second.catch(() => settled.push('refused')),
    ]);
    await settle();
    expect(settled).toEqual([]);
    store.release();
    await both;
    expect(settled).toEqual(['kept', 'refused']);
  });

  test('what a commit under way holds counts as waiting', async () => {
    open({ pendingEntriesMax: 1 });
    store.hold();
    const first = accept(1);
    await settle();
    const second = accept(2, {});
    store.release();
    expect(await outcomes([first, second])).toEqual(['kept', 'INTAKE_OVERLOADED']);
  });

  test('more bytes than may wait are refused', async () => {
    const { byteLength } = makeEntry(1).payload;
    open({ pendingBytesMax: byteLength + 10 });
    expect(await outcomes([accept(1), accept(2, {})])).toEqual(['kept', 'INTAKE_OVERLOADED']);
    expect(await outcomes([accept(2, {})])).toEqual(['kept']);
  });

  test('a kiosk whose quarantine is full is refused, the others of its group are kept', async () => {
    const small = new MemoryStore({ quarantineItemsPerKioskMax: 1 });
    intake = createIntake({ store: small, clock, log });
    const bad = {};
    const sent = [bytes('one'), bytes('two'), makeEntry(1).payload].map((payload) =>
      intake.accept(bad, 'gate-a', payload),
    );
    sent.push(intake.accept({}, 'gate-b', makeEntry(2, { kiosk: 'gate-b' }).payload));
    expect(await outcomes(sent)).toEqual(['kept', 'QUARANTINE_FULL', 'kept', 'kept']);
    expect(await outcomes([intake.accept(bad, 'gate-a', makeEntry(3).payload)])).toEqual(['QUARANTINE_FULL']);
    expect(log.events).toEqual(['intake.quarantined', 'intake.unkept']);
    expect(intake.counts).toMatchObject({ quarantined: 1, unkept: 1, stored: 2 });
  });

  test('a flood of bad packets is counted, not logged line by line', async () => {
    for (let number = 0; number < 100; number++) await intake.accept(kioskA, 'gate-a', bytes(`bad ${number}`));
    expect(log.lines).toHaveLength(1);
    await clock.advance(10_000);
    await intake.accept(kioskA, 'gate-a', bytes('bad again'));
    expect(log.lines[1]).toMatchObject({ event: 'intake.quarantined', fields: { unlogged: 99 } });
  });
});

describe('stopping', () => {
  test('takes no more, but keeps what it has taken', async () => {
    open({ groupEntriesMax: 1 });
    const taken = [accept(1), accept(2), accept(3)];
    const stopped = intake[Symbol.asyncDispose]();
    const all = outcomes([...taken, accept(4, {})]);
    await stopped;
    expect(await all).toEqual(['kept', 'kept', 'kept', 'INTAKE_STOPPING']);
    expect(await storedIds()).toEqual([1, 2, 3].map(uuid));
    await intake[Symbol.asyncDispose]();
  });

  test('ends also when the last commit fails', async () => {
    store.failures.push(writeFault());
    const taken = accept(1);
    const [outcome] = await Promise.all([outcomes([taken]), intake[Symbol.asyncDispose]()]);
    expect(outcome).toEqual(['STORE_WRITE_FAILED']);
  });
});

test('whatever fails, nothing is taken that is not kept, and each connection is kept in order', async () => {
  const packet = fc.record({ sender: fc.integer({ min: 0, max: 2 }), pause: fc.boolean() });
  const run = fc.record({
    packets: fc.array(packet, { maxLength: 30 }),
    failures: fc.array(fc.boolean(), { maxLength: 8 }),
    groupEntriesMax: fc.integer({ min: 1, max: 4 }),
    pendingEntriesMax: fc.integer({ min: 1, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(run, async ({ packets, failures, ...limits }) => {
      store = new FailingStore();
      store.failures.push(...failures.map((fails) => (fails ? writeFault() : null)));
      open(limits);
      const senders = [{}, {}, {}];
      const sent: { id: string; sender: number; taken: Promise<void> }[] = [];
      for (const [index, { sender, pause }] of packets.entries()) {
        const taken = accept(index + 1, senders[sender] ?? {});
        taken.catch(() => {});
        sent.push({ id: uuid(index + 1), sender, taken });
        if (pause) await settle(1);
      }
      const results = await outcomes(sent.map(({ taken }) => taken));
      const kept = sent.filter((_, index) => results[index] === 'kept');
      expect((await storedIds()).sort()).toEqual(kept.map(({ id }) => id).sort());
      for (const sender of [0, 1, 2]) {
        const own = results.filter((_, index) => sent[index]?.sender === sender);
        expect(own.lastIndexOf('kept')).toBe(own.filter((result) => result === 'kept').length - 1);
      }
    }),
    { numRuns: 150 },
  );
});
