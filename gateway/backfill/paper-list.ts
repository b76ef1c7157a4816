/** A written list of passings as Excel saves it: CSV in UTF-8, with `,` or `;` or tabs, headings in English or Vietnamese. */
import { type CsvError, parse } from 'csv-parse/sync';
import { foldWord, type PaperColumn, type PaperFields, type Passing, paperColumns, readPassing } from './paper-row.ts';

/** The largest list, in bytes and in lines. */
export const paperBytesMax = 16 * 1024 * 1024;
export const paperLinesMax = 50_000;

/** Far longer than all fields may be together. */
const recordBytesMax = 16 * 1024;

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
  if (bytes.byteLength > paperBytesMax)
    return unusable(`it has more than ${paperBytesMax / 1024 / 1024} MiB: split it`);
  const text = decodeText(bytes);
  if (typeof text !== 'string') return text;
  let records: readonly CsvRecord[];
  try {
    records = parseRecords(text);
  } catch (error) {
    const { code, lines } = error as CsvError & { readonly lines?: number };
    return unusable(`line ${lines ?? '?'}: it is no table (${code})`);
  }
  const [heading, ...rest] = records;
  if (heading === undefined) return unusable('it is empty');
  if (rest.length > paperLinesMax) return unusable(`it has more than ${paperLinesMax} lines: split it`);
  return readLines(heading.record, rest, nowMs);
}

function unusable(reason: string): PaperList {
  return { type: 'unusable', reason };
}

function decodeText(bytes: Uint8Array): string | PaperList {
  if (bytes.subarray(0, 1024).includes(0)) return unusable('it is in UTF-16, not in UTF-8: save it as "CSV UTF-8"');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
  } catch {
    return unusable('it is in an older encoding (Windows-1258 or the like), not in UTF-8: save it as "CSV UTF-8"');
  }
}

interface CsvRecord {
  readonly record: readonly string[];
  /** @property lines the line where it ends. */
  readonly info: { readonly lines: number };
}

function parseRecords(text: string): readonly CsvRecord[] {
  const [first = ''] = text.trimStart().split('\n', 1);
  // Excel writes `;` where the comma is the decimal sign, as in Viet Nam.
  const count = (mark: string) => first.split(mark).length;
  const delimiter = [',', ';', '\t'].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
  return parse(text, {
    delimiter,
    info: true,
    max_record_size: recordBytesMax,
    record_delimiter: '\n',
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  }) as unknown as readonly CsvRecord[];
}

function readLines(heading: readonly string[], records: readonly CsvRecord[], nowMs: number): PaperList {
  const places = heading.map((name) => headings[foldWord(name).replace(/[\s_/-]+/g, '_')] ?? null);
  const missing = findMissing(places);
  if (missing !== null) return unusable(missing);
  const lines: PaperLine[] = [];
  const wrong: WrongLine[] = [];
  for (const { record, info } of records) {
    if (record.every((field) => field.trim() === '')) continue;
    const breaks = record.join('').split('\n').length - 1;
    const line = info.lines - breaks;
    const read = breaks > 0 ? runsOn(info.lines) : readRecord(record, places, nowMs);
    if ('wrong' in read) wrong.push({ line, reason: read.wrong });
    else lines.push({ line, passing: read.passing });
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

/** May be a name on two lines, but also all lines up to the next quotation mark. */
function runsOn(lastLine: number): { readonly wrong: string } {
  return { wrong: `it goes on to line ${lastLine}: write each field on one line, and close every quotation mark` };
}

function readRecord(record: readonly string[], places: readonly (PaperColumn | null)[], nowMs: number) {
  if (record.slice(places.length).some((field) => field.trim() !== '')) {
    return { wrong: `it has ${record.length} fields, but there are ${places.length} columns` };
  }
  const fields = Object.fromEntries(paperColumns.map((column) => [column, record[places.indexOf(column)] ?? '']));
  return readPassing(fields as PaperFields, nowMs);
}
