import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keysOf } from '../../../gateway/intake.ts';
import type { Arrival } from '../../../gateway/store/store.ts';
import { forgetPositions } from '../../../gateway/store/trace-index.ts';
import { staysOf } from '../../../gateway/tracing/stays.ts';
import { stayMsMax, type Tracing } from '../../../gateway/tracing/tracing.ts';
import { collect } from '../../contract/store.ts';
import { makeEntry } from '../../fakes/entries.ts';
import { type KeptEntry, SlowTracing } from '../../fakes/slow-tracing.ts';
import { openTables } from '../../fakes/store-tables.ts';

const hourMs = 60 * 60 * 1000;
const startMs = Date.UTC(2026, 10, 20);
const people = 5;

/** The pseudonym of a made-up person. */
const subjectOf = (person: number) => `Person${person}`.padEnd(22, '_');

/** A passage of a small world. Hours are so few that people meet, come twice in one, or stay for longer than may be. */
const passages = fc.record({
  /** The last is nobody: a code that could not be read. */
  person: fc.integer({ min: 0, max: people }),
  hour: fc.integer({ min: 0, max: 70 }),
  uncertain: fc.option(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 })), { freq: 4 }),
  direction: fc.constantFrom('in' as const, 'out' as const),
  refused: fc.boolean(),
  gate: fc.constantFrom('A', 'B', 'C'),
});
type MadePassage = typeof passages extends fc.Arbitrary<infer T> ? T : never;

function keep(passage: MadePassage, index: number): KeptEntry {
  const { person, hour, uncertain, direction, refused, gate } = passage;
  const bestMs = startMs + hour * hourMs;
  const [before, after] = uncertain ?? [0, 0];
  const { entry } = makeEntry(index + 1, {
    at: new Date(bestMs).toISOString(),
    subject: person === people ? null : subjectOf(person),
    direction,
    outcome: refused && hour % 3 === 0 ? 'refused' : 'admitted',
    gate,
    identity: person % 2 === 0 ? null : { enc: `e${index}`, ct: `c${person}`, key: 'k' },
  });
  const time = { bestMs, fromMs: bestMs - before * hourMs, toMs: bestMs + after * hourMs };
  return { position: index + 1, entry, time };
}

function toArrival({ entry, time }: KeptEntry): Arrival {
  return { type: 'entry', entry: { ...keysOf(entry), time }, body: Buffer.from(JSON.stringify(entry)), receivedMs: 0 };
}

const windows = fc.option(
  fc
    .tuple(fc.integer({ min: -20, max: 90 }), fc.integer({ min: 1, max: 60 }))
    .map(([from, hours]) => ({ fromMs: startMs + from * hourMs, toMs: startMs + (from + hours) * hourMs })),
);

const questions = fc.record({
  subjects: fc.uniqueArray(fc.integer({ min: 0, max: people - 1 }), { minLength: 1, maxLength: 2 }),
  window: windows,
  gate: fc.option(fc.constantFrom('A', 'B', 'nowhere')),
});

/** All answers of a tracing to a question; who was together comes in no order of people. */
async function answer(
  tracing: Tracing,
  {
    subjects,
    window,
    gate,
  }: { subjects: number[]; window: { fromMs: number; toMs: number } | null; gate: string | null },
) {
  const own = subjects.map(subjectOf);
  const all = { fromMs: startMs - 1000 * hourMs, toMs: startMs + 1000 * hourMs };
  const meetings = await collect(tracing.together(own, window));
  const encounters = await collect(tracing.encounters(own, window));
  return {
    visits: await collect(tracing.visitsOf(own, window)),
    passages: await collect(tracing.passagesAt(gate, window ?? all)),
    meetings: meetings
      .sort(
        (a, b) =>
          (a.subject < b.subject ? -1 : 1) * (a.subject === b.subject ? 0 : 1) ||
          a.withFromMs - b.withFromMs ||
          a.withToMs - b.withToMs,
      )
      .map(sortGates),
    encounters: encounters.length,
  };
}

function sortGates<T extends { readonly gates: readonly string[] }>(meeting: T): T {
  return { ...meeting, gates: meeting.gates.toSorted() };
}

test('tracing finds what the slow and obvious computation finds, whatever is indexed, uncertain or out of order', async () => {
  const worlds = fc.record({
    made: fc.array(passages, { maxLength: 40 }),
    entriesPerSegment: fc.constantFrom(3, 8, 1000),
    indexedAfter: fc.integer({ min: 0, max: 40 }),
    deleted: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
    question: questions,
  });
  await fc.assert(
    fc.asyncProperty(worlds, async ({ made, entriesPerSegment, indexedAfter, deleted, question }) => {
      const { database, appender, reading, tracing } = openTables(entriesPerSegment);
      const kept = made.map(keep);
      appender.append(kept.slice(0, indexedAfter).map(toArrival));
      while (appender.indexSome());
      appender.append(kept.slice(indexedAfter).map(toArrival));
      for (const position of deleted) database.prepare('DELETE FROM entries WHERE position = ?').run(position);
      forgetPositions(database, deleted);
      const slow = new SlowTracing(async () => kept.filter(({ position }) => !deleted.includes(position)));
      expect(await answer(tracing, question)).toEqual(await answer(slow, question));
      expect(reading.report().damage.filter((line) => line.startsWith('traces'))).toEqual([]);
      database.close();
    }),
    { numRuns: 400 },
  );
});

test('no question reads all entries, nor sorts them', async () => {
  const statements = new Set<string>();
  const { database, appender, tracing } = openTables(8, (sql) => statements.add(sql));
  const made = Array.from({ length: 41 }, (_, index): MadePassage => {
    const direction = index % 8 < 4 ? 'in' : 'out';
    return { person: index % 4, hour: index, uncertain: null, refused: false, gate: 'A', direction };
  });
  appender.append(made.map(keep).map(toArrival).slice(0, 20));
  while (appender.indexSome());
  appender.append(made.map(keep).map(toArrival).slice(20, 40));
  while (appender.indexSome());
  appender.append(made.map(keep).map(toArrival).slice(40));
  statements.clear();
  const found = await answer(tracing, { subjects: [0], window: null, gate: 'A' });
  expect([found.visits.length, found.passages.length, found.encounters > 0]).toEqual([11, 41, true]);
  const plans = [...statements].flatMap((sql) =>
    database
      .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => detail),
  );
  expect(plans.filter((detail) => /^SEARCH entries USING INTEGER PRIMARY KEY/.test(detail))).not.toEqual([]);
  expect(plans.filter((detail) => /^SEARCH traces USING INTEGER PRIMARY KEY/.test(detail))).not.toEqual([]);
  expect(
    plans.filter(
      (detail) => /SCAN|TEMP B-TREE/.test(detail) && !/^SCAN (segments|traits|sqlite_sequence)$/.test(detail),
    ),
  ).toEqual([]);
});

describe('a stay', () => {
  const [morning, noon, evening] = [8, 12, 20].map((hour) => startMs + hour * hourMs) as [number, number, number];
  const at = (ms: number, isIn: boolean, spreadMs = 0) => {
    return { isIn, bestMs: ms, fromMs: ms - spreadMs, toMs: ms + spreadMs, position: ms, trait: isIn ? 1 : 2 };
  };

  test.each([
    ['from in to out is certain', [at(morning, true), at(noon, false)], [[morning, noon, true]]],
    ['without an out lasts sixteen hours', [at(morning, true)], [[morning, morning + stayMsMax, false]]],
    ['without an in began up to sixteen hours before', [at(noon, false)], [[noon - stayMsMax, noon, false]]],
    [
      'without an out ends at the next in',
      [at(morning, true), at(noon, true), at(evening, false)],
      [
        [morning, noon, false],
        [noon, evening, true],
      ],
    ],
    [
      'without an in began after the out before',
      [at(morning, true), at(noon, false), at(evening, false)],
      [
        [morning, noon, true],
        [noon, evening, false],
      ],
    ],
    [
      'longer than sixteen hours is known at its ends only',
      [at(morning, true), at(morning + 40 * hourMs, false)],
      [
        [morning, morning + stayMsMax, false],
        [morning + 24 * hourMs, morning + 40 * hourMs, false],
      ],
    ],
    [
      'of uncertain times is as long as it may have been',
      [at(morning, true, hourMs), at(noon, false, 2 * hourMs)],
      [
        [morning - hourMs, noon + 2 * hourMs, false],
        [morning - hourMs, noon + 2 * hourMs, false],
      ],
    ],
    [
      'into which an uncertain passage may fall is not certain',
      [at(morning, true), at(noon, false), at(evening, false, 9 * hourMs)],
      [
        [morning, noon, false],
        [morning, evening + 9 * hourMs, false],
      ],
    ],
  ])('%s', (_, given, expected) => {
    const stays = staysOf(given).map(({ fromMs, toMs, certain }) => [fromMs, toMs, certain]);
    expect(stays.toSorted()).toEqual(expected.toSorted());
    expect(stayMsMax).toBe(16 * hourMs);
  });
});
