import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Reading } from '../../../gateway/store/reading.ts';
import { openSqliteReader, openSqliteStore } from '../../../gateway/store/sqlite.ts';
import type { StoreReader } from '../../../gateway/store/store.ts';
import {
  decodeBlock,
  encodeBlock,
  splitIntoBuckets,
  subjectAt,
  TraceColumns,
} from '../../../gateway/store/trace-block.ts';
import { forgetPositions } from '../../../gateway/store/trace-index.ts';
import { createTracing } from '../../../gateway/tracing/store-tracing.ts';
import { arrival, collect } from '../../contract/store.ts';
import { makeEntry, uuid } from '../../fakes/entries.ts';
import { makeOlderStore } from '../../fakes/older-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { openTables } from '../../fakes/store-tables.ts';

const subject = 'SubjectSubjectSubject1';
const other = 'AnotherAnotherAnother_';
const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-traces-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = () => openSqliteStore({ dir, log: new RecordingLog(), limits: { entriesPerSegment: 8 } });
const visits = async (store: StoreReader, of = subject) =>
  (await collect(createTracing(store).visitsOf([of], null))).map(({ id }) => id);
/** Deleting leaves runs that say too much, which is not the subject here. */
const damageOf = (reading: Reading) => reading.report().damage.filter((line) => !line.startsWith('runs'));
const segments = async (store: StoreReader) => (await store.traces.outline()).segments.length;

/** The same bytes as SQLite may give them: anywhere in a larger piece of memory. */
function misplace(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.byteLength + 3);
  larger.set(bytes, 3);
  return larger.subarray(3);
}

test('a block is read as it was written', () => {
  const time = fc.integer({ min: -1e12, max: 1e14 });
  const trace = fc.record({
    position: fc.integer({ min: 1000, max: 1_000_000 }),
    bestMs: time,
    fromMs: time,
    toMs: time,
    subject: fc.option(fc.stringMatching(/^[A-Za-z0-9_-]{22}$/)),
    trait: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  });
  const exact = trace.map((made) => ({ ...made, fromMs: made.bestMs, toMs: made.bestMs }));
  fc.assert(
    fc.property(fc.array(fc.oneof(trace, exact), { maxLength: 20 }), (made) => {
      const columns = new TraceColumns(1000, made.length);
      for (const one of made) columns.add(one);
      const read = splitIntoBuckets(columns).flatMap((indexes) => {
        const block = decodeBlock(misplace(encodeBlock(columns, indexes)), 1000);
        return indexes.map((index, at) => ({
          index,
          position: 1000 + (block.offsets[at] ?? 0),
          bestMs: block.bestMs[at],
          fromMs: block.fromMs[at],
          toMs: block.toMs[at],
          subject: subjectAt(block, at),
          trait: block.traits[at],
        }));
      });
      expect(read.sort((a, b) => a.index - b.index)).toEqual(made.map((one, index) => ({ index, ...one })));
    }),
  );
});

describe('the index', () => {
  test('is written in pieces of which a reader sees nothing but the same answers, also over a restart', async () => {
    const expected: string[] = [];
    let store = await open();
    await using reader = await openSqliteReader({ dir });
    let [pieces, next] = [0, 1];
    for (let group = 0; group < 9; group++) {
      const numbers = range(next, next + 299);
      next += 300;
      await store.append(numbers.map((number) => arrival(number, { subject: number % 3 === 0 ? subject : other })));
      expected.push(...numbers.filter((number) => number % 3 === 0).map(uuid));
      for (let piece = 0; piece < 30 && (await store.indexSome()); piece++) pieces++;
      expect(await visits(reader)).toEqual(expected);
      expect(await visits(store)).toEqual(expected);
      if (group % 4 !== 3) continue;
      await store[Symbol.asyncDispose]();
      store = await open();
    }
    expect(pieces).toBeGreaterThan(100);
    expect(await segments(reader)).toBeGreaterThan(100);
    expect(await store.check()).toMatchObject({ damage: [], entries: 2700 });
    await store[Symbol.asyncDispose]();
  });

  test('takes no entry of a commit that failed, and a segment that could not be written is written later', async () => {
    await using store = await open();
    await store.append(range(1, 20).map((number) => arrival(number)));
    const shell = new Database(join(dir, 'store.db'));
    shell.exec("CREATE TRIGGER full BEFORE INSERT ON traces BEGIN SELECT RAISE(ABORT, 'made up'); END");
    await expect(store.indexSome()).rejects.toThrow('made up');
    expect([await segments(store), (await visits(store)).length]).toEqual([0, 20]);
    shell.exec('DROP TRIGGER full');
    shell.close();
    while (await store.indexSome());
    expect([await segments(store), (await visits(store)).length]).toEqual([2, 20]);
  });

  test('holds nothing of an entry that was deleted while its segment was being gathered', async () => {
    const { database, appender, reading } = openTables(600);
    appender.append(range(1, 700).map((number) => arrival(number, { subject: number === 5 ? other : subject })));
    expect(appender.indexSome()).toBe(true); // a first piece, with entry 5
    database.exec('DELETE FROM entries WHERE position = 5');
    while (appender.indexSome());
    const [segment] = reading.traces.outline(700).segments;
    expect(segment).toMatchObject({ first: 1, last: 600 });
    const passages = database.prepare<[], Buffer>('SELECT passages FROM traces').pluck().all();
    expect(passages.some((blob) => blob.includes(other))).toBe(false);
    expect(damageOf(reading)).toEqual([]);
  });

  test('goes on behind whatever was deleted', () => {
    const { database, appender, reading } = openTables(10);
    appender.append(range(1, 95).map((number) => arrival(number)));
    database.exec('DELETE FROM entries WHERE position BETWEEN 1 AND 42 OR position BETWEEN 50 AND 59');
    while (appender.indexSome());
    const { segments, indexedTo } = reading.traces.outline(95);
    expect([segments[0]?.first, indexedTo]).toEqual([43, 89]);
    expect(damageOf(reading)).toEqual([]);
  });

  test('waits where all that it would hold was deleted, and nobody finds what is gone', () => {
    const { database, appender, reading } = openTables(10);
    appender.append(range(1, 12).map((number) => arrival(number)));
    database.exec('DELETE FROM entries');
    expect(appender.indexSome()).toBe(false);
    expect(reading.traces.outline(12)).toEqual({ segments: [], indexedTo: 0, last: 12 });
    expect(reading.traces.entriesAt([1, 12])).toEqual([]);
    appender.append(range(13, 30).map((number) => arrival(number)));
    while (appender.indexSome());
    expect(reading.traces.outline(30).segments).toMatchObject([{ first: 13, last: 22 }]);
    expect(damageOf(reading)).toEqual([]);
  });

  test('forgets what it is told to, to the last byte', () => {
    const { database, appender, reading } = openTables(10);
    appender.append(range(1, 100).map((number) => arrival(number, { subject: number % 10 === 3 ? other : subject })));
    while (appender.indexSome());
    const holds = (text: string) =>
      database
        .prepare<[], Buffer>('SELECT passages FROM traces')
        .pluck()
        .all()
        .some((blob) => blob.includes(text));
    expect(holds(other)).toBe(true);
    const positions = range(1, 100).filter((number) => number % 10 === 3);
    for (const position of positions) database.prepare('DELETE FROM entries WHERE position = ?').run(position);
    expect(damageOf(reading)).toEqual(['traces: 10 segments do not say what there is in entries']);
    forgetPositions(database, [...positions, 5000]);
    expect([holds(other), holds(subject)]).toEqual([false, true]);
    expect(damageOf(reading)).toEqual([]);
    database.exec('DELETE FROM entries');
    forgetPositions(database, range(1, 100));
    expect(database.prepare('SELECT count(*) FROM traces').pluck().get()).toBe(0);
    expect(damageOf(reading)).toEqual([]);
  });

  test('that lost a block is not served', async () => {
    {
      await using store = await open();
      await store.append(range(1, 20).map((number) => arrival(number)));
      while (await store.indexSome());
    }
    const shell = new Database(join(dir, 'store.db'));
    shell.exec('DELETE FROM traces WHERE id = (SELECT min(id) FROM traces)');
    shell.close();
    await expect(open()).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining('traces') });
  });
});

describe('uncertain times', () => {
  test('are kept with the best one, over a restart, indexed or not', async () => {
    const time = { bestMs: 5000, fromMs: 4000, toMs: 90_000 };
    const given = arrival(1);
    if (given.type !== 'entry') throw new Error('not an entry');
    const uncertain = { ...given, entry: { ...given.entry, time } };
    {
      await using store = await open();
      await store.append([uncertain, ...range(2, 9).map((number) => arrival(number, { subject: other }))]);
    }
    await using store = await open();
    const found = async () => collect(createTracing(store).visitsOf([subject], { fromMs: 80_000, toMs: 81_000 }));
    const expected = [{ id: uuid(1), atMs: 5000, fromMs: 4000, toMs: 90_000 }];
    expect(await found()).toMatchObject(expected);
    while (await store.indexSome());
    expect(await segments(store)).toBe(1);
    expect(await found()).toMatchObject(expected);
  });
});

test.each([1, 2] as const)(
  'a store of version %d is opened without indexing, and traced before and after',
  async (version) => {
    const entries = range(1, 20).map((number) => {
      const direction = number % 2 === 1 ? ('in' as const) : ('out' as const);
      return makeEntry(number, { subject: number < 3 ? subject : other, gate: `Cổng ${number}`, direction }).entry;
    });
    makeOlderStore(dir, version, entries);
    await using store = await open();
    const ask = async () => ({
      visits: await collect(createTracing(store).visitsOf([subject], null)),
      gate: await collect(createTracing(store).passagesAt('Cổng 7', everything)),
      met: await collect(createTracing(store).together([subject], null)),
    });
    expect(await segments(store)).toBe(0);
    const before = await ask();
    expect(before.visits).toMatchObject([
      { id: uuid(1), direction: 'in', gate: 'Cổng 1', atMs: Date.parse(makeEntry(1).entry.at) },
      { id: uuid(2), direction: 'out', gate: 'Cổng 2' },
    ]);
    expect(before.gate).toMatchObject([{ id: uuid(7) }]);
    await store.append([arrival(21, { subject: other })]);
    while (await store.indexSome());
    expect(await segments(store)).toBe(2);
    expect(await ask()).toEqual(before);
  },
);
