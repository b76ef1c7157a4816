import { expect, test } from 'vitest';
import { nothingKnown } from '../../../shared/code/known.ts';
import { readCode } from '../../../shared/code/read-code.ts';
import { decodeEntry } from '../../../shared/entry.ts';
import { makeCard, makeRows } from '../../bench/rows.ts';

test('the rows of a benchmark are entries as a gateway takes them, gapless for each kiosk and all different', () => {
  const rows = [...makeRows(['gate-0', 'gate-1'], 100)];
  expect(rows.every(({ body }) => decodeEntry(new TextEncoder().encode(body)).ok)).toBe(true);
  expect(rows.filter(({ kiosk }) => kiosk === 'gate-1').map(({ seq }) => seq)).toEqual(
    Array.from({ length: 50 }, (_, at) => at + 1),
  );
  expect(new Set(rows.map(({ id }) => id)).size).toBe(100);
  expect(rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).toSorted());
});

test.each([0, 7, 999_999])('the card of a benchmark with number %i is one that a kiosk admits', (number) => {
  expect(readCode(makeCard(number), nothingKnown)).toMatchObject({ type: 'code', kind: 'cccd', warnings: [] });
});
