/** What all printed pages are made of: codes, lines of text that fit, marks to cut along. */
import { fonts, type Pdf } from './pdf-file.ts';
import { qrRectangles } from './qr-rectangles.ts';

/** Draws a code as shapes, so that it is sharp at every size. The caller leaves the quiet zone. In points. */
export function drawCode(
  pdf: Pdf,
  modules: readonly (readonly boolean[])[],
  at: { readonly x: number; readonly y: number; readonly side: number },
): void {
  pdf.save().translate(at.x, at.y);
  pdf.scale(at.side / modules.length);
  // One shape: between two, a viewer that smooths edges would show a light seam.
  for (const { x, y, width, height } of qrRectangles(modules)) pdf.rect(x, y, width, height);
  pdf.fill('black').restore();
}

/** Where a text goes and how large it may be, in points. */
export interface TextBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly sizeMax: number;
  readonly sizeMin: number;
  /** At most how many lines; what does not fit at the smallest size ends with `…`. */
  readonly lines?: number;
  readonly bold?: boolean;
  readonly align?: 'left' | 'center';
}

/** Draws a text as large as it fits and returns how high it became, in points. */
export function drawText(pdf: Pdf, text: string, box: TextBox): number {
  const { x, y, width, lines = 1, align = 'left' } = box;
  pdf.font(box.bold ? fonts.bold : fonts.plain).fillColor('black');
  const height = () => Math.ceil(pdf.currentLineHeight(true) * lines * 100) / 100;
  const fits = () => pdf.heightOfString(text, { width, align }) <= height() + 0.01 && longestWord(pdf, text) <= width;
  let size = box.sizeMax;
  while (!fitsAt(pdf, size, fits) && size > box.sizeMin) size = Math.max(size - 0.5, box.sizeMin);
  pdf.fontSize(size);
  const used = Math.min(pdf.heightOfString(text, { width, align }), height());
  pdf.text(text, x, y, { width, height: height() + 0.01, align, ellipsis: '…' });
  return used;
}

function fitsAt(pdf: Pdf, size: number, fits: () => boolean): boolean {
  pdf.fontSize(size);
  return fits();
}

function longestWord(pdf: Pdf, text: string): number {
  return Math.max(...text.split(' ').map((word) => pdf.widthOfString(word)));
}

/** Draws a thin line, in points; a grey one is only for the scissors. */
export function drawLine(
  pdf: Pdf,
  from: readonly [number, number],
  to: readonly [number, number],
  colour = 'black',
): void {
  pdf
    .moveTo(...from)
    .lineTo(...to)
    .lineWidth(0.4)
    .stroke(colour);
}
