/** Sheets of cards to cut: nine on a page of A4, each 66 × 93 mm, the code on top and the words under it. */
import { drawCode, drawLine, drawText } from './drawing.ts';
import { drawParagraphs } from './paragraphs.ts';
import { mm, type Pdf, page } from './pdf-file.ts';
import { codeMm, type IssuedBy, lostText, type PrintedCard, type Progress } from './printed-card.ts';
import { qrForPrint } from './qr-level.ts';
import { type QrLevel, quietModules } from './qr-matrix.ts';

const columns = 3;
const rows = 3;

/** How wide a card of a sheet is, in points. */
export const cardWidth = 66 * mm;
const cardHeight = 93 * mm;
const left = (page.width - columns * cardWidth) / 2;
const top = (page.height - rows * cardHeight) / 2;
const side = codeMm.card * mm;

/** What most printers can reach, from the edge of the paper. */
const unprintable = 4.5 * mm;

/** Blank between the words and where the scissors go. */
const padding = 3 * mm;

/** Blank between two paragraphs. */
const gap = 0.6 * mm;

/** The upper left corner of a card, in points. */
export interface CardPlace {
  readonly x: number;
  readonly y: number;
}

/** Cards on one page. */
export const cardsPerPage = columns * rows;

/** Draws all cards, as many pages as they need. Ends early when `signal` aborts. Only a measurement asks for a level. */
export async function drawSheets(
  pdf: Pdf,
  cards: readonly PrintedCard[],
  issuedBy: IssuedBy,
  options: { readonly progress: Progress; readonly signal: AbortSignal; readonly level?: QrLevel },
): Promise<void> {
  for (let first = 0; first < cards.length && !options.signal.aborted; first += cardsPerPage) {
    pdf.addPage();
    const onPage = cards.slice(first, first + cardsPerPage);
    drawCutMarks(pdf);
    for (const [place, card] of onPage.entries()) {
      drawCard(pdf, card, issuedBy, placeOf(place), options.level);
    }
    options.progress(first + onPage.length, cards.length);
    // Lets the file take what was drawn, and a signal through.
    await new Promise(setImmediate);
  }
}

/** Where the nth card of a page lies, row by row from the upper left. */
export function placeOf(index: number): CardPlace {
  return { x: left + (index % columns) * cardWidth, y: top + Math.floor(index / columns) * cardHeight };
}

/** Where the words of a card are. @param top where they begin; from the upper edge of the page, in points. */
export function wordsRoom(at: CardPlace, top: number) {
  return { x: at.x + padding, y: top, width: cardWidth - 2 * padding, bottom: at.y + cardHeight - padding };
}

/** Grey lines to cut along, and black marks at the edges that stay visible beside a ruler. */
export function drawCutMarks(pdf: Pdf): void {
  const right = left + columns * cardWidth;
  const bottom = top + rows * cardHeight;
  for (let column = 0; column <= columns; column++) {
    const x = left + column * cardWidth;
    drawLine(pdf, [x, top], [x, bottom], '#c8c8c8');
    drawLine(pdf, [x, unprintable], [x, top - 1 * mm]);
    drawLine(pdf, [x, bottom + 1 * mm], [x, page.height - unprintable]);
  }
  for (let row = 0; row <= rows; row++) {
    const y = top + row * cardHeight;
    drawLine(pdf, [left, y], [right, y], '#c8c8c8');
    drawLine(pdf, [unprintable, y], [left - 0.5 * mm, y]);
    drawLine(pdf, [right + 0.5 * mm, y], [page.width - unprintable, y]);
  }
}

/** Draws one. Throws TooLong where the words do not fit under the code. */
export function drawCard(pdf: Pdf, card: PrintedCard, issuedBy: IssuedBy, at: CardPlace, level?: QrLevel): void {
  const modules = qrForPrint(card.text, codeMm.card, level);
  if (modules === null) throw new RangeError('a code that is too long was not refused');
  const quiet = (quietModules * side) / modules.length;
  const codeTop = at.y + Math.max(quiet, padding) + 0.5 * mm;
  drawCode(pdf, modules, { x: at.x + (cardWidth - side) / 2, y: codeTop, side });
  const room = wordsRoom(at, codeTop + side + quiet + 0.3 * mm);
  let { y } = room;
  if (card.name === null) {
    drawText(pdf, 'Họ tên:', { ...room, y: y + 2.5 * mm, sizeMax: 8, sizeMin: 8 });
    drawLine(pdf, [room.x + 11 * mm, y + 6 * mm], [room.x + room.width, y + 6 * mm]);
    y += 7.2 * mm;
  }
  const { name, number } = card;
  const words = [
    ...(name === null ? [] : [{ text: name, sizeMax: 13, sizeMin: 7, lines: 4, bold: true, gap }]),
    { text: describe(card), sizeMax: 8, sizeMin: 6.5, lines: 1, gap },
    ...(number === null ? [] : [{ text: `Số thẻ ${number}`, sizeMax: 12.5, sizeMin: 11, lines: 1, bold: true, gap }]),
    { text: `Nơi cấp: ${issuedBy.name}`, sizeMax: 8, sizeMin: 5.5, lines: 8, gap },
    { text: lostText(issuedBy, card), sizeMax: 6.5, sizeMin: 5, lines: 12, gap },
  ];
  drawParagraphs(pdf, words, { ...room, y });
}

/** Year of birth and last day, as far as there are any. */
export function describe({ birthYear, expires }: PrintedCard): string {
  const born = `Năm sinh: ${birthYear ?? '………'}`;
  return expires === null ? born : `${born}   Có giá trị đến ${expires}`;
}
