/** A report as one page of A4, with plots. */
import { fileURLToPath } from 'node:url';
import { describeMoment } from '../moment.ts';
import { type Count, changePercent, type Figures, passed } from './figures.ts';
import { drawBars } from './page-bars.ts';
import { colours, type Pdf, sheet, shorten } from './page-drawing.ts';
import { type Column, drawTable } from './page-table.ts';
import type { Period } from './period.ts';
import type { Reporter } from './report-table.ts';
import { describeChange, describeKind, describeNumber } from './words.ts';

/** The page has room for this many gates and kinds of code; the others are added up. */
const gateRowsMax = 10;
const kindRowsMax = 7;

/** Draws a report. Resolves with the PDF's bytes. @param nowMs when it is made. */
export async function drawReport(
  reporter: Reporter,
  period: Period,
  figures: Figures,
  nowMs: number,
): Promise<Uint8Array> {
  const { default: PdfDocument } = await import('pdfkit');
  const pdf: Pdf = new PdfDocument({
    size: 'A4',
    margin: 0,
    info: { Title: `Báo cáo lượt ra vào, ${period.title}`, Creator: 'Ravao', CreationDate: new Date(nowMs) },
    lang: 'vi',
  });
  const pieces: Buffer[] = [];
  pdf.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = new Promise<void>((resolve, reject) => {
    pdf.once('end', resolve);
    pdf.once('error', reject);
  });
  const font = (file: string) => fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`));
  pdf.registerFont('plain', font('DejaVuSansCondensed.ttf'));
  pdf.registerFont('bold', font('DejaVuSansCondensed-Bold.ttf'));
  drawAll(pdf, reporter, period, figures, nowMs);
  pdf.end();
  await ended;
  return Buffer.concat(pieces);
}

function drawAll(pdf: Pdf, reporter: Reporter, period: Period, figures: Figures, nowMs: number): void {
  let top = drawHeading(pdf, reporter, period, nowMs);
  top = drawBoxes(pdf, figures, top);
  top = drawPlots(pdf, period, figures, top + 12);
  top = drawGates(pdf, figures, top + 14);
  top = drawKinds(pdf, figures, top + 12);
  drawLists(pdf, figures, top + 12);
  pdf.font('plain').fontSize(7.5).fillColor(colours.faint);
  const made = `Lập lúc ${describeMoment(nowMs)} (giờ Việt Nam). Báo cáo chỉ có số đếm, không có dữ liệu cá nhân.`;
  pdf.text(made, sheet.left, sheet.bottom - 8, { lineBreak: false });
}

function drawHeading(pdf: Pdf, { site, siteKind }: Reporter, period: Period, nowMs: number): number {
  const line = (text: string, top: number, size: number, font: string, colour: string = colours.ink) => {
    pdf.font(font).fontSize(size).fillColor(colour);
    pdf.text(shorten(pdf, text, sheet.width), sheet.left, top, { lineBreak: false });
  };
  line('BÁO CÁO LƯỢT RA VÀO', sheet.top, 17, 'bold');
  line(period.title, sheet.top + 23, 12, 'bold', colours.in);
  line(`Cơ sở: ${site}`, sheet.top + 42, 10, 'plain');
  line(`Loại hình: ${siteKind ?? 'chưa khai báo'}`, sheet.top + 57, 10, 'plain');
  if (nowMs >= period.toMs) return sheet.top + 80;
  line('Kỳ báo cáo chưa kết thúc: số liệu chưa đầy đủ.', sheet.top + 72, 9, 'bold', '#a33');
  return sheet.top + 92;
}

function drawBoxes(pdf: Pdf, { total, withScans, atZero, withoutData }: Figures, top: number): number {
  const { now, before } = total;
  const change = (of: (count: Count) => number) => {
    const percent = changePercent(of(now), of(before));
    return percent === null ? 'kỳ trước: không có' : `${describeChange(percent)} so với kỳ trước`;
  };
  const boxes: readonly (readonly [string, number, string])[] = [
    ['Điểm đã đăng ký', withScans.length + atZero.length + withoutData.length, ''],
    ['Điểm có lượt quét', withScans.length, ''],
    ['Điểm không có lượt quét', atZero.length, ''],
    ['Điểm chưa có dữ liệu', withoutData.length, ''],
    ['Tổng lượt vào và ra', passed(now), change(passed)],
    ['Lượt vào', now.in, change((count) => count.in)],
    ['Lượt ra', now.out, change((count) => count.out)],
    ['Lượt bị từ chối', now.refused, change((count) => count.refused)],
  ];
  const gap = 8;
  const width = (sheet.width - 3 * gap) / 4;
  const heights = [42, 54];
  for (const [index, [label, value, note]] of boxes.entries()) {
    const row = Math.floor(index / 4);
    const left = sheet.left + (index % 4) * (width + gap);
    const boxTop = top + row * (42 + gap);
    pdf.roundedRect(left, boxTop, width, heights[row] ?? 0, 4).fill(colours.box);
    const put = (text: string, offset: number, size: number, font: string, colour: string) => {
      pdf.font(font).fontSize(size).fillColor(colour);
      pdf.text(shorten(pdf, text, width - 14), left + 7, boxTop + offset, { lineBreak: false });
    };
    put(label, 6, 8, 'plain', colours.faint);
    put(describeNumber(value), 18, 15, 'bold', colours.ink);
    put(note, 39, 7, 'plain', colours.faint);
  }
  return top + 42 + gap + 54;
}

function drawPlots(pdf: Pdf, period: Period, { hours, days }: Figures, top: number): number {
  const height = 150;
  const byHour = hours.map((count, hour) => ({ label: String(hour), in: count.in, out: count.out }));
  if (period.kind === 'day') {
    drawBars(pdf, {
      title: 'Lượt vào và ra theo giờ',
      bars: byHour,
      left: sheet.left,
      top,
      width: sheet.width,
      height,
    });
    return top + height;
  }
  const weekdays = ['T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'CN'];
  const byDay = days.map((count, day) => ({
    label: `${weekdays[day]} ${(period.days[day] ?? '').slice(0, 5)}`,
    in: count.in,
    out: count.out,
  }));
  const half = (sheet.width - 16) / 2;
  drawBars(pdf, { title: 'Lượt vào và ra theo ngày', bars: byDay, left: sheet.left, top, width: half, height });
  const left = sheet.left + half + 16;
  drawBars(pdf, { title: 'Lượt vào và ra theo giờ, cả tuần', bars: byHour, left, top, width: half, height });
  return top + height;
}

const gateColumns: readonly Column[] = [
  { title: 'Cổng', width: 161 },
  { title: 'Vào', width: 50, right: true },
  { title: 'Ra', width: 50, right: true },
  { title: 'Tổng', width: 55, right: true },
  { title: 'Từ chối', width: 55, right: true },
  { title: 'Tổng kỳ trước', width: 80, right: true },
  { title: 'Thay đổi', width: 60, right: true },
];

function drawGates(pdf: Pdf, { gates }: Figures, top: number): number {
  const busiest = gates
    .filter(({ now, before }) => passed(now) + now.refused + passed(before) > 0)
    .sort((a, b) => passed(b.now) - passed(a.now));
  const shown = busiest.length <= gateRowsMax ? busiest : busiest.slice(0, gateRowsMax - 1);
  const rest = busiest.slice(shown.length);
  if (rest.length > 0) {
    const sum = (of: (row: (typeof rest)[number]) => Count) => addUp(rest.map(of));
    shown.push({ gate: `${rest.length} cổng khác`, now: sum(({ now }) => now), before: sum(({ before }) => before) });
  }
  const rows = shown.map(({ gate, now, before }) => [
    gate,
    describeNumber(now.in),
    describeNumber(now.out),
    describeNumber(passed(now)),
    describeNumber(now.refused),
    describeNumber(passed(before)),
    describeChange(changePercent(passed(now), passed(before))),
  ]);
  return drawTable(pdf, 'Theo cổng', gateColumns, rows, top);
}

function drawKinds(pdf: Pdf, { kinds }: Figures, top: number): number {
  const shown = kinds.length <= kindRowsMax ? [...kinds] : kinds.slice(0, kindRowsMax - 1);
  const rest = kinds.slice(shown.length);
  if (rest.length > 0) shown.push({ kind: `${rest.length} loại khác`, ...addUp(rest) });
  const columns: readonly Column[] = [
    { title: 'Loại mã', width: 161 },
    { title: 'Vào', width: 50, right: true },
    { title: 'Ra', width: 50, right: true },
    { title: 'Tổng', width: 55, right: true },
    { title: 'Từ chối', width: 55, right: true },
  ];
  const rows = shown.map((count) => [
    describeKind(count.kind),
    describeNumber(count.in),
    describeNumber(count.out),
    describeNumber(passed(count)),
    describeNumber(count.refused),
  ]);
  return drawTable(pdf, 'Theo loại mã', columns, rows, top);
}

function addUp(counts: readonly Count[]): Count {
  const sum = (name: keyof Count) => counts.reduce((total, count) => total + count[name], 0);
  return { in: sum('in'), out: sum('out'), refused: sum('refused') };
}

/** The gates at zero, without data and with doubtful times, by name, as far as a line or two go. */
function drawLists(pdf: Pdf, { atZero, withoutData, uncertain }: Figures, top: number): void {
  const doubted = uncertain.reduce((sum, { hourUncertain, maybeInPeriod }) => sum + hourUncertain + maybeInPeriod, 0);
  const doubts = uncertain.map(
    ({ gate, hourUncertain, maybeInPeriod }) => `${gate} (${hourUncertain} + ${maybeInPeriod})`,
  );
  const lists: readonly (readonly [string, number, readonly string[]])[] = [
    ['Điểm không có lượt quét nào trong kỳ', atZero.length, atZero],
    ['Điểm chưa có dữ liệu (không gửi gì trong kỳ và từ đó đến nay)', withoutData.length, withoutData],
    ['Lượt chưa chắc chắn về thời gian (đã tính + chưa tính vào kỳ)', doubted, doubts],
  ];
  let offset = top;
  for (const [title, count, names] of doubted === 0 ? lists.slice(0, 2) : lists) {
    pdf.font('bold').fontSize(8.5).fillColor(colours.ink);
    pdf.text(`${title}: ${count === 0 ? 'không có' : count}`, sheet.left, offset, { lineBreak: false });
    pdf.font('plain').fontSize(8).fillColor(colours.faint);
    if (names.length > 0)
      pdf.text(shorten(pdf, names.join(', '), sheet.width), sheet.left, offset + 12, { lineBreak: false });
    offset += names.length === 0 ? 15 : 27;
  }
}
