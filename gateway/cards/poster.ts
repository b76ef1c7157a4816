/** A site's poster: one code of 150 mm on A4 that people scan with their phones, with the site's name over it. */
import { drawCode, drawText } from './drawing.ts';
import { drawParagraphs, TooLong } from './paragraphs.ts';
import { mm, openScratchPdf, type Pdf, page } from './pdf-file.ts';
import { codeMm } from './printed-card.ts';
import { qrForPrint } from './qr-level.ts';
import { quietModules } from './qr-matrix.ts';

const side = codeMm.poster * mm;
const margin = 15 * mm;
const titleHeight = 30 * mm;

/** Whether a text fits into a code that can be read from a poster. */
export function fitsPoster(text: string): boolean {
  return text !== '' && qrForPrint(text, codeMm.poster) !== null;
}

/** Draws the poster. @param text what the code holds: {@link fitsPoster}. */
export async function drawPoster(pdf: Pdf, text: string, title: string): Promise<void> {
  const modules = qrForPrint(text, codeMm.poster);
  if (modules === null) throw new RangeError('a code that is too long was not refused');
  pdf.addPage();
  const words = { x: margin, width: page.width - 2 * margin, align: 'center' } as const;
  const quiet = (quietModules * side) / modules.length;
  const codeTop = margin + titleHeight + quiet;
  drawTitle(pdf, title);
  drawCode(pdf, modules, { x: (page.width - side) / 2, y: codeTop, side });
  let y = codeTop + side + quiet;
  y += drawText(pdf, 'Mời quét mã bằng điện thoại', { ...words, y, sizeMax: 32, sizeMin: 20, bold: true }) + 2 * mm;
  y += drawText(pdf, 'Please scan with your phone', { ...words, y, sizeMax: 22, sizeMin: 14 }) + 4 * mm;
  drawParagraphs(pdf, [{ text, sizeMax: 10, sizeMin: 4, lines: 100, gap: 0 }], {
    ...words,
    ...{ y, bottom: page.height - margin },
  });
}

/** Whether a title fits over the code. */
export async function fitsTitle(title: string): Promise<boolean> {
  const pdf = await openScratchPdf();
  try {
    drawTitle(pdf, title);
    return true;
  } catch (error) {
    if (error instanceof TooLong) return false;
    throw error;
  }
}

function drawTitle(pdf: Pdf, title: string): void {
  const room = {
    x: margin,
    y: margin,
    width: page.width - 2 * margin,
    bottom: margin + titleHeight,
    align: 'center',
  } as const;
  drawParagraphs(pdf, [{ text: title, sizeMax: 36, sizeMin: 14, lines: 4, bold: true, gap: 0 }], room);
}
