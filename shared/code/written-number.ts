/**
 * What a number is by its form alone, where only the number is written: in a list on paper, or at the place for any
 * document's. The same number gives the same subject as on the card that it comes from.
 */
import { readIdNumber } from './id-number.ts';

/** An insurance number: 10 digits, or 2 letters and 13 digits of which the last ten are the same ten. Null for anything else. */
export function readInsuranceNumber(printed: string): string | null {
  const social = /^(?:[A-Z]{2}\d{3})?(\d{10})$/i.exec(printed)?.[1];
  return social === undefined ? null : `bhxh:${social}`;
}

/** An ID number, one of before 2016 (nine digits), or another document's, a passport's for one. Null where it is none. */
export function readDocumentNumber(printed: string): string | null {
  if (readIdNumber(printed) !== null) return printed;
  if (/^\d{9}$/.test(printed)) return `cmnd:${printed}`;
  return /^[A-Z0-9]{5,20}$/.test(printed) ? `doc:${printed}` : null;
}
