/**
 * The national personal QR code (Decision 1405/QĐ-BTTTT of 11 September 2021): PC-Covid, Bluezone, NCOVI, VHD, VNeID of
 * that time, and what they printed.
 *
 *     number | name | birth yyyy-MM-dd | 0 for oneself, 1 declared for another | QID | EXT
 *     EXT: QID of who declared < sex, 1 male, 2 female < insurance number < phone < signature
 *
 * Apps mask the number's first six characters and the birth's day and month with `*` unless told otherwise: then only the
 * QID identifies, and the same person's masked and full code give two subjects. The algorithm of the signature was never
 * published, so a code is never "verified".
 */
import { type Code, type Format, refuse, type UnknownCode, type Warning } from './code.ts';
import { makeDay, yearOf } from './dates.ts';
import { type Fields, isYearFirst, maybeNumber, readSexDigit, splitFields } from './fields.ts';
import { compareWithNumber, readIdNumber } from './id-number.ts';
import { cutName, tidyText } from './name.ts';
import { readDocumentNumber } from './written-number.ts';

const fieldsMin = 5;
const fieldsDefined = 6;

/** The national personal code's format. */
export const personalQr: Format = { kind: 'personal-qr', read };

function read(text: string): Code | UnknownCode | null {
  const fields = splitFields(text);
  if (!isYearFirst(fields.at(2)) || !maybeNumber(fields.at(0))) return null;
  if (fields.count > 3 && !/^[01]?$/.test(fields.at(3))) return null;
  if (fields.count < fieldsMin) return refuse('personal-code-incomplete');
  if (fields.at(3) === '') return null;
  return understand(fields) ?? refuse('personal-code-number-hidden');
}

/** Null where nothing in it identifies. */
function understand(fields: Fields): Code | null {
  const [written, birth] = [fields.at(0).toUpperCase(), fields.at(2)];
  const [, sexField = '', , phoneField = ''] = fields.at(5).split('<').map(tidyText);
  const birthYear = readBirthYear(birth);
  const sex = readSexDigit(sexField);
  const rules = readIdNumber(written);
  const warnings: Warning[] = rules === null ? [] : compareWithNumber(rules, { birthYear, sex });
  const byAnother = fields.at(3) === '1';
  if (byAnother) warnings.push('declared-by-another');
  if (written.includes('*')) warnings.push('number-masked');
  // A parent's number on a child's code must not make the two one person.
  const isOthers = byAnother && warnings.includes('birth-year-mismatch');
  const own = readNumber(written);
  const qid = readQid(fields.at(4));
  const chosen = isOthers ? (qid ?? own) : (own ?? qid);
  if (chosen === null) return null;

  const name = cutName(fields.at(1));
  if (name === '') warnings.push('name-missing');
  if (name !== fields.at(1)) warnings.push('name-cut');
  if (birthYear === null && !birth.startsWith('*')) warnings.push('birth-date-malformed');
  const phone = readPhone(phoneField);
  return {
    type: 'code',
    kind: personalQr.kind,
    verified: false,
    number: chosen.number,
    identity: {
      ...(name === '' ? {} : { name }),
      number: chosen.printed,
      ...(birthYear === null ? {} : { birthYear }),
      ...(sex === null ? {} : { sex }),
      ...(phone === null ? {} : { phone }),
    },
    warnings,
    extras: fields.from(fieldsDefined),
  };
}

interface Numbered {
  readonly number: string;
  readonly printed: string;
}

/** An ID number, an old one of nine digits, a passport's; null where it is masked or none. */
function readNumber(printed: string): Numbered | null {
  const number = readDocumentNumber(printed);
  return number === null ? null : { number, printed };
}

function readQid(printed: string): Numbered | null {
  return /^[\w-]{1,64}$/.test(printed) ? { number: `qid:${printed}`, printed } : null;
}

/** The year of a date that exists, or of one whose day and month are masked. */
function readBirthYear(field: string): number | null {
  const [year = '', month = '', day = ''] = field.split(/[-/]/);
  const masked = month.includes('*') || day.includes('*');
  const date = makeDay(Number(year), masked ? 1 : Number(month), masked ? 1 : Number(day));
  return date === null ? null : yearOf(date);
}

/** A telephone number without what is put between its digits. */
function readPhone(field: string): string | null {
  const digits = field.replace(/[ .()-]/g, '');
  return /^\+?\d{8,15}$/.test(digits) ? digits : null;
}
