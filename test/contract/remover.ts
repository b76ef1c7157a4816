/** What every implementation of the store's deleting half must do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cursorStart, type EraseOrder, type PurgeOrder, type StoreRemover } from '../../gateway/store/remover.ts';
import type { Arrival, StoreLimits } from '../../gateway/store/store.ts';
import type { Entry } from '../../shared/entry.ts';
import { someEpoch, uuid } from '../fakes/entries.ts';
import { arrival, collect, type OpenedStore, unreadable } from './store.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 20, 8, 30);
const anna = 'AnnaAnnaAnnaAnnaAnna11';
const binh = 'BinhBinhBinhBinhBinh22';

/** An entry that arrived so many days after the first. */
function onDay(day: number, number: number, changes: Partial<Entry> = {}): Arrival {
  return { ...arrival(number, changes), receivedMs: startMs + day * dayMs } as Arrival;
}

const before = (day: number, upstreams: readonly string[] = ['up']): PurgeOrder => ({
  beforeMs: startMs + day * dayMs,
  upstreams,
});

/** Purges to the end; how much went. */
async function purge(remover: StoreRemover, order: PurgeOrder) {
  const total = { entries: 0, quarantined: 0 };
  for (let from: typeof cursorStart | null = cursorStart; from !== null; ) {
    const slice = await remover.purge(order, from);
    total.entries += slice.entries;
    total.quarantined += slice.quarantined;
    from = slice.next;
  }
  await remover.endPurge(order);
  await remover.settle();
  return total;
}

/** Erases to the end. */
async function erase(remover: StoreRemover, subjects: readonly string[], changes: Partial<EraseOrder> = {}) {
  const ids = new Set<string>();
  const unforwarded: string[] = [];
  let quarantined = 0;
  for (let from: typeof cursorStart | null = cursorStart; from !== null; ) {
    const slice = await remover.erase({ subjects, upstreams: ['up'], spared: null, ids, ...changes }, from);
    for (const id of slice.ids) ids.add(id);
    unforwarded.push(...slice.unforwarded.map(({ id }) => id));
    quarantined += slice.quarantined;
    from = slice.next;
  }
  await remover.settle();
  return { ids: [...ids], unforwarded, quarantined };
}

const idsIn = async ({ store }: OpenedStore) => (await collect(store.entries())).map(({ id }) => id);
const types = async ({ store }: OpenedStore, group: readonly Arrival[]) =>
  (await store.append(group)).map(({ type }) => type);

type Case = (opened: OpenedStore) => Promise<void>;

const purges: Record<string, Case> = {
  'what every upstream took long enough ago, and nothing younger': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    await store.append([onDay(0, 1), onDay(0, 2)]);
    await store.markForwarded('up', 2, [], startMs);
    await remover.noteTaken(['up'], startMs);
    await store.append([onDay(5, 3)]);
    await store.markForwarded('up', 3, [], startMs);
    await remover.noteTaken(['up'], startMs + 5 * dayMs);
    expect(await remover.countPurgeable(before(0))).toEqual({ entries: 2, quarantined: 0 });
    expect(await purge(remover, before(0))).toEqual({ entries: 2, quarantined: 0 });
    expect(await idsIn(opened)).toEqual([uuid(3)]);
    expect(await store.check()).toMatchObject({
      damage: [],
      gaps: [],
      entries: 1,
      purged: { entries: 2, quarantined: 0, untilMs: startMs },
    });
    expect(await purge(remover, before(5))).toEqual({ entries: 1, quarantined: 0 });
  },

  'nothing that an upstream has not taken, known or configured, however old': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    await store.append([onDay(0, 1), onDay(0, 2)]);
    await store.markForwarded('up', 2, [], startMs);
    await store.markForwarded('slow', 1, [], startMs);
    await remover.noteTaken(['up'], startMs);
    expect(await purge(remover, before(100, ['up', 'new']))).toEqual({ entries: 0, quarantined: 0 });
    expect(await purge(remover, before(100))).toEqual({ entries: 1, quarantined: 0 });
    expect(await idsIn(opened)).toEqual([uuid(2)]);
    expect(await remover.holdingBack(before(100, ['up', 'new']))).toEqual([
      { upstream: 'slow', place: 1, holding: 1 },
      { upstream: 'new', place: 0, holding: 1 },
    ]);
    expect(await remover.forgetUpstream('slow')).toBe(true);
    expect(await remover.forgetUpstream('slow')).toBe(false);
    await remover.noteTaken(['up'], startMs + 100 * dayMs);
    expect(await purge(remover, before(100))).toEqual({ entries: 1, quarantined: 0 });
  },

  'nothing where there is no upstream at all': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    await store.append([onDay(0, 1)]);
    await remover.noteTaken([], startMs);
    expect(await purge(remover, before(100, []))).toEqual({ entries: 0, quarantined: 0 });
    expect(await idsIn(opened)).toEqual([uuid(1)]);
  },

  'nothing before its days have passed since the last upstream took it': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    await store.append([onDay(0, 1)]);
    await store.markForwarded('up', 1, [], startMs + 50 * dayMs);
    expect(await purge(remover, before(40))).toMatchObject({ entries: 0 });
    await remover.noteTaken(['up'], startMs + 50 * dayMs);
    await remover.noteTaken(['up'], startMs + 60 * dayMs);
    expect(await purge(remover, before(49))).toMatchObject({ entries: 0 });
    expect(await purge(remover, before(50))).toMatchObject({ entries: 1 });
  },

  'what lay in quarantine, by the same days, and what an upstream refused with its entry': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    const claim = { claimed: { epoch: someEpoch, seq: 2 }, receivedMs: startMs };
    await store.append([
      onDay(0, 1),
      unreadable('{"broken', claim),
      unreadable('young', { receivedMs: startMs + dayMs }),
    ]);
    await store.append([onDay(0, 3)]);
    await store.markForwarded('up', 2, [{ id: uuid(1), reason: 'no' }], startMs);
    await remover.noteTaken(['up'], startMs);
    expect(await remover.countPurgeable(before(0))).toEqual({ entries: 2, quarantined: 2 });
    expect(await purge(remover, before(0))).toEqual({ entries: 2, quarantined: 2 });
    expect(await collect(store.quarantine())).toMatchObject([{ raw: Buffer.from('young') }]);
    // What it said that it was is still not missing, and the same bytes are not kept again.
    expect(await store.check()).toMatchObject({ damage: [], gaps: [], quarantined: 1 });
    expect(await types(opened, [unreadable('{"broken', claim)])).toEqual(['quarantined']);
    expect(await collect(store.quarantine())).toHaveLength(1);
  },

  'and gives the kiosk its part of the quarantine back': async (opened) => {
    await using remover = await opened.remover();
    expect(await types(opened, [unreadable('1'), unreadable('2'), unreadable('3')])).toEqual([
      'quarantined',
      'quarantined',
      'unkept',
    ]);
    expect(await purge(remover, before(1))).toEqual({ entries: 0, quarantined: 2 });
    expect(await types(opened, [unreadable('3'), unreadable('4'), unreadable('5')])).toEqual([
      'quarantined',
      'quarantined',
      'unkept',
    ]);
  },

  'in slices, as many as there are': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    const count = 2345;
    await store.append(Array.from({ length: count }, (_, index) => onDay(0, index + 1)));
    await store.markForwarded('up', count, [], startMs);
    await remover.noteTaken(['up'], startMs);
    expect(await purge(remover, before(1))).toEqual({ entries: count, quarantined: 0 });
    expect(await store.check()).toMatchObject({ damage: [], gaps: [], entries: 0 });
  },
};

const sentAgain: Record<string, Case> = {
  'is acknowledged and not stored, also over closing and opening': async (opened) => {
    let { store } = opened;
    const remover = await opened.remover();
    const first = [onDay(0, 1), onDay(0, 2), onDay(0, 3)];
    await store.append(first);
    await store.markForwarded('up', 2, [], startMs);
    await remover.noteTaken(['up'], startMs);
    await purge(remover, before(0));
    expect(await types(opened, first)).toEqual(['duplicate', 'duplicate', 'duplicate']);
    await remover[Symbol.asyncDispose]();
    store = await opened.reopen();
    expect((await store.append([...first, onDay(9, 4)])).map(({ type }) => type)).toEqual([
      ...Array(3).fill('duplicate'),
      'stored',
    ]);
    expect((await collect(store.entries())).map(({ id }) => id)).toEqual([uuid(3), uuid(4)]);
    expect(await store.check()).toMatchObject({ damage: [], gaps: [], quarantined: 0 });
    const places = [1, 2, 3, 4].map((seq) => ({ kiosk: 'gate-a', epoch: someEpoch, seq }));
    expect(await store.findRemoved([...places, { kiosk: 'gate-b', epoch: someEpoch, seq: 1 }])).toEqual(
      places.slice(0, 2),
    );
  },

  'is known by its place where its id follows from what was written': async (opened) => {
    const written = { id: '019a1b2c-3d4e-8f00-8000-0000000000aa', kiosk: 'paper', seq: 1 };
    const other = { ...written, id: '019a1b2c-3d4e-8f00-8000-0000000000bb' };
    await using remover = await opened.remover();
    await opened.store.append([onDay(0, 1, written)]);
    await opened.store.markForwarded('up', 1, [], startMs);
    await remover.noteTaken(['up'], startMs);
    await purge(remover, before(0));
    expect(await types(opened, [onDay(9, 1, written), onDay(9, 1, other)])).toEqual(['duplicate', 'duplicate']);
  },

  'is told from a new entry of a kiosk that counts again from an older place': async (opened) => {
    await using remover = await opened.remover();
    await opened.store.append([onDay(0, 1)]);
    await opened.store.markForwarded('up', 1, [], startMs);
    await remover.noteTaken(['up'], startMs);
    await purge(remover, before(0));
    const madeMs = startMs + 30 * dayMs;
    const hex = madeMs.toString(16).padStart(12, '0');
    const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7f00-8000-000000000001`;
    expect(await types(opened, [onDay(31, 1, { id })])).toEqual(['quarantined']);
    expect(await collect(opened.store.quarantine())).toMatchObject([{ reason: 'triple-reused' }]);
  },
};

const erases: Record<string, Case> = {
  'all entries of a person that were taken, and no one else’s': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    const group = [1, 2, 3, 4, 5].map((number) => onDay(0, number, { subject: number % 2 === 1 ? anna : binh }));
    await store.append(group);
    await store.markForwarded('up', 4, [{ id: uuid(1), reason: 'no' }], startMs);
    expect(await erase(remover, [anna])).toEqual({ ids: [uuid(1), uuid(3)], unforwarded: [uuid(5)], quarantined: 1 });
    expect(await idsIn(opened)).toEqual([uuid(2), uuid(4), uuid(5)]);
    expect(await store.check()).toMatchObject({ damage: [], gaps: [], quarantined: 0, erased: { entries: 2 } });
    expect(await types(opened, group)).toEqual(Array(5).fill('duplicate'));
    await store.markForwarded('up', 5, [], startMs);
    expect(await erase(remover, [anna])).toMatchObject({ ids: [uuid(5)], unforwarded: [] });
  },

  'what lies in quarantine and names the person or one of those entries': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    await store.append([onDay(0, 1, { subject: anna }), onDay(0, 2, { subject: binh })]);
    await store.append([
      unreadable(`{"v":9,"subject":"${anna}"}`),
      unreadable(`{"v":9,"subject":"\\u0041${anna.slice(1)}"}`),
      unreadable(`{"v":9,"id":"${uuid(1).toUpperCase()}"}`),
      unreadable(`{"v":9,"subject":"${binh}"}`),
    ]);
    await store.markForwarded('up', 2, [], startMs);
    expect(await erase(remover, [anna])).toEqual({ ids: [uuid(1)], unforwarded: [], quarantined: 3 });
    expect((await collect(store.quarantine())).map(({ raw }) => Buffer.from(raw).toString())).toEqual([
      `{"v":9,"subject":"${binh}"}`,
    ]);
  },

  'in a copy all but what is spared, whoever has taken it': async (opened) => {
    await using remover = await opened.remover();
    await opened.store.append([onDay(0, 1, { subject: anna }), onDay(0, 2, { subject: anna })]);
    expect(await erase(remover, [anna], { spared: new Set([uuid(2)]) })).toMatchObject({ ids: [uuid(1)] });
    expect(await idsIn(opened)).toEqual([uuid(2)]);
  },

  'in slices, as many as there are': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    const numbers = Array.from({ length: 2600 }, (_, index) => index + 1);
    const isAnna = (number: number) => number % 20 !== 0;
    await store.append(numbers.map((number) => onDay(0, number, { subject: isAnna(number) ? anna : binh })));
    const kiosks = ['gate-a', 'gate-b', 'gate-c'];
    const names = Array.from({ length: 90 }, (_, index) => `${index % 2 === 0 ? anna : binh} ${index}`);
    await store.append(kiosks.flatMap((kiosk) => names.map((name) => unreadable(name, { kiosk }))));
    await store.markForwarded('up', 2600, [], startMs);
    const erased = await erase(remover, [anna]);
    expect(erased).toMatchObject({ unforwarded: [], quarantined: 135 });
    expect(erased.ids).toEqual(numbers.filter(isAnna).map(uuid));
    expect(await idsIn(opened)).toEqual(numbers.filter((number) => !isAnna(number)).map(uuid));
    expect(await store.check()).toMatchObject({ damage: [], gaps: [], quarantined: 135 });
  },

  'and the corrections; these outlive the entries by nothing': async (opened) => {
    const { store } = opened;
    await using remover = await opened.remover();
    const sealed = { enc: 'ZW5j', ct: 'Y3Q', key: 'a2V5' };
    const correction = (id: string, subject: string) => ({ id, subject, atMs: startMs, sealed });
    await store.append([onDay(0, 1, { subject: binh })]);
    await store.markForwarded('up', 1, [], startMs);
    await remover.noteTaken(['up'], startMs);
    for (const [id, subject] of [
      ['a', anna],
      ['b', binh],
      ['c', binh],
    ] as const)
      await remover.addCorrection(correction(id, subject));
    expect(await remover.corrections([binh])).toEqual([correction('b', binh), correction('c', binh)]);
    expect(await store.corrections([binh])).toEqual([correction('b', binh), correction('c', binh)]);
    expect(await store.correctedSubjects()).toEqual(new Set([anna, binh]));
    expect(await remover.eraseCorrections([anna])).toBe(1);
    expect(await remover.corrections([anna])).toEqual([]);
    await remover.endPurge(before(0));
    expect(await remover.corrections([binh])).toHaveLength(2);
    await purge(remover, before(0));
    expect(await remover.corrections([binh])).toEqual([]);
  },
};

const chapters: Record<string, Record<string, Case>> = {
  purges,
  'what was deleted and is sent again': sentAgain,
  erases,
};

/** Whatever is sent, taken, purged and erased in whatever order: what stays, and what is known, is as a few sets say. */
async function agreesWithModel(openStore: () => Promise<OpenedStore>): Promise<void> {
  const step = fc.oneof(
    fc.record({ type: fc.constant('send' as const), number: fc.integer({ min: 1, max: 12 }), anna: fc.boolean() }),
    fc.record({ type: fc.constant('take' as const) }),
    fc.record({ type: fc.constant('purge' as const), daysAgo: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ type: fc.constant('erase' as const) }),
  );
  const steps = fc.array(step, { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      await using opened = await openStore();
      await using remover = await opened.remover();
      type Known = { number: number; anna: boolean; receivedMs: number; takenMs: number | null; gone: boolean };
      const known: Known[] = [];
      for (const [index, one] of sequence.entries()) {
        const nowMs = startMs + index * dayMs;
        if (one.type === 'send') {
          const subject = one.anna ? anna : binh;
          const wasKnown = known.some(({ number }) => number === one.number);
          const [verdict] = await opened.store.append([onDay(index, one.number, { subject })]);
          expect(verdict?.type).toBe(wasKnown ? 'duplicate' : 'stored');
          if (!wasKnown)
            known.push({ number: one.number, anna: one.anna, receivedMs: nowMs, takenMs: null, gone: false });
        } else if (one.type === 'take') {
          await opened.store.markForwarded('up', known.length, [], nowMs);
          await remover.noteTaken(['up'], nowMs);
          for (const entry of known) entry.takenMs ??= nowMs;
        } else if (one.type === 'purge') {
          const beforeMs = nowMs - one.daysAgo * dayMs;
          await purge(remover, { beforeMs, upstreams: ['up'] });
          for (const entry of known) entry.gone ||= entry.takenMs !== null && entry.takenMs <= beforeMs;
        } else {
          await erase(remover, [anna]);
          for (const entry of known) entry.gone ||= entry.anna && entry.takenMs !== null;
        }
        const staying = known.filter(({ gone }) => !gone).map(({ number }) => uuid(number));
        expect(await idsIn(opened)).toEqual(staying);
      }
      expect((await opened.store.check()).damage).toEqual([]);
    }),
    { numRuns: 25 },
  );
}

/** Runs the suite. `openStore` opens an empty store. */
export function describeRemover(
  name: string,
  openStore: (limits?: Partial<StoreLimits>) => Promise<OpenedStore>,
): void {
  describe(name, () => {
    for (const [chapter, cases] of Object.entries(chapters)) {
      describe(chapter, () => {
        for (const [title, body] of Object.entries(cases)) {
          test(title, async () => {
            await using opened = await openStore({
              quarantineItemsPerKioskMax: title.startsWith('and gives') ? 2 : 99,
            });
            await body(opened);
          });
        }
      });
    }
    test('agrees with a simple model whatever happens in whatever order', () => agreesWithModel(() => openStore({})));
  });
}
