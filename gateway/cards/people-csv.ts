/** A list of people as Excel saves it: CSV in UTF-8, with `,` or `;`, in English or Vietnamese columns. */
import { foldHeading, type ListRow, pickFields, readExcelList } from '../excel-list.ts';
import { type Applicant, type Column, checkFields, columns } from './person.ts';

/** The longest list, in rows. A longer one is split, so that one print is one stack of paper. */
export const listRowsMax = 20_000;

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
  const list = readExcelList(bytes, [',', ';'], listRowsMax);
  return list.type === 'unusable' ? list : readRows(list.headings, list.rows, thisYear);
}

function unusable(reason: string): PeopleList {
  return { type: 'unusable', reason };
}

function readRows(headings: readonly string[], listed: readonly ListRow[], thisYear: number): PeopleList {
  const places = headings.map(toColumn);
  const twice = columns.find((column) => places.filter((place) => place === column).length > 1);
  if (twice !== undefined) return unusable(`it has two columns ${twice}`);
  if (!places.includes('name')) return unusable('its first row does not name a column name (or ho_ten)');
  const rows: PersonRow[] = [];
  const wrong: WrongRow[] = [];
  for (const row of listed) {
    const picked = pickFields(row, places, columns);
    const read = 'wrong' in picked ? picked : checkFields(picked.fields, thisYear);
    if ('wrong' in read) wrong.push({ line: row.line, reason: read.wrong });
    else rows.push({ line: row.line, ...read });
  }
  const ignored = headings.filter((name, place) => places[place] === null && name.trim() !== '');
  return { type: 'people', rows, wrong, ignored: ignored.map((name) => name.trim()) };
}

/** Which column a heading names, in any case, with accents or without, with spaces or `_`; null for none. */
export function toColumn(heading: string): Column | null {
  const name = foldHeading(heading);
  return columns.find((column) => column === name) ?? vietnameseNames[name] ?? null;
}
