/** A table on the page. */
import { colours, type Pdf, sheet, shorten } from './page-drawing.ts';

export interface Column {
  readonly title: string;
  /** In points. */
  readonly width: number;
  /** Numbers stand at the right. */
  readonly right?: boolean;
}

const rowHeight = 14;
const padding = 3;

/** Draws a table from `top` on and says where it ends. */
export function drawTable(
  pdf: Pdf,
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  top: number,
): number {
  pdf.font('bold').fontSize(10).fillColor(colours.ink);
  pdf.text(title, sheet.left, top, { lineBreak: false });
  const width = columns.reduce((sum, column) => sum + column.width, 0);
  const put = (cells: readonly string[], rowTop: number) => {
    let left: number = sheet.left;
    for (const [index, column] of columns.entries()) {
      const text = shorten(pdf, cells[index] ?? '', column.width - 2 * padding);
      const indent = column.right ? column.width - padding - pdf.widthOfString(text) : padding;
      pdf.text(text, left + indent, rowTop + 3, { lineBreak: false });
      left += column.width;
    }
  };
  const headTop = top + 15;
  pdf.rect(sheet.left, headTop, width, rowHeight).fill(colours.box);
  pdf.font('bold').fontSize(8).fillColor(colours.faint);
  put(
    columns.map((column) => column.title),
    headTop,
  );
  pdf.font('plain').fontSize(8.5);
  const shown = rows.length === 0 ? [['Không có lượt nào.']] : rows;
  for (const [index, row] of shown.entries()) {
    const rowTop = headTop + (index + 1) * rowHeight;
    pdf.fillColor(colours.ink);
    put(row, rowTop);
    const bottom = rowTop + rowHeight;
    pdf.moveTo(sheet.left, bottom).lineTo(sheet.left + width, bottom);
    pdf.lineWidth(0.5).strokeColor(colours.line).stroke();
  }
  return headTop + (shown.length + 1) * rowHeight;
}
