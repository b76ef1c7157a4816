/** A plot of bars in pairs: in and out. */
import { colours, type Pdf } from './page-drawing.ts';
import { describeNumber } from './words.ts';

export interface BarPlot {
  readonly title: string;
  readonly bars: readonly { readonly label: string; readonly in: number; readonly out: number }[];
  /** In points. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The scale has this many steps at most. */
const stepsMax = 4;

/** Draws a plot with its title, legend, scale and labels. */
export function drawBars(pdf: Pdf, { title, bars, left, top, width, height }: BarPlot): void {
  pdf.font('bold').fontSize(10).fillColor(colours.ink).text(title, left, top, { lineBreak: false });
  drawLegend(pdf, left + width, top + 2);
  const step = roundStep(Math.max(1, ...bars.flatMap((bar) => [bar.in, bar.out])));
  const most = Math.ceil(Math.max(1, ...bars.flatMap((bar) => [bar.in, bar.out])) / step) * step;
  pdf.font('plain').fontSize(7);
  const axis = left + pdf.widthOfString(describeNumber(most)) + 5;
  const base = top + height - 12;
  const scale = (base - top - 22) / most;
  for (let value = 0; value <= most; value += step) {
    const y = base - value * scale;
    pdf
      .moveTo(axis, y)
      .lineTo(left + width, y)
      .lineWidth(0.5)
      .strokeColor(colours.line)
      .stroke();
    const text = describeNumber(value);
    pdf.fillColor(colours.faint).text(text, axis - 4 - pdf.widthOfString(text), y - 4, { lineBreak: false });
  }
  const room = (left + width - axis) / bars.length;
  const thick = room * 0.38;
  for (const [index, bar] of bars.entries()) {
    const start = axis + index * room + room * 0.12;
    pdf.rect(start, base - bar.in * scale, thick, bar.in * scale).fill(colours.in);
    pdf.rect(start + thick, base - bar.out * scale, thick, bar.out * scale).fill(colours.out);
    // Where labels would touch, every other one is left out.
    const widest = Math.max(...bars.map(({ label }) => pdf.widthOfString(label)));
    if (widest + 2 > room && index % 2 === 1) continue;
    const middle = start + thick - pdf.widthOfString(bar.label) / 2;
    pdf.fillColor(colours.faint).text(bar.label, middle, base + 4, { lineBreak: false });
  }
}

function drawLegend(pdf: Pdf, right: number, top: number): void {
  pdf.font('plain').fontSize(8);
  let left = right;
  for (const [label, colour] of [
    ['ra', colours.out],
    ['vào', colours.in],
  ] as const) {
    left -= pdf.widthOfString(label);
    pdf.fillColor(colours.faint).text(label, left, top, { lineBreak: false });
    left -= 11;
    pdf.rect(left, top + 1, 8, 7).fill(colour);
    left -= 8;
  }
}

/** 1, 2 or 5 times a power of ten, so that at most {@link stepsMax} steps reach `most`. */
function roundStep(most: number): number {
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 5]) if (step * power * stepsMax >= most) return step * power;
  }
}
