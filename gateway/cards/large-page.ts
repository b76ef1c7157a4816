/** One card a page of A4, for people with poor sight: a code of 165 mm that a scanner reads from afar, and large letters. */
import { describe } from './card-sheet.ts';
import { drawCode, drawLine, drawText } from './drawing.ts';
import { mm, type Pdf, page } from './pdf-file.ts';
import { codeMm, type IssuedBy, lostText, type PrintedCard, type Progress } from './printed-card.ts';
import { qrForPrint } from './qr-level.ts';
import { quietModules } from './qr-matrix.ts';

const side = codeMm.large * mm;
const margin = 15 * mm;

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
    drawPage(pdf, card, issuedBy);
    options.progress(index + 1, cards.length);
    // Lets the file take what was drawn, and a signal through.
    await new Promise(setImmediate);
  }
}

function drawPage(pdf: Pdf, card: PrintedCard, issuedBy: IssuedBy): void {
  const modules = qrForPrint(card.text, codeMm.large);
  if (modules === null) throw new RangeError('a code that is too long was not refused');
  drawCode(pdf, modules, { x: (page.width - side) / 2, y: margin, side });
  const words = { x: margin, width: page.width - 2 * margin };
  let y = margin + side + (quietModules * side) / modules.length;
  if (card.name === null) {
    drawText(pdf, 'Họ tên:', { ...words, y: y + 6 * mm, sizeMax: 20, sizeMin: 20 });
    drawLine(pdf, [words.x + 28 * mm, y + 15 * mm], [words.x + words.width, y + 15 * mm]);
    y += 18 * mm;
  } else y += drawText(pdf, card.name, { ...words, y, sizeMax: 36, sizeMin: 24, lines: 2, bold: true }) + 2 * mm;
  y += drawText(pdf, describe(card), { ...words, y, sizeMax: 20, sizeMin: 16 }) + 2 * mm;
  if (card.number !== null) {
    y += drawText(pdf, `Số thẻ ${card.number}`, { ...words, y, sizeMax: 36, sizeMin: 30, bold: true }) + 2 * mm;
  }
  y += drawText(pdf, `Nơi cấp: ${issuedBy.name}`, { ...words, y, sizeMax: 20, sizeMin: 14 }) + 2 * mm;
  drawText(pdf, lostText(issuedBy, card), { ...words, y, sizeMax: 18, sizeMin: 12, lines: 3 });
}
