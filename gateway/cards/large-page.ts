/** One card a page of A4, for people with poor sight: a code of 165 mm that a scanner reads from afar, and large letters. */
import { describe } from './card-sheet.ts';
import { drawCode, drawLine, drawText } from './drawing.ts';
import { drawParagraphs } from './paragraphs.ts';
import { mm, type Pdf, page } from './pdf-file.ts';
import { codeMm, type IssuedBy, lostText, type PrintedCard, type Progress } from './printed-card.ts';
import { qrForPrint } from './qr-level.ts';
import { quietModules } from './qr-matrix.ts';

const side = codeMm.large * mm;
const margin = 15 * mm;

/** Blank between two paragraphs. */
const gap = 2 * mm;

/** Draws a page for each card. Ends early when `signal` aborts. */
export async function drawLargePages(
  pdf: Pdf,
  cards: readonly PrintedCard[],
  issuedBy: IssuedBy,
  options: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<void> {
  for (const [index, card] of cards.entries()) {
    if (options.signal.aborted) return;
    pdf.addPage();
    drawLargeCard(pdf, card, issuedBy);
    options.progress(index + 1, cards.length);
    // Lets the file take what was drawn, and a signal through.
    await new Promise(setImmediate);
  }
}

/** Draws one. Throws TooLong where the words do not fit under the code. */
export function drawLargeCard(pdf: Pdf, card: PrintedCard, issuedBy: IssuedBy): void {
  const modules = qrForPrint(card.text, codeMm.large);
  if (modules === null) throw new RangeError('a code that is too long was not refused');
  drawCode(pdf, modules, { x: (page.width - side) / 2, y: margin, side });
  const room = { x: margin, width: page.width - 2 * margin, bottom: page.height - margin };
  let y = margin + side + (quietModules * side) / modules.length;
  if (card.name === null) {
    drawText(pdf, 'Họ tên:', { ...room, y: y + 6 * mm, sizeMax: 20, sizeMin: 20 });
    drawLine(pdf, [room.x + 28 * mm, y + 15 * mm], [room.x + room.width, y + 15 * mm]);
    y += 18 * mm;
  }
  const { name, number } = card;
  const words = [
    ...(name === null ? [] : [{ text: name, sizeMax: 36, sizeMin: 24, lines: 4, bold: true, gap }]),
    { text: describe(card), sizeMax: 20, sizeMin: 16, lines: 1, gap },
    ...(number === null ? [] : [{ text: `Số thẻ ${number}`, sizeMax: 36, sizeMin: 30, lines: 1, bold: true, gap }]),
    { text: `Nơi cấp: ${issuedBy.name}`, sizeMax: 20, sizeMin: 12, lines: 4, gap },
    { text: lostText(issuedBy, card), sizeMax: 18, sizeMin: 11, lines: 12, gap },
  ];
  drawParagraphs(pdf, words, { ...room, y });
}
