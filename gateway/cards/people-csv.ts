/** A list of people as Excel saves it: CSV in UTF-8, with `,` or `;`, in English or Vietnamese columns. */
import { type CsvError, parse } from 'csv-parse/sync';
import { type Applicant, type Column, checkFields, columns, type Fields } from './person.ts';

/** The largest list, in bytes and in rows. A larger one is split, so that one print is one stack of paper. */
export const listBytesMax = 16 * 1024 * 1024;
export const listRowsMax = 20_000;

/** Far longer than all columns may be together. */
const recordBytesMax = 16 * 1024;

/** The Vietnamese names of the columns, without accents and with `_` for spaces. */
const vietnameseNames: Readonly<Record<string, Column>> = {
  ho_ten: 'name',
  ho_va_ten: 'name',
  nam_sinh: 'birth_year',
  so_giay_to: 'number',
  dien_thoai: 'phone',
  so_dien_thoai: 'phone',
  dia_chi: 'address',
  ma: 'code',
};

/** A row that can be served. @property line the line of the file where it begins, from 1. */
export interface PersonRow extends Applicant {
  readonly line: number;
}

/** A row that cannot, and why. */
export interface WrongRow {
  readonly line: number;
  readonly reason: string;
}

/** What a list holds. `ignored`: the names of columns that mean nothing here. */
export type PeopleList =
  | {
      readonly type: 'people';
      readonly rows: readonly PersonRow[];
      readonly wrong: readonly WrongRow[];
      readonly ignored: readonly string[];
    }
  /** Nothing of it can be trusted to be read right. */
  | { readonly type: 'unusable'; readonly reason: string };

/** Reads a list. Never throws. @param thisYear nobody is born later. */
export function readPeople(bytes: Uint8Array, thisYear: number): PeopleList {
  if (bytes.byteLength > listBytesMax) return unusable(`it has more than ${listBytesMax / 1024 / 1024} MiB: split it`);
  const text = decodeText(bytes);
  if (typeof text !== 'string') return text;
  const delimiter = findDelimiter(text);
  let records: readonly CsvRecord[];
  try {
    records = parseRecords(text, delimiter);
  } catch (error) {
    const { code, lines } = error as CsvError & { readonly lines?: number };
    if (code === 'CSV_QUOTE_NOT_CLOSED') return unusable('a quotation mark is opened and never closed');
    return unusable(`line ${lines ?? '?'}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const [heading, ...rest] = records;
  if (heading === undefined) return unusable('it is empty');
  if (rest.length > listRowsMax) return unusable(`it has ${rest.length} rows, ${listRowsMax} are allowed: split it`);
  return readRows(heading.record, rest, thisYear);
}

function unusable(reason: string): PeopleList {
  return { type: 'unusable', reason };
}

function decodeText(bytes: Uint8Array): string | PeopleList {
  const [first, second] = bytes;
  const wide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (wide || bytes.subarray(0, 1024).includes(0)) return unusable('it is in UTF-16 ("Unicode Text"), not in UTF-8');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.replace(/\r\n?/g, '\n');
  } catch {
    return unusable('it is in an older encoding (Windows-1258 or the like), not in UTF-8');
  }
}

/** Excel writes `;` where the comma is the decimal sign, as in Viet Nam. */
function findDelimiter(text: string): ',' | ';' {
  const [heading = ''] = text.trimStart().split('\n', 1);
  return heading.split(';').length > heading.split(',').length ? ';' : ',';
}

interface CsvRecord {
  readonly record: readonly string[];
  /** @property lines the line where it ends. */
  readonly info: { readonly lines: number };
}

function parseRecords(text: string, delimiter: string): readonly CsvRecord[] {
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

function readRows(heading: readonly string[], records: readonly CsvRecord[], thisYear: number): PeopleList {
  const places = heading.map(toColumn);
  const twice = columns.find((column) => places.filter((place) => place === column).length > 1);
  if (twice !== undefined) return unusable(`it has two columns ${twice}`);
  if (!places.includes('name')) return unusable('its first row does not name a column name (or ho_ten)');
  const rows: PersonRow[] = [];
  const wrong: WrongRow[] = [];
  for (const { record, info } of records) {
    if (record.every((field) => field.trim() === '')) continue;
    const breaks = record.join('').split('\n').length - 1;
    const line = info.lines - breaks;
    const read = breaks > 0 ? brokenRow(info.lines) : readRow(record, places, thisYear);
    if ('wrong' in read) wrong.push({ line, reason: read.wrong });
    else rows.push({ line, ...read });
  }
  const ignored = heading.filter((name, place) => places[place] === null && name.trim() !== '');
  return { type: 'people', rows, wrong, ignored: ignored.map((name) => name.trim()) };
}

/** May be an address on two lines, but also all rows up to the next quotation mark. */
function brokenRow(lastLine: number): { readonly wrong: string } {
  return { wrong: `goes on to line ${lastLine}: write each field on one line, and close every quotation mark` };
}

function readRow(record: readonly string[], places: readonly (Column | null)[], thisYear: number) {
  if (record.slice(places.length).some((field) => field.trim() !== '')) {
    return { wrong: `has ${record.length} fields, but there are ${places.length} columns` };
  }
  const fields = Object.fromEntries(columns.map((column) => [column, record[places.indexOf(column)] ?? '']));
  return checkFields(fields as Fields, thisYear);
}

/** Which column a heading names, in any case, with accents or without, with spaces or `_`; null for none. */
function toColumn(heading: string): Column | null {
  const name = heading
    .trim()
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replaceAll('đ', 'd')
    .replace(/[\s_-]+/g, '_');
  return columns.find((column) => column === name) ?? vietnameseNames[name] ?? null;
}
