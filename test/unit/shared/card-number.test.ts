import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cardNumberEnd,
  cardNumberOf,
  formatCardNumber,
  nineDigits,
  parseTenDigits,
  tenDigits,
} from '../../../shared/card-number.ts';

const numbers = fc.nat(cardNumberEnd - 1);

describe("a card's number", () => {
  it.each([
    // 572 has the check digit 4: the example of Damm's thesis.
    [572, '0000005724', '000 000 572 4'],
    [0, '0000000000', '000 000 000 0'],
    [123_456_789, '1234567894', '123 456 789 4'],
  ])('%i is printed with its check digit', (number, ten, printed) => {
    expect(tenDigits(number)).toBe(ten);
    expect(formatCardNumber(number)).toBe(printed);
    expect(nineDigits(number)).toBe(ten.slice(0, 9));
  });

  it('comes back from its ten digits', () => {
    fc.assert(
      fc.property(numbers, (number) => {
        expect(parseTenDigits(tenDigits(number))).toBe(number);
      }),
    );
  });

  it('is refused with one wrong digit, wherever it is', () => {
    fc.assert(
      fc.property(numbers, fc.nat(9), fc.integer({ min: 1, max: 9 }), (number, place, off) => {
        const digits = [...tenDigits(number)];
        digits[place] = String((Number(digits[place]) + off) % 10);
        expect(parseTenDigits(digits.join(''))).toBeNull();
      }),
    );
  });

  it('is refused with two different neighbours swapped', () => {
    fc.assert(
      fc.property(numbers, fc.nat(8), (number, place) => {
        const digits = [...tenDigits(number)];
        const [left = '', right = ''] = digits.splice(place, 2);
        fc.pre(left !== right);
        digits.splice(place, 0, right, left);
        expect(parseTenDigits(digits.join(''))).toBeNull();
      }),
    );
  });

  it.each(['', '12345', '123 456 789 4', '12345678940', '１２３４５６７８９４', 'abcdefghij'])('is not %j', (text) => {
    expect(parseTenDigits(text)).toBeNull();
  });

  it('follows from the first four bytes of the id', () => {
    const id = (first: number[]) => Uint8Array.from([...first, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(cardNumberOf(id([0, 0, 2, 60]))).toBe(572);
    expect(cardNumberOf(id([255, 255, 255, 255]))).toBe(294_967_295);
    expect(cardNumberOf(Buffer.from('ff00000001ff', 'hex').subarray(1))).toBe(1);
  });
});
