import { describe, expect, test } from 'vitest';
import type { QrLevel } from '../../../gateway/cards/qr-matrix.ts';
import type { Cell } from '../../print/measure.ts';
import { allAtOnce, compareLevels, decide, renderDecision, renderTable } from '../../print/table.ts';

function cell(level: QrLevel, strength: number, read: number, more: Partial<Cell> = {}): Cell {
  return { decoder: 'a', damage: 'dirtied', strength, level, samples: 100, read, misread: 0, ...more };
}

describe('the level of printed codes', () => {
  test('is the one that is read most often when worn, of those that stand mild wear', () => {
    const cells = [
      ...[cell('L', 1, 100), cell('L', 2, 98), cell('L', 3, 90)],
      ...[cell('M', 1, 100), cell('M', 2, 99), cell('M', 3, 60)],
      ...[cell('Q', 1, 99), cell('Q', 2, 99), cell('Q', 3, 70)],
    ];
    const standings = compareLevels(cells);
    expect(standings).toEqual([
      { level: 'L', mildWorst: 0.98, worn: 0.9, badlyWorn: 0.9 },
      { level: 'M', mildWorst: 0.99, worn: 0.6, badlyWorn: 0.6 },
      { level: 'Q', mildWorst: 0.99, worn: 0.7, badlyWorn: 0.7 },
    ]);
    expect(decide(standings)).toBe('Q');
    expect(renderDecision(standings)).toContain('Decision: level Q.');
  });

  test('is judged by the decoder that reads fewer', () => {
    const cells = [
      ...[cell('M', 1, 100), cell('M', 3, 100), cell('M', 3, 20, { decoder: 'b' })],
      ...[cell('H', 1, 100), cell('H', 3, 50), cell('H', 3, 50, { decoder: 'b' })],
    ];
    expect(decide(compareLevels(cells))).toBe('H');
  });

  test('is the coarser code where two are equal, as each of its squares is larger', () => {
    const standings = [
      { level: 'H', mildWorst: 1, worn: 0.5, badlyWorn: 0.5 },
      { level: 'M', mildWorst: 1, worn: 0.5, badlyWorn: 0.5 },
    ] as const;
    expect(decide(standings)).toBe('M');
  });

  test('is not judged by all damages together', () => {
    const cells = [cell('M', 1, 100), cell('M', 3, 50), cell('M', 1, 0, { damage: allAtOnce })];
    expect(compareLevels(cells)).toEqual([{ level: 'M', mildWorst: 1, worn: 0.5, badlyWorn: 0.5 }]);
  });

  test('is none where every level fails at mild wear', () => {
    const standings = compareLevels([cell('M', 2, 98), cell('M', 3, 98)]);
    expect(decide(standings)).toBeNull();
    expect(renderDecision(standings)).toContain('No level stands mild wear.');
  });
});

describe('the table', () => {
  test('has a column for each decoder and level, and shows in bold what mild wear may not cost', () => {
    const damages = [
      {
        name: 'dirtied',
        strengths: [
          { terms: 'little', wear: {} },
          { terms: 'some', wear: {} },
          { terms: 'much', wear: {} },
        ],
      },
    ];
    const cells = [
      ...[cell('M', 1, 100), cell('M', 2, 98), cell('M', 3, 7)],
      cell('M', 1, 1, { decoder: 'b', samples: 3, read: 1 }),
    ];
    expect(renderTable(damages, cells).split('\n')).toEqual([
      '| damage | strength | a M | b M |',
      '|---|---|--:|--:|',
      '| dirtied | 1: little | 100 | **33.3** |',
      '| dirtied | 2: some | **98** |  |',
      '| dirtied | 3: much | 7 |  |',
      '',
    ]);
  });
});
