/** How much damage a printed code must bear, decided in one place. */
import { type QrLevel, qrMatrix } from './qr-matrix.ts';

/** The level of printed cards and posters: what `test/print` measured to be read most often on paper that has suffered. */
export const printLevel: QrLevel = 'Q';

/** From the level that bears most to the one that has the largest modules. */
const levels: readonly QrLevel[] = ['H', 'Q', 'M', 'L'];

/** A code with smaller modules is not read reliably from a card that is held before a scanner. */
export const moduleMmMin = 0.5;

/**
 * The code for a text at {@link printLevel}; a long text (a national code, not our own card) goes down in level until its
 * modules are large enough. Null where they never are.
 * @param sideMm how wide the code is printed, without its quiet zone.
 * @param printed the level to begin with; only a measurement asks for another.
 */
export function qrForPrint(
  text: string,
  sideMm: number,
  printed: QrLevel = printLevel,
): readonly (readonly boolean[])[] | null {
  for (const level of levels.slice(levels.indexOf(printed))) {
    const modules = tryMatrix(text, level);
    if (modules !== null && sideMm / modules.length >= moduleMmMin) return modules;
  }
  return null;
}

function tryMatrix(text: string, level: QrLevel): readonly (readonly boolean[])[] | null {
  try {
    return qrMatrix(text, level);
  } catch {
    return null; // too long for any code of this level
  }
}
