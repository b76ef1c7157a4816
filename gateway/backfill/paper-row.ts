/** One line of a written list: the fields as they were typed, and what they mean. */
import { tidyText } from '../../shared/code/name.ts';
import { parseMoment } from '../moment.ts';

/** What a list may tell of a passing. `moment` may be spread over `date`, `moment` and `hour`. */
export const paperColumns = ['date', 'moment', 'hour', 'direction', 'name', 'birth_year', 'number', 'phone'] as const;
export type PaperColumn = (typeof paperColumns)[number];
export type PaperFields = Readonly<Record<PaperColumn, string>>;

/** A passing that was written down. What the paper does not tell is null. */
export interface Passing {
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly direction: 'in' | 'out';
  readonly name: string | null;
  readonly birthYear: number | null;
  /** As printed on an ID card, insurance card or passport: capitals and digits. */
  readonly number: string | null;
  readonly phone: string | null;
}

export type ReadPassing = { readonly passing: Passing } | { readonly wrong: string };

/** Nothing was written down for Ravao before. */
const earliestMs = Date.UTC(2020, 0, 1);

const nameCharsMax = 100;

const inWords = ['vao', 'in', 'v', 'di vao'];
const outWords = ['ra', 'out', 'r', 'di ra'];

/** Understands a line. Never throws; what is wrong names the field, never what stands in it. @param nowMs nobody passes later. */
export function readPassing(fields: PaperFields, nowMs: number): ReadPassing {
  const moment = [fields.date, fields.moment, fields.hour].map(tidyText).filter(Boolean).join(' ');
  const at = readMoment(moment, nowMs);
  if ('wrong' in at) return at;
  const direction = readDirection(fields.direction);
  if (direction === null) return { wrong: 'the direction must be vào (in) or ra (out)' };
  const name = tidyText(fields.name);
  if (name.length > nameCharsMax) return { wrong: `the name is longer than ${nameCharsMax} characters` };
  const number = readNumber(fields.number);
  if ('wrong' in number) return number;
  if (name === '' && number.number === null) return { wrong: 'there must be a name or a number' };
  const birthYear = readBirthYear(fields.birth_year, nowMs);
  if (birthYear === undefined) return { wrong: 'the birth year must be a year, like 1990' };
  const phone = readPhone(fields.phone);
  if (phone === undefined) return { wrong: 'the phone number must have 8 to 15 digits' };
  return { passing: { at: at.at, direction, name: name || null, birthYear, number: number.number, phone } };
}

/** Letters without accents and case, with single spaces: for words that are compared. */
function foldWord(text: string): string {
  return tidyText(text).toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').replaceAll('đ', 'd');
}

function readMoment(text: string, nowMs: number): { readonly at: string } | { readonly wrong: string } {
  if (text === '') return { wrong: 'the date and the time are missing' };
  const ms = parseMoment(text);
  if (ms === null) return { wrong: 'the time must be like 20/11/2026 07:30 (day/month/year) or 2026-11-20 07:30' };
  if (ms > nowMs) return { wrong: 'the time has not come yet: is it day/month/year?' };
  if (ms < earliestMs) return { wrong: 'the time is before 2020' };
  return { at: new Date(ms).toISOString() };
}

function readDirection(field: string): 'in' | 'out' | null {
  const word = foldWord(field);
  if (inWords.includes(word)) return 'in';
  return outWords.includes(word) ? 'out' : null;
}

function readNumber(field: string): { readonly number: string | null } | { readonly wrong: string } {
  const number = tidyText(field).replace(/[ .-]/g, '').toUpperCase();
  if (number === '') return { number: null };
  if (/^\d{11}$/.test(number)) {
    return { wrong: 'the number has 11 digits: Excel may have taken its first 0 away (format the column as text)' };
  }
  if (/^(?=.*\d)[A-Z0-9]{6,20}$/.test(number)) return { number };
  return { wrong: 'the number must have 6 to 20 digits and letters (format the column as text)' };
}

/** Null where there is none, undefined where it is wrong. A whole date of birth tells its year. */
function readBirthYear(field: string, nowMs: number): number | null | undefined {
  const text = tidyText(field);
  if (text === '') return null;
  const year = Number(
    /^(?:\d{1,2}[/.-]\d{1,2}[/.-])?(\d{4})$/.exec(text)?.[1] ?? /^(\d{4})-\d\d-\d\d$/.exec(text)?.[1],
  );
  return year >= 1900 && year <= new Date(nowMs).getUTCFullYear() ? year : undefined;
}

function readPhone(field: string): string | null | undefined {
  const phone = tidyText(field).replace(/[ .()-]/g, '');
  if (phone === '') return null;
  return /^\+?\d{8,15}$/.test(phone) ? phone : undefined;
}
