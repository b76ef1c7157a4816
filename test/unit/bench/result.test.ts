import { expect, test } from 'vitest';
import { renderJson, renderTable } from '../../bench/report.ts';
import { atLeast, atMost, makeResult, median, percentile } from '../../bench/result.ts';

test('a percentile is one of the values, whatever their order', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([7])).toBe(7);
});

const rate = { name: 'rate', value: 19_999, unit: 'entries/s' };

test.each([
  [atLeast(20_000, rate), false],
  [atLeast(19_999, rate), true],
  [atMost(19_999, rate), true],
  [atMost(19_998, rate), false],
  [atMost(1, { ...rate, value: Number.NaN }), false],
  [atLeast(1, { ...rate, value: Number.NaN }), false],
])('a limit is kept or not (%#)', (limit, passed) => {
  expect(limit.passed).toBe(passed);
});

test('a result passes when all its limits do, and the table says which does not', () => {
  const result = (limit: number) =>
    makeResult({ name: 'ingest', title: 'a load', figures: [rate], limits: [atMost(1e6, rate), atLeast(limit, rate)] });
  expect(result(1).passed).toBe(true);
  expect(result(20_000).passed).toBe(false);
  expect(renderTable([result(20_000)])).toMatch(
    /rate +19,999 entries\/s +pass +at most 1,000,000, FAIL +at least 20,000/,
  );
  expect(JSON.parse(renderJson([result(1)]))).toEqual(result(1));
});
