/** A sheet of guards' cards to cut: each says in large letters and with a drawing what it does. */
import type { ControlAction } from '../../shared/control-card.ts';
import { controlTexts } from '../../shared/control-texts.ts';
import { type CardPlace, cardsPerPage, cardWidth, drawCutMarks, placeOf } from './card-sheet.ts';
import { drawControlIcon } from './control-icons.ts';
import { drawCode, drawText } from './drawing.ts';
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

/** Draws one page. */
export function drawControlSheet(pdf: Pdf, cards: readonly PrintedControlCard[], issuedBy: IssuedBy): void {
  pdf.addPage();
  drawCutMarks(pdf);
  for (const [index, card] of cards.entries()) drawControlCard(pdf, card, issuedBy, placeOf(index));
}

function drawControlCard(pdf: Pdf, card: PrintedControlCard, issuedBy: IssuedBy, at: CardPlace): void {
  const modules = qrForPrint(card.text, codeMm.card);
  if (modules === null) throw new RangeError('a control card is too long for its code');
  const quiet = (quietModules * side) / modules.length;
  const codeTop = at.y + Math.max(quiet, padding) + 0.5 * mm;
  drawCode(pdf, modules, { x: at.x + (cardWidth - side) / 2, y: codeTop, side });
  const { vi, does } = controlTexts[card.action];
  const words = { x: at.x + padding, width: cardWidth - 2 * padding };
  let y = codeTop + side + quiet;
  drawControlIcon(pdf, card.action, { x: words.x, y, side: iconSide });
  const beside = { x: words.x + iconSide + 2 * mm, width: words.width - iconSide - 2 * mm };
  const caption = drawText(pdf, vi.toUpperCase(), { ...beside, y, sizeMax: 14, sizeMin: 10, lines: 2, bold: true });
  const sentence = drawText(pdf, does, { ...beside, y: y + caption + 0.5 * mm, sizeMax: 7.5, sizeMin: 5.5, lines: 2 });
  y += Math.max(iconSide, caption + 0.5 * mm + sentence) + 1 * mm;
  y += drawText(pdf, card.guard, { ...words, y, sizeMax: 10, sizeMin: 6.5, bold: true }) + 0.4 * mm;
  const where = card.kiosk === null ? 'mọi máy' : `máy ${card.kiosk}`;
  const number = `Số ${card.number} · đến ${card.expires} · ${where}`;
  y += drawText(pdf, number, { ...words, y, sizeMax: 8, sizeMin: 5.5 }) + 0.4 * mm;
  const whom = issuedBy.contact === null ? issuedBy.name : `${issuedBy.name} (${issuedBy.contact})`;
  drawText(pdf, `Giữ như chìa khóa, không cho chụp ảnh. Mất thẻ: báo ngay ${whom}.`, {
    ...words,
    ...{ y, sizeMax: 6.5, sizeMin: 5, lines: 2 },
  });
}
