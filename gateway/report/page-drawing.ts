/** What is drawn on, and with. */

/** A document that is being drawn; lengths in points from the upper left corner. */
export type Pdf = PDFKit.PDFDocument;

/** The page, and where it is drawn on. */
export const sheet = { left: 42, right: 553, top: 40, bottom: 806, width: 511 } as const;

/** Dark enough to be told apart in grey, too. */
export const colours = {
  ink: '#1d2733',
  faint: '#66717d',
  line: '#ccd3da',
  in: '#1f6f8b',
  out: '#e0962f',
  box: '#f2f5f7',
} as const;

/** Text on one line, cut with … where it is too long for `width`. */
export function shorten(pdf: Pdf, text: string, width: number): string {
  if (pdf.widthOfString(text) <= width) return text;
  const letters = Array.from(text);
  while (letters.length > 1 && pdf.widthOfString(`${letters.join('')}…`) > width) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}
