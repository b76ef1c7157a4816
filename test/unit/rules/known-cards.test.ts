import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemTable } from '../../../kiosk/item-table.ts';
import { knownCardsOf, readIssuers } from '../../../kiosk/known-cards.ts';
import type { IssuedRun } from '../../../shared/rules.ts';
import { cardId, makeIssuer, shortNumber } from '../../fakes/card-lists.ts';

const own = makeIssuer();
const issuers = readIssuers({ issuers: [own, makeIssuer('Xã X')] });

function tableOf(itemBytes: number, items: readonly Uint8Array[]): ItemTable {
  const table = new ItemTable(itemBytes);
  table.append(Buffer.concat(items));
  return table;
}

function known(
  beginnings: readonly number[],
  numbers: readonly number[],
  trusted = issuers,
  runs: readonly IssuedRun[] = [],
) {
  const revoked = [
    tableOf(
      12,
      beginnings.slice(1).map((bits) => cardId(bits, 7)),
    ),
    tableOf(
      12,
      beginnings.slice(0, 1).map((bits) => cardId(bits, 7)),
    ),
  ];
  const issued = tableOf(4, numbers.map(shortNumber));
  return knownCardsOf(() => ({ issuers: trusted, revoked, issued, runs }));
}

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('a short number', () => {
  it('is known exactly when it was issued and no card of that number is revoked, and as revoked when one is', () => {
    fc.assert(
      fc.property(fc.array(uint32), fc.array(uint32), fc.array(uint32), (gone, given, others) => {
        const numbers = [...gone, ...given].map((bits) => bits % 1_000_000_000);
        const cards = known(gone, numbers);
        const revoked = new Set(gone.map((bits) => bits % 1_000_000_000));
        for (const number of [...numbers, ...others.map((bits) => bits % 1_000_000_000)]) {
          const isGood = numbers.includes(number) && !revoked.has(number);
          expect(cards.issuerOfNumber(number)).toBe(isGood ? own.id : null);
          expect(cards.isNumberRevoked(number)).toBe(numbers.includes(number) && revoked.has(number));
        }
        for (const bits of gone)
          expect([cards.isRevoked(cardId(bits, 7)), cards.isRevoked(cardId(bits, 8))]).toEqual([true, false]);
      }),
    );
  });

  it.each([0, 294_967_295, 294_967_296, 999_999_999])(
    '%i is not known when any card id that gives it is revoked',
    (number) => {
      for (let bits = number; bits < 2 ** 32; bits += 1_000_000_000) {
        expect(known([bits], [number]).issuerOfNumber(number)).toBeNull();
      }
      expect(known([number === 0 ? 1 : number - 1], [number]).issuerOfNumber(number)).toBe(own.id);
    },
  );

  it.each([-1, 1_000_000_000, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('is never %d', (number) => {
    expect(known([], [0, 1]).issuerOfNumber(number)).toBeNull();
  });

  it('is that of the key under which its card was issued, as far as its cards are still taken', () => {
    const [, former] = issuers.keys();
    const runs = [
      { from: 0, issuer: '00000000' },
      { from: 1, issuer: former ?? '' },
      { from: 3, issuer: own.id },
    ];
    const cards = known([40], [10, 20, 30, 40, 50], issuers, runs);
    expect([10, 20, 30, 40, 50, 60].map((number) => cards.issuerOfNumber(number))).toEqual([
      ...[null, former, former, null, own.id, null],
    ]);
  });

  it('is nobody’s where no issuer is known', () => {
    expect(known([], [1], new Map()).issuerOfNumber(1)).toBeNull();
  });
});
