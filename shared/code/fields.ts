/** What the codes that are made of fields between bars have in common. */
import { tidyText } from './name.ts';

/** A text's fields, tidied; those that it does not have are empty. */
export interface Fields {
  /** How many there are. */
  readonly count: number;
  at(index: number): string;
  /** The fields from `index` on, as they came. */
  from(index: number): readonly string[];
}

/** Splits a text at its bars, up to the first NUL (ID cards put garbage after one). */
export function splitFields(text: string): Fields {
  const nul = text.indexOf('\0');
  const raw = (nul === -1 ? text : text.slice(0, nul)).split('|');
  return {
    count: raw.length,
    at: (index) => tidyText(raw.at(index) ?? ''),
    from: (index) => raw.slice(index),
  };
}

/** Whether a first field can be a number, or what damage left of one, rather than the beginning of some other text. */
export function maybeNumber(field: string): boolean {
  return field.length <= 20 && !/[:;/.]/.test(field);
}

/** A date, perhaps masked, whose year comes first: the mark of the national personal code. */
export function isYearFirst(field: string): boolean {
  return /^[\d*]{4}[-/][\d*]{1,2}[-/][\d*]{1,2}$/.test(field);
}

/** A date, perhaps without its day or month, whose year comes last: the mark of an insurance card. */
export function isYearLast(field: string): boolean {
  return /^(?:\d{1,2}\/){0,2}\d{4}$/.test(field);
}

/** The sex where 1 is male and 2 female; null for anything else. */
export function readSexDigit(field: string): 'male' | 'female' | null {
  if (field === '1') return 'male';
  return field === '2' ? 'female' : null;
}
