/** Paragraphs one under another in a room of a given size: as large as they fit, and whole or not at all. */
import { Fault } from '../../shared/fault.ts';
import { fonts, type Pdf } from './pdf-file.ts';

/** A text and how large it may be, in points. */
export interface Paragraph {
  readonly text: string;
  readonly sizeMax: number;
  readonly sizeMin: number;
  /** At most so many, however small. */
  readonly lines: number;
  readonly bold?: boolean;
  /** Blank under it, in points. */
  readonly gap: number;
}

/** Where they go, in points. */
export interface Room {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly bottom: number;
  readonly align?: 'left' | 'center';
}

/** They do not fit, not even as small as they may be. */
export class TooLong extends Fault {
  constructor() {
    super('PRINT_FAILED', 'The words do not fit onto the paper.');
  }
}

/** From their largest to their smallest size, all together, in so many steps. */
const steps = 10;

/** Draws them, and returns where the last one ends, in points. Throws {@link TooLong}, and then has drawn nothing. */
export function drawParagraphs(pdf: Pdf, paragraphs: readonly Paragraph[], room: Room): number {
  for (let step = 0; step <= steps; step++) {
    const set = paragraphs.map((paragraph) => setParagraph(pdf, paragraph, room, step / steps));
    const height = set.reduce((sum, one) => sum + one.height + one.paragraph.gap, 0);
    // Nothing is under the last one.
    if (room.y + height - (paragraphs.at(-1)?.gap ?? 0) > room.bottom + 0.01) continue;
    return set.reduce((y, one) => draw(pdf, one, { ...room, y }), room.y);
  }
  throw new TooLong();
}

interface SetParagraph {
  readonly paragraph: Paragraph;
  readonly size: number;
  readonly height: number;
}

/** How large a paragraph is set that may be no larger than between its sizes, 0 for the largest. */
function setParagraph(pdf: Pdf, paragraph: Paragraph, { width }: Room, shrunk: number): SetParagraph {
  const { text, sizeMax, sizeMin, lines } = paragraph;
  pdf.font(paragraph.bold ? fonts.bold : fonts.plain);
  for (let size = sizeMax - (sizeMax - sizeMin) * shrunk; ; size = Math.max(size - 0.5, sizeMin)) {
    pdf.fontSize(size);
    const height = pdf.heightOfString(text, { width });
    const isWhole = height <= pdf.currentLineHeight(true) * lines + 0.01;
    // A word that is longer than a line is broken where nothing else helps.
    const isBroken = size > sizeMin && text.split(' ').some((word) => pdf.widthOfString(word) > width);
    if (isWhole && !isBroken) return { paragraph, size, height };
    if (size <= sizeMin) throw new TooLong();
  }
}

function draw(pdf: Pdf, { paragraph, size, height }: SetParagraph, { x, y, width, align = 'left' }: Room): number {
  pdf
    .font(paragraph.bold ? fonts.bold : fonts.plain)
    .fontSize(size)
    .fillColor('black');
  pdf.text(paragraph.text, x, y, { width, align });
  return y + height + paragraph.gap;
}
