/**
 * The Vietnamese ID card: the QR code on the front of the CCCD (since 2021) and on the back of the 2024 "thẻ căn cước".
 *
 *     number (12 digits) | old number (9 digits) or empty | full name | birth ddMMyyyy | Nam or Nữ | residence | issued ddMMyyyy
 *
 * The 2024 card has the same seven fields, the second empty, and for some holders more after them. The code is not
 * signed and its number has no check digit, so it is never "verified"; it does not say when the card expires. Where a
 * field is odd the person still passes: the oddity is a warning in the entry.
 */
import { type Code, type Format, refuse, type UnknownCode, type Warning } from './code.ts';
import { makeDay, yearOf } from './dates.ts';
import { type Fields, isYearFirst, isYearLast, maybeNumber, splitFields } from './fields.ts';
import { compareWithNumber, type IdNumber, readIdNumber } from './id-number.ts';
import { cutName } from './name.ts';

const fieldsMin = 7;

/** The ID card's format. */
export const cccd: Format = { kind: 'cccd', read };

function read(text: string): Code | UnknownCode | null {
  const fields = splitFields(text);
  const [number, name, birth, sex] = [fields.at(0), fields.at(2), fields.at(3), fields.at(4)];
  // The national personal code and newer insurance cards may begin with the same number, but have a date third.
  if (isYearFirst(name) || isYearLast(name)) return null;
  const rules = readIdNumber(number);
  const [birthMarked, sexMarked] = [/^\d{8}$/.test(birth), readSex(sex) !== null];
  // A birth date and a sex in their places are the card's mark where the number is damaged, the number where one of them is.
  if (rules === null) {
    if (!birthMarked || !sexMarked || !maybeNumber(number)) return null;
    return refuse(fields.count < fieldsMin ? 'id-card-incomplete' : 'id-card-number-invalid');
  }
  if (fields.count < fieldsMin) return beginsLikeCard(fields) ? refuse('id-card-incomplete') : null;
  return birthMarked || sexMarked ? understand(fields, rules) : null;
}

/** Whether a text of too few fields, after a good number, is the beginning of a card rather than some other code. */
function beginsLikeCard(fields: Fields): boolean {
  // The national personal code has a name second.
  return fields.count >= 2 && /^\d{0,12}$/.test(fields.at(1)) && /^\d{0,8}$/.test(fields.at(3));
}

function understand(fields: Fields, rules: IdNumber): Code {
  const [number, oldNumber, printedName, issued] = [fields.at(0), fields.at(1), fields.at(2), fields.at(6)];
  // Field 5, the residence, is not needed for tracing and so is never taken over.
  const name = cutName(printedName);
  const birthYear = readYear(fields.at(3));
  const sex = readSex(fields.at(4));
  const warnings: Warning[] = compareWithNumber(rules, { birthYear, sex });
  if (!/^(?:\d{9}|\d{12})?$/.test(oldNumber)) warnings.push('old-number-malformed');
  if (name === '') warnings.push('name-missing');
  if (name !== printedName) warnings.push('name-cut');
  if (birthYear === null) warnings.push('birth-date-malformed');
  if (sex === null) warnings.push('sex-malformed');
  if (readYear(issued) === null) warnings.push('issue-date-malformed');
  return {
    type: 'code',
    kind: cccd.kind,
    verified: false,
    number,
    identity: {
      ...(name === '' ? {} : { name }),
      number,
      // What is printed counts; the number only stands in for what cannot be read.
      birthYear: birthYear ?? rules.birthYear,
      sex: sex ?? rules.sex,
    },
    warnings,
    extras: fields.from(fieldsMin),
  };
}

function readSex(field: string): 'male' | 'female' | null {
  const word = field.toLowerCase();
  if (word === 'nam') return 'male';
  return word === 'nữ' || word === 'nu' ? 'female' : null;
}

/** The year of a date that exists, written ddMMyyyy; null for anything else. */
function readYear(field: string): number | null {
  const [, day = 0, month = 0, year = 0] = /^(\d\d)(\d\d)(\d{4})$/.exec(field)?.map(Number) ?? [];
  const date = makeDay(year, month, day);
  return date === null ? null : yearOf(date);
}
