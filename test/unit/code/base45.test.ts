import { encode } from 'base45';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase45 } from '../../../shared/code/base45.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

describe('base45', () => {
  it.each([
    ['BB8', 'AB'],
    ['%69 VD92EX0', 'Hello!!'],
    ['UJCLQE7W581', 'base-45'],
    ['QED8WEX0', 'ietf!'],
    ['', ''],
  ])('reads the example %j of RFC 9285', (text, said) => {
    expect(Buffer.from(decodeBase45(text) ?? 'x').toString()).toBe(said);
  });

  it('gives back all bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(decodeBase45(encode(bytes))).toEqual(Uint8Array.from(bytes));
      }),
    );
  });

  it('takes a group of letters when its value fits into the bytes it stands for, and only then', () => {
    const value = (group: readonly string[]) =>
      group.reduceRight((sum, letter) => sum * alphabet.length + alphabet.indexOf(letter), 0);
    const groups = Array.from(alphabet).flatMap((one) =>
      Array.from(alphabet).flatMap((two) => ['', ...'UVWXYZ'].map((three) => [one, two, three].join(''))),
    );
    const wrong = groups.filter((group) => {
      const fits = value(Array.from(group)) <= (group.length === 3 ? 65_535 : 255);
      return (decodeBase45(group) !== null) !== fits;
    });
    expect(wrong).toEqual([]);
    expect(Array.from(alphabet).filter((one) => decodeBase45(one) !== null)).toEqual([]);
  });

  it.each(['bb8', 'BB8\n', 'BB8 ', 'Đ00', 'BB\u00a0', ':::', 'GGW', '::'])('does not take %j', (text) => {
    expect(decodeBase45(text)).toBeNull();
  });
});
