/**
 * The Vietnamese health insurance card (thẻ BHYT), printed or in VssID: fields between bars, `-` where there is nothing.
 *
 *     0 number | 1 name | 2 birth dd/MM/yyyy | 3 sex, 1 male, 2 female | 4 address | 5 first facility | 6 valid from |
 *     7 valid to | 8 issued | 9 managing code | 10 a parent's name | 11 benefit code | 12 five-year date | 13 check string |
 *     14 a digit | 15 issuing place | $
 *
 * Names, addresses and places are hex of UTF-8. 9, 14 or 16 fields occur, then `$` ends the text. The number is 10 digits
 * (cards since April 2021), or 2 letters and 13 digits of which the last ten are the same ten (Decision 1351/QĐ-BHXH of
 * 2015, article 2: the holder's social insurance number), or the holder's ID number. The check string is opaque, so a card
 * is never "verified".
 */
import { type Code, type Format, refuse, type UnknownCode, type Warning } from './code.ts';
import { checkValidity, readSlashedDay } from './dates.ts';
import { type Fields, isYearFirst, isYearLast, maybeNumber, readSexDigit, splitFields } from './fields.ts';
import { compareWithNumber, readIdNumber } from './id-number.ts';
import type { Known } from './known.ts';
import { cutName, tidyText } from './name.ts';
import { readInsuranceNumber } from './written-number.ts';

const fieldsMin = 9;
const fieldsDefined = 16;
const end = '$';

/** The insurance card's format. */
export const bhyt: Format = { kind: 'bhyt', read };

function read(text: string, known: Known): Code | UnknownCode | null {
  const fields = splitFields(text);
  const [number, name, birth] = [fields.at(0), fields.at(1), fields.at(2)];
  // A national personal code may begin with an insurance number, an ID card with something like one.
  if (isYearFirst(birth) || !/^(?:[0-9a-f]*|-)$/i.test(name) || !/^[-012]?$/.test(fields.at(3))) return null;
  const dated = isYearLast(birth) && fields.count > 3;
  const subjectNumber = readSubjectNumber(number);
  if (subjectNumber === null) {
    if (!dated || name === '' || fields.at(-1) !== end || !maybeNumber(number)) return null;
    return refuse('insurance-card-number-invalid');
  }
  if (!hasMarks(number, fields, dated)) return null;
  const count = fields.at(-1) === end ? fields.count - 1 : fields.count;
  if (count < fieldsMin) return refuse('insurance-card-incomplete');
  return understand(fields, count, subjectNumber, known);
}

/** The number that the subject is made of; null where it is no insurance number. */
function readSubjectNumber(number: string): string | null {
  return readIdNumber(number) !== null ? number : readInsuranceNumber(number);
}

/** Numbers that other codes have too make an insurance card only together with what stands behind them. */
function hasMarks(number: string, fields: Fields, dated: boolean): boolean {
  if (number.length === 15) return fields.count > 1;
  return dated || (number.length === 10 && fields.at(1) !== '');
}

function understand(fields: Fields, count: number, number: string, known: Known): Code {
  const printed = fields.at(0).toUpperCase();
  const name = readHexName(fields.at(1));
  const birthYear = readBirthYear(fields.at(2));
  const sex = readSexDigit(fields.at(3));
  const [firstDay, lastDay] = [readSlashedDay(fields.at(6)), readSlashedDay(fields.at(7))];
  const rules = readIdNumber(printed);
  const warnings: Warning[] = rules === null ? [] : compareWithNumber(rules, { birthYear, sex });
  warnings.push(...name.warnings);
  if (birthYear === null) warnings.push('birth-date-malformed');
  if (sex === null) warnings.push('sex-malformed');
  if ([6, 7].some((index) => isMalformedDay(fields.at(index)))) warnings.push('valid-dates-malformed');
  warnings.push(...checkValidity(known, { firstDay, lastDay }));
  if (count === fields.count) warnings.push('end-missing');
  return {
    type: 'code',
    kind: bhyt.kind,
    verified: false,
    number,
    identity: {
      ...(name.text === '' ? {} : { name: name.text }),
      number: printed,
      ...(birthYear === null ? {} : { birthYear }),
      ...(sex === null ? {} : { sex }),
    },
    ...(lastDay === null ? {} : { expires: lastDay }),
    warnings,
    extras: fields.from(fieldsDefined).slice(0, Math.max(0, count - fieldsDefined)),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readHexName(field: string): { readonly text: string; readonly warnings: readonly Warning[] } {
  if (field === '' || field === '-') return { text: '', warnings: ['name-missing'] };
  const bytes = Buffer.from(field, 'hex');
  if (bytes.length * 2 !== field.length) return { text: '', warnings: ['name-malformed'] };
  try {
    const whole = tidyText(utf8.decode(bytes));
    const text = cutName(whole);
    if (text === '') return { text, warnings: ['name-missing'] };
    return { text, warnings: text === whole ? [] : ['name-cut'] };
  } catch {
    return { text: '', warnings: ['name-malformed'] };
  }
}

/** Old people's cards may have only the year, or the month and the year. */
function readBirthYear(field: string): number | null {
  if (!isYearLast(field)) return null;
  const year = Number(field.slice(-4));
  if (year < 1800) return null;
  return field.split('/').length === 3 && readSlashedDay(field) === null ? null : year;
}

function isMalformedDay(field: string): boolean {
  return field !== '' && field !== '-' && readSlashedDay(field) === null;
}
