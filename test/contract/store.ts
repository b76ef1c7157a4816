/** What every implementation of the gateway's store must do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keysOf } from '../../gateway/intake.ts';
import type { StoreRemover } from '../../gateway/store/remover.ts';
import {
  type Arrival,
  gapsMax,
  type QuarantineDraft,
  type Store,
  type StoreLimits,
  type Verdict,
} from '../../gateway/store/store.ts';
import { createTracing } from '../../gateway/tracing/store-tracing.ts';
import type { Entry } from '../../shared/entry.ts';
import { makeEntry, someEpoch, uuid } from '../fakes/entries.ts';

/** A store under test, and the way to close it and open it again on the same data. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: Store;
  reopen(): Promise<Store>;
  /** Opens what deletes from it, beside it. */
  remover(): Promise<StoreRemover>;
}

const receivedMs = Date.UTC(2026, 10, 20, 8, 30);
const someoneElse = 'AnotherAnotherAnother1';
const otherEpoch = '019a1b2c-0000-7000-8000-00000000e0c5';
const plenty = { entriesMax: 500, bytesMax: 1024 * 1024 };

/** An entry as the intake hands it over. */
export function arrival(number: number, changes: Partial<Entry> = {}): Arrival {
  const { entry, payload } = makeEntry(number, changes);
  return { type: 'entry', entry: keysOf(entry), body: payload, receivedMs };
}

/** Something that is no entry, as the intake hands it over. */
export function unreadable(text: string, changes: Partial<QuarantineDraft> = {}): Arrival {
  const raw = new TextEncoder().encode(text);
  return {
    type: 'unreadable',
    quarantined: { kiosk: 'gate-a', reason: 'not-json', detail: 'made up', raw, claimed: null, receivedMs, ...changes },
  };
}

/** All that an iteration gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const types = (verdicts: readonly Verdict[]) => verdicts.map(({ type }) => type);
const reasons = (verdicts: readonly Verdict[]) =>
  verdicts.map((verdict) => ('reason' in verdict ? verdict.reason : verdict.type));
const idsOf = (entries: readonly { id: string }[]) => entries.map(({ id }) => id);

/** What a test is given: a store that was just opened, empty. */
type Case = (opened: OpenedStore) => Promise<void>;

/** By chapter and title. */
const chapters: Record<string, Record<string, Case>> = {
  "finds guards' cards": {
    'in the order they came, behind a position and as far as it is asked to look': async ({ store }) => {
      const control = { card: '0000000012', action: 'close' };
      const ofKind = (kind: string) => ({ code: { kind, verified: false } });
      await store.append([
        arrival(1),
        arrival(2, { control, ...ofKind('control') }),
        arrival(3, { gate: '"control":{', ...ofKind('unknown') }),
        arrival(4, { control, ...ofKind('visitor') }),
        arrival(5, { control, ...ofKind('unknown') }),
      ]);
      const all = await store.findControls(0, 100);
      expect(all.entries.map(({ id, position }) => [id, position])).toEqual([
        [uuid(2), 2],
        [uuid(4), 4],
        [uuid(5), 5],
      ]);
      const { body } = makeEntry(2, { control, ...ofKind('control') });
      expect(all.entries[0]).toMatchObject({ kiosk: 'gate-a', body });
      expect(all.lookedTo).toBe(5);
      expect(await store.findControls(0, 3)).toMatchObject({ entries: [{ id: uuid(2) }], lookedTo: 3 });
      expect(await store.findControls(2, 100)).toMatchObject({ entries: [{ id: uuid(4) }, { id: uuid(5) }] });
      expect(await store.findControls(5, 100)).toEqual({ entries: [], lookedTo: 5 });
    },

    'and says where it ends when it is asked from beyond': async ({ store }) => {
      await store.append([arrival(1)]);
      expect(await store.findControls(9, 100)).toEqual({ entries: [], lookedTo: 1 });
    },
  },

  'keeps entries': {
    'with the time when they were made, where that is not what their kiosk wrote': async ({ store }) => {
      const { entry, payload } = makeEntry(1);
      const bestMs = Date.parse(entry.at);
      const corrected = [
        { bestMs: bestMs + 1, fromMs: bestMs + 1, toMs: bestMs + 1 },
        { bestMs, fromMs: bestMs - 60_000, toMs: bestMs },
        { bestMs: bestMs - 5, fromMs: bestMs - 10, toMs: bestMs + 3_600_000 },
      ];
      const arrivals = corrected.map((time, index): Arrival => {
        const made = makeEntry(index + 2, { at: entry.at });
        return { type: 'entry', entry: keysOf(made.entry, time), body: made.payload, receivedMs };
      });
      await store.append([{ type: 'entry', entry: keysOf(entry), body: payload, receivedMs }, ...arrivals]);
      const stored = await collect(store.entries());
      expect(stored.map((row) => row.corrected)).toEqual([undefined, ...corrected]);
      expect(stored[0]).not.toHaveProperty('corrected');
      expect(await store.readNext('u', plenty)).toEqual(stored);
    },
    'in the order they came, with the very body that came': async ({ store }) => {
      const numbers = [3, 1, 2];
      expect(types(await store.append(numbers.map((number) => arrival(number))))).toEqual(Array(3).fill('stored'));
      const entries = await collect(store.entries());
      expect(idsOf(entries)).toEqual(numbers.map(uuid));
      expect(entries.map(({ body }) => body)).toEqual(numbers.map((number) => makeEntry(number).body));
      expect(entries.map(({ position }) => position)).toEqual([1, 2, 3]);
      expect(entries[0]).toMatchObject({
        kiosk: 'gate-a',
        at: makeEntry(3).entry.at,
        subject: makeEntry(3).entry.subject,
      });
    },

    'and gives those behind a position, a page of them': async ({ store }) => {
      expect([await store.lastPosition(), await store.entriesAfter(0, 500)]).toEqual([0, []]);
      await store.append([3, 1, 2].map((number) => arrival(number)));
      expect(await store.lastPosition()).toBe(3);
      expect(idsOf(await store.entriesAfter(0, 2))).toEqual([3, 1].map(uuid));
      expect(await store.entriesAfter(2, 500)).toMatchObject([{ position: 3, body: makeEntry(2).body }]);
      expect(await store.entriesAfter(3, 500)).toEqual([]);
    },

    'with text that is not ASCII and an entry without a subject': async ({ store }) => {
      const sent = makeEntry(1, { gate: 'Cổng số 1 😀', subject: null });
      await store.append([arrival(1, { gate: 'Cổng số 1 😀', subject: null })]);
      expect(await collect(store.entries())).toMatchObject([{ subject: null, body: sent.body }]);
    },

    'and numbers and times of any size': async ({ store }) => {
      const seq = Number.MAX_SAFE_INTEGER;
      await store.append([arrival(1, { seq })]);
      expect(types(await store.append([arrival(1, { seq })]))).toEqual(['duplicate']);
      expect((await store.check()).gaps).toEqual([{ kiosk: 'gate-a', epoch: someEpoch, from: 1, to: seq - 1 }]);
    },

    'of an empty group: none': async ({ store }) => {
      expect(await store.append([])).toEqual([]);
    },

    'over closing and opening again': async (opened) => {
      let { store } = opened;
      await store.append([arrival(1), unreadable('x')]);
      await store.markForwarded('up', 1, [], receivedMs);
      store = await opened.reopen();
      expect(types(await store.append([arrival(1), arrival(2), unreadable('x')]))).toEqual([
        'duplicate',
        'stored',
        'quarantined',
      ]);
      expect(idsOf(await collect(store.entries()))).toEqual([uuid(1), uuid(2)]);
      expect(await collect(store.quarantine())).toHaveLength(1);
      expect(idsOf(await store.readNext('up', plenty))).toEqual([uuid(2)]);
    },

    'of many pages, all once, while more arrive': async ({ store }) => {
      const count = 1203;
      await store.append(Array.from({ length: count }, (_, index) => arrival(index + 1)));
      const seen: string[] = [];
      for await (const { id } of store.entries()) {
        if (seen.length % 100 === 0) await store.append([arrival(5000 + seen.length)]);
        seen.push(id);
      }
      expect(seen).toEqual(Array.from({ length: count }, (_, index) => uuid(index + 1)));
    },

    'and may be closed twice': async ({ store }) => {
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  },

  'takes no entry twice': {
    'in one group or in another': async ({ store }) => {
      expect(types(await store.append([arrival(1), arrival(1)]))).toEqual(['stored', 'duplicate']);
      expect(types(await store.append([arrival(1), arrival(2)]))).toEqual(['duplicate', 'stored']);
      expect(await collect(store.entries())).toHaveLength(2);
      expect(await collect(store.quarantine())).toEqual([]);
    },

    'when its id or its epoch comes in capitals': async ({ store }) => {
      await store.append([arrival(1)]);
      const again = arrival(1, { id: uuid(1).toUpperCase(), epoch: someEpoch.toUpperCase() });
      expect(types(await store.append([again]))).toEqual(['duplicate']);
    },

    'from more outboxes than anybody has': async ({ store }) => {
      const count = 10_050;
      const all = Array.from({ length: count }, (_, index) => arrival(index + 1, { epoch: uuid(index + 1), seq: 1 }));
      expect(new Set(types(await store.append(all)))).toEqual(new Set(['stored']));
      expect(new Set(types(await store.append(all)))).toEqual(new Set(['duplicate']));
      expect(await store.check()).toMatchObject({ damage: [], entries: count, gaps: [] });
    },

    'but the same seq of another kiosk or another epoch is another entry': async ({ store }) => {
      const group = [arrival(1), arrival(2, { seq: 1, kiosk: 'gate-b' }), arrival(3, { seq: 1, epoch: otherEpoch })];
      expect(types(await store.append(group))).toEqual(['stored', 'stored', 'stored']);
    },
  },

  'puts in quarantine': {
    'what the intake could not read, byte for byte': async ({ store }) => {
      const raw = Uint8Array.of(0, 255, 10, 13, 0);
      const item = { kiosk: 'gate-b', reason: 'not-utf8', detail: 'why', raw, claimed: null, receivedMs } as const;
      const verdicts = await store.append([arrival(1), { type: 'unreadable', quarantined: item }, arrival(2)]);
      expect(types(verdicts)).toEqual(['stored', 'quarantined', 'stored']);
      const [kept] = await collect(store.quarantine());
      expect(kept).toMatchObject({ position: 1, kiosk: 'gate-b', reason: 'not-utf8', detail: 'why', receivedMs });
      expect(kept?.upstream).toBeNull();
      expect([...(kept?.raw ?? [])]).toEqual([...raw]);
    },

    'nothing at all, if nothing came: an empty payload': async ({ store }) => {
      expect(types(await store.append([unreadable('')]))).toEqual(['quarantined']);
      expect((await collect(store.quarantine())).map(({ raw }) => raw.byteLength)).toEqual([0]);
    },

    'another entry at a place that is taken, also within one group': async ({ store }) => {
      const first = await store.append([arrival(1), arrival(2, { seq: 1 })]);
      const second = await store.append([arrival(3, { seq: 1 })]);
      expect(reasons([...first, ...second])).toEqual(['stored', 'triple-reused', 'triple-reused']);
      const kept = await collect(store.quarantine());
      expect(kept.map(({ raw }) => new TextDecoder().decode(raw))).toEqual([
        makeEntry(2, { seq: 1 }).body,
        makeEntry(3, { seq: 1 }).body,
      ]);
      expect(kept[0]).toMatchObject({ kiosk: 'gate-a', reason: 'triple-reused', receivedMs });
    },

    'an id that comes again from another place, also where that place is taken': async ({ store }) => {
      await store.append([arrival(1), arrival(2)]);
      const verdicts = await store.append([
        arrival(1, { seq: 9 }),
        arrival(1, { kiosk: 'gate-b' }),
        arrival(1, { epoch: otherEpoch }),
        arrival(1, { seq: 2 }),
      ]);
      expect(reasons(verdicts)).toEqual(Array(4).fill('id-reused'));
      expect(await collect(store.entries())).toHaveLength(2);
    },

    'the same bytes of a kiosk once, however often they come': async ({ store }) => {
      expect(types(await store.append([unreadable('x'), unreadable('x')]))).toEqual(['quarantined', 'quarantined']);
      expect(types(await store.append([unreadable('x', { receivedMs: receivedMs + 1 })]))).toEqual(['quarantined']);
      await store.append([arrival(1), arrival(2, { seq: 1 }), arrival(2, { seq: 1 })]);
      expect(await collect(store.quarantine())).toHaveLength(2);
      await store.append([unreadable('x', { kiosk: 'gate-b' }), unreadable('y')]);
      expect(await collect(store.quarantine())).toHaveLength(4);
    },

    'many things, and gives them back in order over several pages': async ({ store }) => {
      const texts = Array.from({ length: 130 }, (_, index) => `item ${index}`);
      await store.append(texts.map((text) => unreadable(text)));
      const kept = await collect(store.quarantine());
      expect(kept.map(({ raw }) => new TextDecoder().decode(raw))).toEqual(texts);
    },
  },

  'gives an upstream': {
    'the next entries, the same until it has taken them': async ({ store }) => {
      await store.append([arrival(1), arrival(2), arrival(3)]);
      const next = () => store.readNext('up', { entriesMax: 2, bytesMax: 1e6 });
      expect(idsOf(await next())).toEqual([uuid(1), uuid(2)]);
      expect(idsOf(await next())).toEqual([uuid(1), uuid(2)]);
      await store.markForwarded('up', 2, [], receivedMs);
      expect(idsOf(await next())).toEqual([uuid(3)]);
      await store.markForwarded('up', 3, [], receivedMs);
      expect(await next()).toEqual([]);
      await store.append([arrival(4)]);
      expect(idsOf(await next())).toEqual([uuid(4)]);
    },

    'no more bytes than asked for, but at least one entry': async ({ store }) => {
      await store.append([arrival(1, { gate: 'Cổng'.repeat(40) }), arrival(2), arrival(3)]);
      const size = (number: number, gate?: string) => Buffer.byteLength(makeEntry(number, gate ? { gate } : {}).body);
      const bytes = size(1, 'Cổng'.repeat(40)) + size(2);
      expect(await store.readNext('up', { entriesMax: 9, bytesMax: bytes })).toHaveLength(2);
      expect(await store.readNext('up', { entriesMax: 9, bytesMax: bytes - 1 })).toHaveLength(1);
      expect(await store.readNext('up', { entriesMax: 9, bytesMax: 1 })).toHaveLength(1);
    },

    'its own place, whatever the others have': async ({ store }) => {
      await store.append([arrival(1), arrival(2)]);
      await store.markForwarded('one', 2, [], receivedMs);
      await store.markForwarded('two', 1, [], receivedMs);
      expect(await store.readNext('one', plenty)).toEqual([]);
      expect(idsOf(await store.readNext('two', plenty))).toEqual([uuid(2)]);
      expect(idsOf(await store.readNext('three', plenty))).toEqual([uuid(1), uuid(2)]);
      const progress = [
        { upstream: 'one', place: 2, waiting: 0 },
        { upstream: 'two', place: 1, waiting: 1 },
      ];
      expect((await store.check()).upstreams).toEqual(progress);
      expect(await store.upstreams()).toEqual(progress);
    },

    'a place that never goes back, nor beyond the last entry': async ({ store }) => {
      await store.append([arrival(1), arrival(2)]);
      await store.markForwarded('up', 2, [], receivedMs);
      await store.markForwarded('up', 2, [], receivedMs);
      await expect(store.markForwarded('up', 1, [], receivedMs)).rejects.toThrow(/up/);
      await expect(store.markForwarded('up', 3, [], receivedMs)).rejects.toThrow(/up/);
      expect((await store.check()).upstreams).toEqual([{ upstream: 'up', place: 2, waiting: 0 }]);
      expect(types(await store.append([arrival(3)]))).toEqual(['stored']);
    },

    'nothing waiting behind its place once it has all, whatever came twice, also after a restart': async (opened) => {
      await opened.store.append([arrival(1), arrival(1)]);
      await opened.store.append([arrival(1)]);
      const store = await opened.reopen();
      await store.append([arrival(2), arrival(2)]);
      const [, last] = await store.readNext('up', plenty);
      await store.markForwarded('up', last?.position ?? 0, [], receivedMs);
      expect((await store.check()).upstreams).toEqual([{ upstream: 'up', place: 2, waiting: 0 }]);
    },

    'a quarantine for what it refuses, while the entry itself stays': async ({ store }) => {
      await store.append([arrival(1), arrival(2), arrival(3)]);
      const rejected = [
        { id: uuid(2).toUpperCase(), reason: 'no\nsuch\u001b[2J gate' },
        { id: uuid(2), reason: 'twice' },
      ];
      await store.markForwarded('up', 2, rejected, receivedMs + 5);
      await store.markForwarded('other', 3, [{ id: uuid(2), reason: 'nor here' }], receivedMs);
      const kept = await collect(store.quarantine());
      expect(kept).toMatchObject([
        { reason: 'upstream-refused', upstream: 'up', kiosk: 'gate-a', receivedMs: receivedMs + 5 },
        { reason: 'upstream-refused', upstream: 'other', detail: 'nor here' },
      ]);
      expect(kept[0]?.detail).toBe('no such [2J gate');
      expect(kept.map(({ raw }) => new TextDecoder().decode(raw))).toEqual(Array(2).fill(makeEntry(2).body));
      expect(await collect(store.entries())).toHaveLength(3);
      expect((await store.check()).gaps).toEqual([]);
    },

    'no quarantine for ids it was not sent': async ({ store }) => {
      await store.append([arrival(1), arrival(2), arrival(3)]);
      await store.markForwarded('up', 1, [], receivedMs);
      const rejected = [uuid(1), uuid(3), uuid(99), 'no id at all'].map((id) => ({ id, reason: 'no' }));
      await store.markForwarded('up', 2, rejected, receivedMs);
      expect(await collect(store.quarantine())).toEqual([]);
    },
  },

  'calls back': {
    'after an append that stored something, until disposed': async ({ store }) => {
      let calls = 0;
      const subscription = store.onAppended(() => calls++);
      await store.append([arrival(1), arrival(2)]);
      await Promise.resolve();
      expect(calls).toBe(1);
      await store.append([arrival(1), unreadable('x')]);
      await Promise.resolve();
      expect(calls).toBe(1);
      subscription[Symbol.dispose]();
      subscription[Symbol.dispose]();
      await store.append([arrival(3)]);
      await Promise.resolve();
      expect(calls).toBe(1);
    },
  },

  'finds entries by their ids': {
    'those that are there, and none that lies in quarantine': async ({ store }) => {
      await store.append([arrival(1), arrival(2), arrival(3, { seq: 2 })]);
      const known = await store.findKnown([uuid(1), uuid(2), uuid(3), uuid(4)]);
      expect([...known].sort()).toEqual([uuid(1), uuid(2)]);
    },
  },

  'finds passages': {
    'of a person and at a gate, also over a restart': async (opened) => {
      await opened.store.append([
        arrival(1, { gate: 'Cổng A' }),
        arrival(2, { gate: 'Cổng B', subject: someoneElse }),
        arrival(3, { gate: 'Cổng B', direction: 'out' }),
        arrival(4, { gate: 'Cổng B', subject: null, outcome: 'refused', reason: 'unreadable' }),
      ]);
      const tracing = createTracing(await opened.reopen());
      const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
      const { entry } = makeEntry(3);
      const visits = await collect(tracing.visitsOf([entry.subject ?? ''], null));
      expect(visits).toMatchObject([
        { id: uuid(1), gate: 'Cổng A', direction: 'in' },
        { id: uuid(3), kiosk: 'gate-a', gate: 'Cổng B', direction: 'out', kind: 'cccd', atMs: Date.parse(entry.at) },
      ]);
      expect(idsOf(await collect(tracing.passagesAt('Cổng B', all)))).toEqual([uuid(2), uuid(3), uuid(4)]);
      expect(await collect(tracing.together([entry.subject ?? ''], null))).toMatchObject([
        { subject: someoneElse, id: uuid(2), gates: ['Cổng B'], togetherMs: 1, certain: false },
      ]);
    },

    'that may have been in a window, by the bounds of their times': async ({ store }) => {
      const given = arrival(1);
      if (given.type !== 'entry') throw new Error('not an entry');
      const time = { bestMs: 5000, fromMs: 4000, toMs: 9000 };
      await store.append([{ ...given, entry: { ...given.entry, time } }]);
      const found = async (fromMs: number, toMs: number) =>
        (await collect(createTracing(store).passagesAt(null, { fromMs, toMs }))).map(({ atMs }) => atMs);
      expect(await found(9000, 9001)).toEqual([5000]);
      expect(await found(3000, 4001)).toEqual([5000]);
      expect([...(await found(9001, 1e13)), ...(await found(0, 4000))]).toEqual([]);
    },

    'the same when there is nothing more to index': async ({ store }) => {
      await store.append([arrival(1), arrival(2, { subject: someoneElse })]);
      expect(await store.indexSome()).toBe(false);
      expect(await collect(createTracing(store).visitsOf([someoneElse], null))).toMatchObject([{ id: uuid(2) }]);
    },
  },

  'finds gaps': {
    'none in an empty store': async ({ store }) => {
      expect(await store.check()).toEqual({
        damage: [],
        entries: 0,
        quarantined: 0,
        gaps: [],
        upstreams: [],
        purged: { entries: 0, quarantined: 0, untilMs: null },
        erased: { entries: 0, quarantined: 0 },
      });
    },

    'none where entries came out of order': async ({ store }) => {
      await store.append([arrival(3), arrival(1), arrival(2)]);
      expect(await store.check()).toMatchObject({ damage: [], entries: 3, gaps: [] });
    },

    'at the start and in between, for each outbox': async ({ store }) => {
      await store.append([
        arrival(3),
        arrival(4),
        arrival(7),
        arrival(10, { epoch: otherEpoch, seq: 2 }),
        arrival(11, { kiosk: 'gate-b', seq: 1 }),
      ]);
      expect((await store.check()).gaps).toEqual([
        { kiosk: 'gate-a', epoch: someEpoch, from: 1, to: 2 },
        { kiosk: 'gate-a', epoch: someEpoch, from: 5, to: 6 },
        { kiosk: 'gate-a', epoch: otherEpoch, from: 1, to: 1 },
      ]);
    },

    'but not where the entry lies in quarantine and says which it is': async ({ store }) => {
      const broken = JSON.stringify({ v: 2, kiosk: 'gate-a', epoch: someEpoch, seq: 2 });
      await store.append([
        arrival(1),
        arrival(3),
        unreadable(broken, { reason: 'version', claimed: { epoch: someEpoch, seq: 2 } }),
      ]);
      expect(await store.check()).toMatchObject({ entries: 2, quarantined: 1, gaps: [] });
    },

    'nor in a count that lies in quarantine for the most part, however long': async ({ store }) => {
      const count = 10_050;
      const claims = (seq: number) => ({ claimed: { epoch: someEpoch, seq }, detail: 'made up' });
      const seqs = Array.from({ length: count }, (_, index) => index + 1);
      await store.append(seqs.map((seq) => (seq % 100 === 0 ? arrival(seq) : unreadable(`${seq}`, claims(seq)))));
      await store.append([arrival(count + 2)]);
      expect((await store.check()).gaps).toEqual([
        { kiosk: 'gate-a', epoch: someEpoch, from: count + 1, to: count + 1 },
      ]);
    },

    'and lists only so many': async ({ store }) => {
      const odd = Array.from({ length: gapsMax + 5 }, (_, index) => arrival(2 * index + 2));
      await store.append(odd);
      expect((await store.check()).gaps).toHaveLength(gapsMax);
    },
  },
};

const fullQuarantine: Record<string, Case> = {
  'keeps the rest of the group and says what it did not keep': async ({ store }) => {
    const group = [unreadable('1'), unreadable('2'), unreadable('3'), arrival(1), arrival(2, { seq: 1 })];
    expect(reasons(await store.append(group))).toEqual(['not-json', 'not-json', 'not-json', 'stored', 'triple-reused']);
    expect(types(await store.append(group))).toEqual(['quarantined', 'quarantined', 'unkept', 'duplicate', 'unkept']);
    expect(await collect(store.quarantine())).toHaveLength(2);
  },

  'still takes that of other kiosks': async ({ store }) => {
    await store.append([unreadable('1'), unreadable('2')]);
    expect(types(await store.append([unreadable('3', { kiosk: 'gate-b' })]))).toEqual(['quarantined']);
  },

  'counts bytes too, also over closing and opening again': async (opened) => {
    let { store } = opened;
    expect(types(await store.append([unreadable('x'.repeat(1500))]))).toEqual(['quarantined']);
    store = await opened.reopen();
    expect(types(await store.append([unreadable('y'.repeat(501)), unreadable('y'.repeat(500))]))).toEqual([
      'unkept',
      'quarantined',
    ]);
  },

  'still takes what an upstream refuses': async ({ store }) => {
    await store.append([unreadable('1'), unreadable('2'), arrival(1)]);
    await store.markForwarded('up', 1, [{ id: uuid(1), reason: 'no' }], receivedMs);
    expect(await collect(store.quarantine())).toHaveLength(3);
  },
};

/** Ids and places from a few numbers, so that they clash in every way, against a model of a few lines. */
async function agreesWithModel(openStore: () => Promise<OpenedStore>): Promise<void> {
  const small = fc.integer({ min: 1, max: 5 });
  const sent = fc.record({ id: small, seq: small, kiosk: fc.constantFrom('gate-a', 'gate-b') });
  const groups = fc.array(fc.array(sent, { minLength: 1, maxLength: 8 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(groups, async (sequence) => {
      await using fresh = await openStore();
      const placeOfId = new Map<number, string>();
      const places = new Set<string>();
      const inQuarantine = new Set<string>();
      for (const group of sequence) {
        const expected = group.map(({ id, seq, kiosk }) => {
          const place = `${kiosk} ${seq}`;
          if (placeOfId.get(id) === place) return 'duplicate';
          if (!placeOfId.has(id) && !places.has(place)) {
            placeOfId.set(id, place);
            places.add(place);
            return 'stored';
          }
          const reason = placeOfId.has(id) ? 'id-reused' : 'triple-reused';
          inQuarantine.add(`${id} ${place} ${reason}`);
          return reason;
        });
        const arrivals = group.map(({ id, seq, kiosk }) => arrival(id, { seq, kiosk }));
        expect(reasons(await fresh.store.append(arrivals))).toEqual(expected);
      }
      expect(await collect(fresh.store.entries())).toHaveLength(placeOfId.size);
      const report = await fresh.store.check();
      expect(report.entries).toBe(placeOfId.size);
      expect(report.quarantined).toBe(inQuarantine.size);
    }),
    { numRuns: 60 },
  );
}

/** Runs the suite. `openStore` opens an empty store. */
export function describeStore(name: string, openStore: (limits?: Partial<StoreLimits>) => Promise<OpenedStore>): void {
  const run = (title: string, body: Case, limits?: Partial<StoreLimits>) =>
    test(title, async () => {
      await using opened = await openStore(limits);
      await body(opened);
    });
  describe(name, () => {
    for (const [chapter, cases] of Object.entries(chapters)) {
      describe(chapter, () => {
        for (const [title, body] of Object.entries(cases)) run(title, body);
      });
    }
    describe('with a full quarantine', () => {
      const limits = { quarantineItemsPerKioskMax: 2, quarantineBytesPerKioskMax: 2000 };
      for (const [title, body] of Object.entries(fullQuarantine)) run(title, body, limits);
    });
    test('agrees with a simple model whatever is sent in whatever groups', () => agreesWithModel(openStore));
  });
}
