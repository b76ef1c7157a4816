import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { moduleMmMin, printLevel, qrForPrint } from '../../../gateway/cards/qr-level.ts';
import { qrMatrix } from '../../../gateway/cards/qr-matrix.ts';
import { qrRectangles } from '../../../gateway/cards/qr-rectangles.ts';

describe('the code of a print', () => {
  const cardText = `RV1:${'A0$:'.repeat(32)}`;

  it('has the chosen level for a card, on 50 mm', () => {
    expect(qrForPrint(cardText, 50)).toEqual(qrMatrix(cardText, printLevel));
    expect(50 / (qrForPrint(cardText, 50)?.length ?? Number.NaN)).toBeGreaterThan(0.8);
  });

  it('gives up level before size where a national code is long', () => {
    const long = 'ă'.repeat(250);
    const modules = qrForPrint(long, 50);
    expect(modules?.length).toBeLessThan(qrMatrix(long, printLevel).length);
    expect(50 / (modules?.length ?? 0)).toBeGreaterThanOrEqual(moduleMmMin);
  });

  it('is none where the modules would be too small at any level, or there is no room at all', () => {
    expect(qrForPrint('ă'.repeat(500), 50)).toBeNull();
    expect(qrForPrint('ă'.repeat(3000), 150)).toBeNull();
  });
});

describe('the rectangles of a code', () => {
  const matrices = fc
    .integer({ min: 1, max: 12 })
    .chain((size) =>
      fc.array(fc.array(fc.boolean(), { minLength: size, maxLength: size }), { minLength: size, maxLength: size }),
    );

  it('cover each dark module once and no light one', () => {
    fc.assert(
      fc.property(matrices, (modules) => {
        const covered = modules.map((row) => row.map(() => 0));
        for (const { x, y, width, height } of qrRectangles(modules)) {
          for (let down = y; down < y + height; down++) {
            const row = covered[down] ?? [];
            for (let right = x; right < x + width; right++) row[right] = (row[right] ?? 0) + 1;
          }
        }
        expect(covered).toEqual(modules.map((row) => row.map(Number)));
      }),
    );
  });

  it('are few', () => {
    const modules = qrMatrix('RV1:TEST', 'H');
    expect(qrRectangles(modules).length).toBeLessThan(modules.flat().filter(Boolean).length / 2);
  });
});
