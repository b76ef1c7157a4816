import Database from 'better-sqlite3';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { findGaps } from '../../../gateway/store/gaps.ts';
import { migrate, migrations } from '../../../gateway/store/migrations.ts';
import { type Run, Runs } from '../../../gateway/store/runs.ts';

let database: Database.Database;

beforeEach(() => {
  database = new Database(':memory:');
  migrate(database);
  for (const id of [1, 2])
    database.prepare("INSERT INTO streams (id, kiosk, epoch) VALUES (?, 'gate-a', randomblob(16))").run(id);
});

const rows = (stream: number) =>
  database.prepare<[number], Run>('SELECT first, last FROM runs WHERE stream = ? ORDER BY first').all(stream);

/** What the table must hold: by the slow and obvious way. */
function runsOf(numbers: Iterable<number>): Run[] {
  const runs: { first: number; last: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const before = runs.at(-1);
    if (before?.last === number - 1) before.last = number;
    else runs.push({ first: number, last: number });
  }
  return runs;
}

describe('runs', () => {
  test('hold exactly what was added, in whatever order, over commits and restarts', () => {
    const added = fc.record({ stream: fc.constantFrom(1, 2), seq: fc.integer({ min: 1, max: 12 }) });
    const step = fc.oneof({ weight: 6, arbitrary: added }, fc.constantFrom('commit' as const, 'restart' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        database.exec('DELETE FROM runs');
        const there = new Map([1, 2].map((stream) => [stream, new Set<number>()]));
        let runs = new Runs(database);
        for (const taken of steps) {
          if (taken === 'restart' || taken === 'commit') {
            runs.flush();
            if (taken === 'restart') runs = new Runs(database);
            continue;
          }
          const { stream, seq } = taken;
          const numbers = there.get(stream) ?? new Set();
          expect(runs.has(stream, seq)).toBe(numbers.has(seq));
          if (!numbers.has(seq)) runs.add(stream, seq);
          numbers.add(seq);
        }
        runs.flush();
        for (const [stream, numbers] of there) expect(rows(stream)).toEqual(runsOf(numbers));
      }),
    );
  });

  test('of a kiosk that sends in order are one row', () => {
    const runs = new Runs(database);
    for (let seq = 1; seq <= 500; seq++) runs.add(1, seq);
    runs.flush();
    expect(rows(1)).toEqual([{ first: 1, last: 500 }]);
  });

  test('are what the table says after they are forgotten', () => {
    const runs = new Runs(database);
    runs.add(1, 1);
    runs.flush();
    runs.add(1, 2);
    runs.forget();
    expect([runs.has(1, 1), runs.has(1, 2)]).toEqual([true, false]);
  });
});

test('a store of the first version gets its runs from its entries', () => {
  const old = new Database(':memory:');
  migrate(old, migrations.slice(0, 1));
  old.exec(
    "INSERT INTO streams (id, kiosk, epoch) VALUES (1, 'gate-a', randomblob(16)), (2, 'gate-b', randomblob(16))",
  );
  const insert = old.prepare(
    "INSERT INTO entries (id, stream, seq, received_ms, at, body) VALUES (randomblob(16), ?, ?, 0, '', '')",
  );
  for (const [stream, seq] of [
    [1, 2],
    [1, 1],
    [1, 3],
    [2, 9],
    [1, 7],
  ])
    insert.run(stream, seq);
  migrate(old);
  expect(old.prepare('SELECT stream, first, last FROM runs').all()).toEqual([
    { stream: 1, first: 1, last: 3 },
    { stream: 1, first: 7, last: 7 },
    { stream: 2, first: 9, last: 9 },
  ]);
});

test.each([
  [[], []],
  [[[1, 3]], []],
  [[[2, 2]], [{ from: 1, to: 1 }]],
  [
    [
      [1, 3],
      [1, 1],
      [2, 2],
      [6, 9],
      [8, 8],
      [11, 11],
    ],
    [
      { from: 4, to: 5 },
      { from: 10, to: 10 },
    ],
  ],
])('the gaps of the runs %j are %j', (runs, gaps) => {
  expect([...findGaps(runs.map(([first = 0, last = 0]) => ({ first, last })))]).toEqual(gaps);
});
