import { describe, expect, it } from 'vitest';

import { type QrLevel, qrMatrix, quietModules } from '../../../gateway/cards/qr-matrix.ts';
import { readQrCodes } from '../../fakes/zxing.ts';

/** The length of a printed card's text, in characters that the alphanumeric mode holds. */
const cardText = `RV1:${'A0$:'.repeat(32)}`;

/** A picture of a code as a decoder takes it: one byte a colour, eight pixels a module. */
function drawPicture(modules: readonly (readonly boolean[])[]) {
  const scale = 8;
  const side = (modules.length + 2 * quietModules) * scale;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const dark = modules[Math.floor(y / scale) - quietModules]?.[Math.floor(x / scale) - quietModules];
      if (dark) data.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return { data, width: side, height: side, colorSpace: 'srgb' as const };
}

describe('a QR code', () => {
  // ISO/IEC 18004 table 7: version 5 to 9 for 132 alphanumeric characters; as bytes it would be 7 to 11.
  it.each<[QrLevel, number]>([
    ['L', 5],
    ['M', 6],
    ['Q', 8],
    ['H', 9],
  ])('of a card at level %s is of version %i, as only the alphanumeric mode makes it', (level, version) => {
    expect(cardText).toHaveLength(132);
    const modules = qrMatrix(cardText, level);
    expect(modules).toHaveLength(17 + 4 * version);
    expect(modules.every((row) => row.length === modules.length)).toBe(true);
  });

  it('is larger where the text needs bytes', () => {
    expect(qrMatrix(cardText.toLowerCase(), 'H').length).toBeGreaterThan(qrMatrix(cardText, 'H').length);
  });

  it('begins with the three finders and has no border', () => {
    const modules = qrMatrix(cardText, 'H');
    const last = modules.length - 1;
    expect([modules[0]?.[0], modules[0]?.[last], modules[last]?.[0], modules[last]?.[last]]).toEqual(
      expect.arrayContaining([true, true, true]),
    );
    expect(modules[0]?.slice(0, 8)).toEqual([true, true, true, true, true, true, true, false]);
  });

  it.each(['L', 'M', 'Q', 'H'] as const)('at level %s is read by a decoder as the same text', async (level) => {
    for (const text of [cardText, '001099012345||Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y|15082021', '8934567890123']) {
      const [found] = await readQrCodes(drawPicture(qrMatrix(text, level)));
      expect(found).toMatchObject({ text, ecLevel: level });
    }
  });

  it('is refused for a text that fits into none', () => {
    expect(() => qrMatrix('ă'.repeat(3000), 'L')).toThrow('overflow');
  });
});
