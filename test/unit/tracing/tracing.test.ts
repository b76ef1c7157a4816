import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keysOf } from '../../../gateway/intake.ts';
import { Appender } from '../../../gateway/store/appending.ts';
import { migrate } from '../../../gateway/store/migrations.ts';
import { Reading } from '../../../gateway/store/reading.ts';
import { type Arrival, defaultStoreLimits } from '../../../gateway/store/store.ts';
import { forgetPositions } from '../../../gateway/store/trace-index.ts';
import type { TraceReader } from '../../../gateway/store/traces.ts';
import { createTracing } from '../../../gateway/tracing/store-tracing.ts';
import { stayMsMax, type Tracing } from '../../../gateway/tracing/tracing.ts';
import { collect } from '../../contract/store.ts';
import { makeEntry } from '../../fakes/entries.ts';
import { type KeptEntry, SlowTracing } from '../../fakes/slow-tracing.ts';

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
  refused: fc.boolean().map((refused) => refused),
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

/** A store's tables without its file, indexed in the middle of things. */
function openTables(entriesPerSegment: number) {
  const database = new Database(':memory:');
  migrate(database);
  const appender = new Appender(database, { ...defaultStoreLimits, entriesPerSegment });
  const reading = new Reading(database);
  const { traces } = reading;
  const reader: TraceReader = {
    outline: async () => traces.outline(reading.lastEntry()),
    traitOf: (number) => traces.traitOf(number),
    readBucket: async (...what) => traces.readBucket(...what),
    readSegment: async (segment) => traces.readSegment(segment),
    readTail: async (after, upTo) => traces.readTail(after, upTo),
    entriesAt: async (positions) => traces.entriesAt(positions),
  };
  return { database, appender, tracing: createTracing({ traces: reader }) };
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
      const { database, appender, tracing } = openTables(entriesPerSegment);
      const kept = made.map(keep);
      appender.append(kept.slice(0, indexedAfter).map(toArrival));
      while (appender.indexSome());
      appender.append(kept.slice(indexedAfter).map(toArrival));
      for (const position of deleted) database.prepare('DELETE FROM entries WHERE position = ?').run(position);
      forgetPositions(database, deleted);
      const slow = new SlowTracing(async () => kept.filter(({ position }) => !deleted.includes(position)));
      expect(await answer(tracing, question)).toEqual(await answer(slow, question));
      expect(new Reading(database).report().damage.filter((line) => line.startsWith('traces'))).toEqual([]);
      database.close();
    }),
    { numRuns: 400 },
  );
});

test('a stay is never taken to be longer than its limit', () => {
  expect(stayMsMax).toBe(16 * hourMs);
});
