/** Names as codes write them, and the one form in which two spellings of a name can be compared. */

/** A name is cut to this many characters, so that every sealed identity fits into an entry. */
export const nameCharsMax = 200;

/** One spelling for one text: composed letters, single spaces, nothing around it, no halves of surrogate pairs. */
export function tidyText(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

/** At most {@link nameCharsMax} characters of a tidy name. */
export function cutName(name: string): string {
  return name.length <= nameCharsMax ? name : Array.from(name).slice(0, nameCharsMax).join('').trim();
}

/**
 * The form that `Nguyễn Văn A`, `NGUYỄN VĂN A`, `NGUYEN VAN A` and `NGUYEN<VAN<A` have in common: capitals without
 * accents (Đ is D), letters and digits only, single spaces between words. For comparing and looking up; a sealed identity
 * keeps the name with its accents where the code has them.
 */
export function normalName(name: string): string {
  return bare(bare(name).toUpperCase())
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

function bare(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFKD')
    .replace(/[\p{M}\p{Lm}]/gu, '')
    .replace(/đ/g, 'd')
    .replace(/Đ/g, 'D');
}
