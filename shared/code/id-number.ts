/** The twelve digits that identify a Vietnamese citizen, on whatever code they stand. */
import type { Warning } from './code.ts';

/** What the twelve digits themselves say. */
export interface IdNumber {
  /** The province, or country, where the birth was registered: three digits. */
  readonly province: string;
  /** Whether that is one of the 63 provinces. Births abroad and after the merger of provinces in 2025 may have others. */
  readonly provinceKnown: boolean;
  readonly birthYear: number;
  readonly sex: 'male' | 'female';
}

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
 * 2 and 3 the 2000s, …; even is male), two for the year, six at random; there is no check digit. Null where it is not
 * twelve digits.
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

/** How an ID number and what is printed beside it differ; null: not printed, or not readable. */
export function compareWithNumber(
  rules: IdNumber,
  printed: { readonly birthYear: number | null; readonly sex: 'male' | 'female' | null },
): Warning[] {
  const warnings: Warning[] = [];
  if (!rules.provinceKnown) warnings.push('unknown-province');
  if (printed.birthYear !== null && printed.birthYear !== rules.birthYear) warnings.push('birth-year-mismatch');
  if (printed.sex !== null && printed.sex !== rules.sex) warnings.push('sex-mismatch');
  return warnings;
}
