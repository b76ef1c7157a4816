/** QR codes as modules: no picture, no colour, no size. */
import { encodeQR } from 'qr';

/** How much of a code may be lost: about 7, 15, 25 and 30 in 100 codewords (ISO/IEC 18004 §7.5.1). */
export type QrLevel = 'L' | 'M' | 'Q' | 'H';

/** The light border that a code needs on every side, in modules (ISO/IEC 18004 §6.3.8). The matrix comes without it. */
export const quietModules = 4;

const levels = { L: 'low', M: 'medium', Q: 'quartile', H: 'high' } as const;

/**
 * The modules of the smallest QR code for a text, row by row from the top, true for dark, without the quiet zone. The
 * densest mode that holds the text is taken: digits, then capitals with `$%*+-./:` and space, else UTF-8.
 * Throws an Error where the text is too long for any code.
 */
export function qrMatrix(text: string, level: QrLevel): readonly (readonly boolean[])[] {
  // The library gives no code without a border.
  const bordered = encodeQR(text, 'raw', { ecc: levels[level], border: 1 });
  return bordered.slice(1, -1).map((row) => row.slice(1, -1));
}
