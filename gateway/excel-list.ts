/** A list as Excel saves it ("CSV UTF-8"): its rows and headings. What they mean is for the reader of each list. */
import { type CsvError, parse } from 'csv-parse/sync';

/** The largest list, in bytes. */
export const listBytesMax = 16 * 1024 * 1024;

/** Far longer than all columns of a row may be together. */
const recordBytesMax = 16 * 1024;

/** A row. */
export interface ListRow {
  readonly fields: readonly string[];
  /** The line of the file where it begins, from 1, and where it ends. */
  readonly line: number;
  readonly lastLine: number;
}

/** `unusable`: nothing of it can be trusted to be read right, and why. */
export type ExcelList =
  | { readonly type: 'table'; readonly headings: readonly string[]; readonly rows: readonly ListRow[] }
  | { readonly type: 'unusable'; readonly reason: string };

/**
 * Reads a list in UTF-8. Never throws. Rows that hold nothing are left out.
 * @param delimiters which marks may stand between fields; the first line tells which one does.
 * @param rowsMax more rows are refused.
 */
export function readExcelList(bytes: Uint8Array, delimiters: readonly string[], rowsMax: number): ExcelList {
  if (bytes.byteLength > listBytesMax) return unusable(`it has more than ${listBytesMax / 1024 / 1024} MiB: split it`);
  const decoded = decodeText(bytes);
  if ('reason' in decoded) return decoded;
  let records: readonly CsvRecord[];
  try {
    records = parseRecords(decoded.text, delimiters);
  } catch (error) {
    const { code, lines, message } = error as CsvError & { readonly lines?: number };
    if (code === 'CSV_QUOTE_NOT_CLOSED') return unusable('a quotation mark is opened and never closed');
    return unusable(`line ${lines ?? '?'}: ${message}`);
  }
  const [headings, ...rest] = records;
  if (headings === undefined) return unusable('it is empty');
  if (rest.length > rowsMax) return unusable(`it has ${rest.length} rows, ${rowsMax} are allowed: split it`);
  return { type: 'table', headings: headings.record, rows: rest.map(toRow).filter(isFilled) };
}

function unusable(reason: string): ExcelList & { readonly type: 'unusable' } {
  return { type: 'unusable', reason };
}

function decodeText(bytes: Uint8Array) {
  const [first, second] = bytes;
  const wide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (wide || bytes.subarray(0, 1024).includes(0)) return unusable('it is in UTF-16 ("Unicode Text"), not in UTF-8');
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n') };
  } catch {
    return unusable('it is in an older encoding (Windows-1258 or the like), not in UTF-8');
  }
}

interface CsvRecord {
  readonly record: readonly string[];
  /** @property lines the line where it ends. */
  readonly info: { readonly lines: number };
}

function parseRecords(text: string, delimiters: readonly string[]): readonly CsvRecord[] {
  const [first = ''] = text.trimStart().split('\n', 1);
  // Excel writes `;` where the comma is the decimal sign, as in Viet Nam.
  const count = (mark: string) => first.split(mark).length;
  return parse(text, {
    delimiter: delimiters.reduce((best, mark) => (count(mark) > count(best) ? mark : best)),
    info: true,
    max_record_size: recordBytesMax,
    record_delimiter: '\n',
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  }) as unknown as readonly CsvRecord[];
}

function toRow({ record, info }: CsvRecord): ListRow {
  const breaks = record.join('').split('\n').length - 1;
  return { fields: record, line: info.lines - breaks, lastLine: info.lines };
}

function isFilled({ fields }: ListRow): boolean {
  return fields.some((field) => field.trim() !== '');
}

/** A heading as it is compared: no capitals, no accents, `_` for what stands between words. */
export function foldHeading(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replaceAll('đ', 'd')
    .replace(/[\s_/-]+/g, '_');
}

/**
 * A row's fields by their columns, or what is wrong with it, as the words that follow "it".
 * @param places which column each field of a row is; null for one that means nothing.
 */
export function pickFields<Column extends string>(
  { fields, line, lastLine }: ListRow,
  places: readonly (Column | null)[],
  columns: readonly Column[],
): { readonly fields: Readonly<Record<Column, string>> } | { readonly wrong: string } {
  // May be a field on two lines, but also all rows up to the next quotation mark.
  if (lastLine > line)
    return { wrong: `goes on to line ${lastLine}: write each field on one line, and close every quotation mark` };
  if (fields.slice(places.length).some((field) => field.trim() !== ''))
    return { wrong: `has ${fields.length} fields, but there are ${places.length} columns` };
  const picked = columns.map((column) => [column, fields[places.indexOf(column)] ?? '']);
  return { fields: Object.fromEntries(picked) as Record<Column, string> };
}
