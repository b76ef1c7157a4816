/**
 * The Vietnamese ID card: the QR code on the front of the CCCD (since 2021) and on the back of the 2024 "thẻ căn cước".
 *
 *     number (12 digits) | old number (9 digits) or empty | full name | birth ddMMyyyy | Nam or Nữ | residence | issued ddMMyyyy
 *
 * The 2024 card has the same seven fields, the second empty, and for some holders more after them. The code is not
 * signed and its number has no check digit, so it is never "verified". Where a field is odd the person still passes:
 * the oddity is a warning in the entry.
 */
import type { Code, Format, UnknownCode, Warning } from './code.ts';

/** What the twelve digits themselves say. */
export interface IdNumber {
  /** The province, or country, where the birth was registered: three digits. */
  readonly province: string;
  /** Whether that is one of the 63 provinces. Births abroad and after the merger of provinces in 2025 may have others. */
  readonly provinceKnown: boolean;
  readonly birthYear: number;
  readonly sex: 'male' | 'female';
}

/** A name is cut to this many characters, so that every sealed identity fits into an entry. */
export const nameCharsMax = 200;

const fieldsMin = 7;

/** The codes of the 63 provinces before the merger of 2025 (Circular 59/2021/TT-BCA). */
const provinces: ReadonlySet<string> = new Set(
  (
    '001 002 004 006 008 010 011 012 014 015 017 019 020 022 024 025 026 027 030 031 033 034 035 036 037 038 040 042 ' +
    '044 045 046 048 049 051 052 054 056 058 060 062 064 066 067 068 070 072 074 075 077 079 080 082 083 084 086 087 ' +
    '089 091 092 093 094 095 096'
  ).split(' '),
);

/**
 * Reads the rules out of an ID number: three digits for the place, one for century and sex (0 and 1 are the 1900s,
 * 2 and 3 the 2000s, …; even is male), two for the year, six at random. Null where it is not twelve digits.
 */
export function readIdNumber(number: string): IdNumber | null {
  if (!/^\d{12}$/.test(number)) return null;
  const province = number.slice(0, 3);
  const centuryAndSex = Number(number[3]);
  return {
    province,
    provinceKnown: provinces.has(province),
    birthYear: 1900 + Math.floor(centuryAndSex / 2) * 100 + Number(number.slice(4, 6)),
    sex: centuryAndSex % 2 === 0 ? 'male' : 'female',
  };
}

/** The ID card's format. */
export const cccd: Format = { kind: 'cccd', read };

/** The seven fields, tidied. A text with fewer has the rest empty. */
interface Fields {
  readonly count: number;
  readonly number: string;
  readonly oldNumber: string;
  readonly name: string;
  readonly birth: string;
  readonly sex: string;
  readonly issued: string;
  readonly extras: readonly string[];
}

function read(text: string): Code | UnknownCode | null {
  const fields = splitFields(text);
  const rules = readIdNumber(fields.number);
  // A birth date and a sex in their places are the card's mark where the number is damaged, the number where one of them is.
  const marked = /^\d{8}$/.test(fields.birth) && readSex(fields.sex) !== null;
  if (rules === null) {
    if (!marked) return null;
    return { type: 'unknown', reason: fields.count < fieldsMin ? 'id-card-incomplete' : 'id-card-number-invalid' };
  }
  if (fields.count < fieldsMin)
    return beginsLikeCard(fields) ? { type: 'unknown', reason: 'id-card-incomplete' } : null;
  if (!/^\d{8}$/.test(fields.birth) && readSex(fields.sex) === null) return null;
  return understand(fields, rules);
}

function splitFields(text: string): Fields {
  const nul = text.indexOf('\0');
  const raw = (nul === -1 ? text : text.slice(0, nul)).split('|');
  const field = (index: number) => tidy(raw[index] ?? '');
  return {
    count: raw.length,
    number: field(0),
    oldNumber: field(1),
    name: field(2),
    birth: field(3),
    sex: field(4),
    // Field 5, the residence, is not needed for tracing and so is never taken over.
    issued: field(6),
    extras: raw.slice(fieldsMin),
  };
}

/** One spelling for one name: composed letters, single spaces, nothing around it, no halves of surrogate pairs. */
function tidy(field: string): string {
  return field
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

/** Whether a text of too few fields, after a good number, is the beginning of a card rather than some other code. */
function beginsLikeCard({ count, oldNumber, name, birth }: Fields): boolean {
  // The national personal code and newer insurance cards may begin with the same number, but have a name second or a date third.
  const otherDate = /^[\d*]{1,4}[-/][\d*]{1,2}[-/][\d*]{1,4}$/.test(name);
  return count >= 2 && /^\d{0,12}$/.test(oldNumber) && !otherDate && /^\d{0,8}$/.test(birth);
}

function understand(fields: Fields, rules: IdNumber): Code {
  const warnings: Warning[] = [];
  if (!rules.provinceKnown) warnings.push('unknown-province');
  if (!/^(?:\d{9}|\d{12})?$/.test(fields.oldNumber)) warnings.push('old-number-malformed');

  const name = cutName(fields.name);
  if (name === '') warnings.push('name-missing');
  if (name !== fields.name) warnings.push('name-cut');

  const birthYear = readYear(fields.birth);
  if (birthYear === null) warnings.push('birth-date-malformed');
  else if (birthYear !== rules.birthYear) warnings.push('birth-year-mismatch');

  const sex = readSex(fields.sex);
  if (sex === null) warnings.push('sex-malformed');
  else if (sex !== rules.sex) warnings.push('sex-mismatch');

  if (readYear(fields.issued) === null) warnings.push('issue-date-malformed');
  return {
    type: 'code',
    kind: cccd.kind,
    verified: false,
    number: fields.number,
    identity: {
      ...(name === '' ? {} : { name }),
      number: fields.number,
      // What is printed counts; the number only stands in for what cannot be read.
      birthYear: birthYear ?? rules.birthYear,
      sex: sex ?? rules.sex,
    },
    warnings,
    extras: fields.extras,
  };
}

function cutName(name: string): string {
  return name.length <= nameCharsMax ? name : Array.from(name).slice(0, nameCharsMax).join('').trim();
}

function readSex(field: string): 'male' | 'female' | null {
  const word = field.toLowerCase();
  if (word === 'nam') return 'male';
  return word === 'nữ' || word === 'nu' ? 'female' : null;
}

/** The year of a date that exists, written ddMMyyyy; null for anything else. */
function readYear(field: string): number | null {
  const [, day, month, year] = /^(\d\d)(\d\d)(\d{4})$/.exec(field)?.map(Number) ?? [];
  if (day === undefined || month === undefined || year === undefined || year < 1800) return null;
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? year : null;
}
