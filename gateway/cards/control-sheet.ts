/** A sheet of guards' cards to cut: each says in large letters and with a drawing what it does. */
import type { ControlAction } from '../../shared/control-card.ts';
import { controlTexts } from '../../shared/control-texts.ts';
import { type CardPlace, cardsPerPage, cardWidth, drawCutMarks, placeOf, wordsRoom } from './card-sheet.ts';
import { drawControlIcon } from './control-icons.ts';
import { drawCode } from './drawing.ts';
import { drawParagraphs } from './paragraphs.ts';
import { mm, type Pdf } from './pdf-file.ts';
import { codeMm, type IssuedBy } from './printed-card.ts';
import { qrForPrint } from './qr-level.ts';
import { quietModules } from './qr-matrix.ts';

/** What stands on one. */
export interface PrintedControlCard {
  /** What its code holds. */
  readonly text: string;
  readonly action: ControlAction;
  readonly guard: string;
  /** The one kiosk that takes it; null: all. */
  readonly kiosk: string | null;
  /** As people write it. */
  readonly number: string;
  /** The last day, dd/MM/yyyy. */
  readonly expires: string;
}

/** Cards of one order, which all fit onto one page. */
export const controlCardsMax = cardsPerPage;

const side = codeMm.card * mm;
const padding = 3 * mm;
const iconSide = 14 * mm;

/** Blank between two paragraphs. */
const gap = 0.4 * mm;

/** Draws one page. */
export function drawControlSheet(pdf: Pdf, cards: readonly PrintedControlCard[], issuedBy: IssuedBy): void {
  pdf.addPage();
  drawCutMarks(pdf);
  for (const [index, card] of cards.entries()) drawControlCard(pdf, card, issuedBy, placeOf(index));
}

/** Draws one. Throws TooLong where the words do not fit under the code. */
export function drawControlCard(pdf: Pdf, card: PrintedControlCard, issuedBy: IssuedBy, at: CardPlace): void {
  const modules = qrForPrint(card.text, codeMm.card);
  if (modules === null) throw new RangeError('a control card is too long for its code');
  const quiet = (quietModules * side) / modules.length;
  const codeTop = at.y + Math.max(quiet, padding) + 0.5 * mm;
  drawCode(pdf, modules, { x: at.x + (cardWidth - side) / 2, y: codeTop, side });
  const { vi, does: sentence } = controlTexts[card.action];
  const room = wordsRoom(at, codeTop + side + quiet);
  drawControlIcon(pdf, card.action, { x: room.x, y: room.y, side: iconSide });
  const beside = { ...room, x: room.x + iconSide + 2 * mm, width: room.width - iconSide - 2 * mm };
  const does = [
    { text: vi.toUpperCase(), sizeMax: 14, sizeMin: 10, lines: 1, bold: true, gap: 0.5 * mm },
    { text: sentence, sizeMax: 7.5, sizeMin: 5.5, lines: 2, gap: 0 },
  ];
  const besideEnd = drawParagraphs(pdf, does, beside);
  const where = card.kiosk === null ? 'mọi máy' : `máy ${card.kiosk}`;
  const number = `Số ${card.number} · đến ${card.expires} · ${where}`;
  const whom = issuedBy.contact === null ? issuedBy.name : `${issuedBy.name} (${issuedBy.contact})`;
  const keep = `Giữ như chìa khóa, không cho chụp ảnh. Mất thẻ: báo ngay ${whom}.`;
  const words = [
    { text: card.guard, sizeMax: 10, sizeMin: 6, lines: 4, bold: true, gap },
    { text: number, sizeMax: 8, sizeMin: 5.5, lines: 3, gap },
    { text: keep, sizeMax: 6.5, sizeMin: 5, lines: 12, gap },
  ];
  drawParagraphs(pdf, words, { ...room, y: Math.max(room.y + iconSide, besideEnd) + 1 * mm });
}
