/**
 * The number under a printed card's code, which can be typed when the print is ruined: nine digits that follow from the
 * card's id, and a check digit after Damm, which notices every single wrong digit and every two neighbours swapped.
 */

/** Nine digits: one more than the largest number. */
export const cardNumberEnd = 1_000_000_000;

/** A totally anti-symmetric quasigroup of order 10 (H. Michael Damm, 2004, page 111). */
const damm = [
  '0317598642',
  '7092154863',
  '4206871359',
  '1750983426',
  '6123045978',
  '3674209581',
  '5869720134',
  '8945362017',
  '9438617205',
  '2581436790',
];

/** The short number of a card, without the check digit: the first four bytes of its id (12 bytes), modulo 10⁹. */
export function cardNumberOf(cardId: Uint8Array): number {
  return new DataView(cardId.buffer, cardId.byteOffset, cardId.byteLength).getUint32(0) % cardNumberEnd;
}

/** Nine digits, with zeros in front: how a number stands in a subject. */
export function nineDigits(number: number): string {
  return String(number).padStart(9, '0');
}

/** All ten digits, the check digit last, without spaces. */
export function tenDigits(number: number): string {
  const digits = nineDigits(number);
  return digits + checkDigit(digits);
}

/** As it is printed: `123 456 789 0`. */
export function formatCardNumber(number: number): string {
  return tenDigits(number).replace(/^(\d{3})(\d{3})(\d{3})/, '$1 $2 $3 ');
}

/** The number of ten digits whose check digit is right, without it; null for any other text. */
export function parseTenDigits(text: string): number | null {
  return /^\d{10}$/.test(text) && checkDigit(text) === '0' ? Number(text.slice(0, 9)) : null;
}

/** The digit that makes a row of digits right; `0` for a row that ends with its check digit. */
function checkDigit(digits: string): string {
  let interim = '0';
  for (const digit of digits) interim = damm[Number(interim)]?.[Number(digit)] ?? '';
  return interim;
}
