/** Whether what is printed on every card fits beside what is printed on one, asked before a card is registered. */
import { TooLong } from './paragraphs.ts';
import { openScratchPdf, type Pdf } from './pdf-file.ts';
import type { IssuedBy } from './printed-card.ts';

/**
 * What is too long, as its option or setting, and how much of it fits; null where all of it does.
 * @param draw draws the fullest cards; throws {@link TooLong}.
 * @param own what stands on them beside, as its option.
 */
export async function whyTooLong(
  issuedBy: IssuedBy,
  own: string,
  draw: (pdf: Pdf, issuedBy: IssuedBy) => void,
): Promise<string | null> {
  const pdf = await openScratchPdf();
  const fits = (by: IssuedBy) => {
    try {
      draw(pdf, by);
      return true;
    } catch (error) {
      if (error instanceof TooLong) return false;
      throw error;
    }
  };
  if (fits(issuedBy)) return null;
  const { name, contact } = issuedBy;
  if (contact !== null && fits({ name, contact: '' })) {
    return describe('--contact', contact, (part) => fits({ name, contact: part }));
  }
  if (fits({ name: '', contact: null }))
    return describe('RAVAO_SITE', name, (part) => fits({ name: part, contact: null }));
  return `${own} is too long for the paper.`;
}

/** The longest beginning that fits, found by halving. */
function describe(what: string, text: string, fits: (part: string) => boolean): string {
  const characters = [...text];
  let [few, many] = [0, characters.length];
  while (many - few > 1) {
    const middle = Math.floor((few + many) / 2);
    if (fits(characters.slice(0, middle).join(''))) few = middle;
    else many = middle;
  }
  return `${what} is too long for the paper: it has ${characters.length} characters, and ${few} of them fit.`;
}
