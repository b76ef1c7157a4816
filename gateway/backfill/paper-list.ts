/** A written list of passings as Excel saves it: CSV in UTF-8, with `,` or `;` or tabs, headings in English or Vietnamese. */
import { foldHeading, type ListRow, pickFields, readExcelList } from '../excel-list.ts';
import { type PaperColumn, type Passing, paperColumns, readPassing } from './paper-row.ts';

/** The longest list, in lines. */
export const paperLinesMax = 50_000;

/** Headings, without accents and with `_` for spaces. `time` beside `date` is an hour, alone a date with its time. */
const headings: Readonly<Record<string, PaperColumn>> = {
  ngay: 'date',
  date: 'date',
  thoi_gian: 'moment',
  thoi_diem: 'moment',
  ngay_gio: 'moment',
  time: 'moment',
  date_time: 'moment',
  datetime: 'moment',
  at: 'moment',
  gio: 'hour',
  hour: 'hour',
  chieu: 'direction',
  huong: 'direction',
  vao_ra: 'direction',
  ra_vao: 'direction',
  direction: 'direction',
  ho_ten: 'name',
  ho_va_ten: 'name',
  ten: 'name',
  name: 'name',
  nam_sinh: 'birth_year',
  ngay_sinh: 'birth_year',
  birth_year: 'birth_year',
  so_giay_to: 'number',
  so_cccd: 'number',
  cccd: 'number',
  number: 'number',
  dien_thoai: 'phone',
  so_dien_thoai: 'phone',
  sdt: 'phone',
  phone: 'phone',
};

/** A line that can be taken. @property line the line of the file, from 1. */
export interface PaperLine {
  readonly line: number;
  readonly passing: Passing;
}

/** A line that cannot, and why; never what stands in it. */
export interface WrongLine {
  readonly line: number;
  readonly reason: string;
}

export type PaperList =
  | { readonly type: 'list'; readonly lines: readonly PaperLine[]; readonly wrong: readonly WrongLine[] }
  /** Nothing of it can be trusted to be read right. */
  | { readonly type: 'unusable'; readonly reason: string };

/** Reads a list. Never throws. @param nowMs nobody passes later. */
export function readPaperList(bytes: Uint8Array, nowMs: number): PaperList {
  const list = readExcelList(bytes, [',', ';', '\t'], paperLinesMax);
  return list.type === 'unusable' ? list : readLines(list.headings, list.rows, nowMs);
}

function readLines(names: readonly string[], rows: readonly ListRow[], nowMs: number): PaperList {
  const places = names.map((name) => headings[foldHeading(name)] ?? null);
  const missing = findMissing(places);
  if (missing !== null) return { type: 'unusable', reason: missing };
  const lines: PaperLine[] = [];
  const wrong: WrongLine[] = [];
  for (const row of rows) {
    const picked = pickFields(row, places, paperColumns);
    const read = 'wrong' in picked ? { wrong: `it ${picked.wrong}` } : readPassing(picked.fields, nowMs);
    if ('wrong' in read) wrong.push({ line: row.line, reason: read.wrong });
    else lines.push({ line: row.line, passing: read.passing });
  }
  return { type: 'list', lines, wrong };
}

function findMissing(places: readonly (PaperColumn | null)[]): string | null {
  const twice = paperColumns.find((column) => places.filter((place) => place === column).length > 1);
  if (twice !== undefined) return `its first line names the column ${twice} twice`;
  if (!places.includes('moment') && !(places.includes('date') && places.includes('hour')))
    return 'its first line names no column thoi_gian (time), nor ngay and gio (date and hour)';
  if (!places.includes('direction')) return 'its first line names no column chieu (direction)';
  if (!places.includes('name') && !places.includes('number')) return 'its first line names no column ho_ten (name)';
  return null;
}
