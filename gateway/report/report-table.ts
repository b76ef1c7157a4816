/** A report as a table: one figure a row, so that the rows of many sites can be put together. */
import { stringify } from 'csv-stringify/sync';
import { type Count, changePercent, type Figures } from './figures.ts';
import type { Period } from './period.ts';
import { describeKind } from './words.ts';

/** Whose report it is. */
export interface Reporter {
  readonly site: string;
  /** The kind of place in Vietnamese; null where the site has not said. */
  readonly siteKind: string | null;
}

const heading = [
  'Cơ sở',
  'Loại hình',
  'Kỳ báo cáo',
  'Mục',
  'Cổng',
  'Ngày',
  'Giờ',
  'Loại mã',
  'Chiều',
  'Số lượng',
  'Kỳ trước',
  'Thay đổi (%)',
];

const directions = [
  ['in', 'vào'],
  ['out', 'ra'],
  ['refused', 'từ chối'],
] as const;

interface Row {
  readonly item: string;
  readonly gate?: string;
  readonly day?: string;
  readonly hour?: number;
  readonly kind?: string;
  readonly direction?: string;
  readonly count: number;
  readonly before?: number;
}

/** The whole report as CSV that Excel reads as UTF-8. */
export function writeTable(reporter: Reporter, period: Period, figures: Figures): string {
  const head = [safe(reporter.site), safe(reporter.siteKind ?? ''), period.name];
  const rows = [...listRows(period, figures)].map((row) => [...head, ...toCells(row)]);
  return stringify([heading, ...rows], { bom: true });
}

function* listRows(period: Period, figures: Figures): Generator<Row> {
  const { gates, withScans, atZero, withoutData, total } = figures;
  const registered = withScans.length + atZero.length + withoutData.length;
  yield { item: 'Điểm đã đăng ký', count: registered };
  yield { item: 'Điểm có lượt quét', count: withScans.length };
  yield { item: 'Điểm không có lượt quét', count: atZero.length };
  yield { item: 'Điểm chưa có dữ liệu', count: withoutData.length };
  yield* spread({ item: 'Tổng số lượt' }, total.now, total.before);
  for (const { gate, now, before } of gates) yield* spread({ item: 'Lượt theo cổng', gate }, now, before);
  for (const [index, day] of period.days.entries()) {
    const count = figures.days[index];
    if (count !== undefined && period.kind === 'week') yield* spread({ item: 'Lượt theo ngày', day }, count);
  }
  for (const [hour, count] of figures.hours.entries()) yield* spread({ item: 'Lượt theo giờ', hour }, count);
  for (const { kind, ...count } of figures.kinds) yield* spread({ item: 'Lượt theo loại mã', kind }, count);
  for (const { gate, hour, kind, ...count } of figures.cells) {
    for (const row of spread({ item: 'Chi tiết', gate, hour, kind }, count)) if (row.count > 0) yield row;
  }
  for (const { gate, hourUncertain, maybeInPeriod } of figures.uncertain) {
    if (hourUncertain > 0) yield { item: 'Lượt có giờ chưa chắc chắn', gate, count: hourUncertain };
    if (maybeInPeriod > 0) yield { item: 'Lượt chưa tính, có thể thuộc kỳ này', gate, count: maybeInPeriod };
  }
  for (const gate of atZero) yield { item: 'Cổng không có lượt quét', gate, count: 0 };
  for (const gate of withoutData) yield { item: 'Cổng chưa có dữ liệu', gate, count: 0 };
}

function spread(row: Omit<Row, 'count'>, count: Count, before?: Count): Row[] {
  return directions.map(([name, direction]) => ({
    ...row,
    direction,
    count: count[name],
    ...(before === undefined ? {} : { before: before[name] }),
  }));
}

function toCells({ item, gate = '', day = '', hour, kind, direction = '', count, before }: Row): (string | number)[] {
  const change = before === undefined ? null : changePercent(count, before);
  const hours = hour === undefined ? '' : `${String(hour).padStart(2, '0')}:00`;
  const code = kind === undefined ? '' : safe(describeKind(kind));
  return [item, safe(gate), day, hours, code, direction, count, before ?? '', change ?? ''];
}

/** A gate's name may begin with `=`: a spreadsheet must not take it for a formula. Numbers here may begin with `-`. */
function safe(text: string): string {
  return /^[=+\-@\t\r\uff0b\uff0d\uff1d\uff20]/.test(text) ? `'${text}` : text;
}
