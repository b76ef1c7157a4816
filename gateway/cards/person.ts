/** The people that cards are issued to, as a list or a command names them. */
import { createHmac } from 'node:crypto';
import { nothingKnown } from '../../shared/code/known.ts';
import { tidyText } from '../../shared/code/name.ts';
import { readCode } from '../../shared/code/read-code.ts';
import type { Identity } from '../../shared/identity.ts';

/** What is sealed for the holder of a card. The address is where somebody without a phone is found. */
export interface Holder extends Identity {
  readonly name: string;
  readonly address?: string;
}

/** What one row of a list asks for: a card for somebody, or an existing national code printed as it is. */
export interface Applicant {
  readonly holder: Holder;
  readonly code: string | null;
}

/** The columns of a list, by their English names. */
export const columns = ['name', 'birth_year', 'number', 'phone', 'address', 'code'] as const;
export type Column = (typeof columns)[number];

/** What a row says in each column, as it was written; empty where it says nothing. */
export type Fields = Readonly<Record<Column, string>>;

/** How long each may be, in characters. A longer name does not fit onto a card. */
const charactersMax: Readonly<Record<Column, number>> = {
  name: 80,
  birth_year: 10,
  number: 30,
  phone: 30,
  address: 300,
  code: 1000,
};

const birthYearMin = 1900;

/** Letters that the embedded font has; names on papers are in Latin letters. */
const printableName = /^[\p{Script=Latin}\p{M} '’.,()/-]+$/u;

/**
 * Checks a row. @returns who it is, or what is wrong, naming the column and never what stands in it.
 * @param thisYear nobody is born later.
 */
export function checkFields(fields: Fields, thisYear: number): Applicant | { readonly wrong: string } {
  const tidied = Object.fromEntries(columns.map((column) => [column, tidyText(fields[column])])) as Record<
    Column,
    string
  >;
  for (const column of columns) {
    const wrong = checkField(column, tidied[column], thisYear);
    if (wrong !== null) return { wrong: `${column} ${wrong}` };
  }
  const { name, address, code } = tidied;
  const number = tidied.number.replace(/[\s.-]/g, '').toUpperCase();
  const phone = readPhone(tidied.phone);
  return {
    holder: {
      name,
      ...(tidied.birth_year === '' ? {} : { birthYear: readBirthYear(tidied.birth_year) }),
      ...(number === '' ? {} : { number }),
      ...(phone === '' ? {} : { phone }),
      ...(address === '' ? {} : { address }),
    },
    code: code === '' ? null : code,
  };
}

function checkField(column: Column, text: string, thisYear: number): string | null {
  if (text.length > charactersMax[column]) {
    return `has ${text.length} characters, ${charactersMax[column]} are allowed`;
  }
  if (column === 'name') return checkName(text);
  if (text === '') return null;
  if (column !== 'address' && /^\d([.,]\d+)?E\+?\d+$/i.test(text)) {
    return 'was rounded by Excel: format the column as text and write it again';
  }
  if (column === 'birth_year') return checkBirthYear(readBirthYear(text), thisYear);
  if (column === 'number' && !/^[A-Z0-9][A-Z0-9\s.-]{3,}$/i.test(text)) return 'may hold letters and digits only';
  if (column === 'phone' && !/^\+?\d{8,15}$/.test(readPhone(text))) return 'is no phone number of 8 to 15 digits';
  return column === 'code' ? checkCode(text) : null;
}

function checkName(text: string): string | null {
  if (text === '') return 'is missing';
  if (!/\p{L}/u.test(text)) return 'holds no letter';
  return printableName.test(text) ? null : 'holds characters that cannot be printed: use Latin letters';
}

function checkBirthYear(year: number, thisYear: number): string | null {
  return year >= birthYearMin && year <= thisYear ? null : `is no year from ${birthYearMin} to ${thisYear}`;
}

function checkCode(text: string): string | null {
  if (text.startsWith('RV1:')) return 'holds a card of Ravao: leave it empty, and a card is issued or printed again';
  const read = readCode(text, nothingKnown);
  return read.type === 'code' ? null : `is no personal code (${read.reason})`;
}

/** A year; also the year of a date, d/m/yyyy or yyyy-m-d, which lists often have in its place. */
function readBirthYear(text: string): number {
  const match = /^(?:\d{1,2}[/.-]\d{1,2}[/.-])?(\d{4})$|^(\d{4})-\d{1,2}-\d{1,2}$/.exec(text);
  return Number(match?.[1] ?? match?.[2]);
}

/** Digits, with 0 for +84, and with the 0 that Excel takes away in front of a mobile number. */
function readPhone(text: string): string {
  const digits = text.replace(/[\s().-]/g, '').replace(/^\+84/, '0');
  return /^[35789]\d{8}$/.test(digits) ? `0${digits}` : digits;
}

/**
 * By which the same person is found again: HMAC-SHA256 over name, year of birth, number and phone. Keyed, so that a copy
 * of the register does not tell whether somebody has a card. Capitals make no difference; accents do, as they tell people
 * apart who have no number. The address makes none: people move.
 * @param key stays on the gateway.
 */
export function personDigest(key: Uint8Array, holder: Holder): Uint8Array {
  return createHmac('sha256', key).update(personKey(holder)).digest();
}

/** The text that is the same for the same person. In clear: for memory only. */
export function personKey({ name, birthYear, number, phone }: Holder): string {
  return JSON.stringify([name.toLowerCase(), birthYear ?? null, number ?? null, phone ?? null]);
}
