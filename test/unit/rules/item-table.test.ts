import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemTable } from '../../../kiosk/item-table.ts';

/** Items that begin alike often, and are equal now and then. */
const itemsOf = (itemBytes: number) => {
  const alike = fc.tuple(fc.nat(3), fc.nat(300)).map(([beginning, rest]) => {
    const item = new Uint8Array(itemBytes).fill(beginning, 0, 4);
    new DataView(item.buffer).setUint16(itemBytes - 2, rest);
    return item;
  });
  return fc.oneof(alike, fc.uint8Array({ minLength: itemBytes, maxLength: itemBytes }));
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe.each([4, 12, 16])('a table of items of %i bytes', (itemBytes) => {
  it('has what a set has, and no more, whatever comes in what pieces', () => {
    const pieces = fc.array(fc.array(itemsOf(itemBytes), { maxLength: 60 }), { maxLength: 8 });
    const probes = fc.array(itemsOf(itemBytes), { maxLength: 30 });
    fc.assert(
      fc.property(pieces, probes, fc.nat(500), (all, asked, expected) => {
        const table = new ItemTable(itemBytes, expected);
        const set = new Set<string>();
        const beginnings = new Set<string>();
        for (const items of all) {
          table.append(Buffer.concat(items));
          for (const item of items) {
            set.add(hex(item));
            beginnings.add(hex(item.subarray(0, 4)));
          }
        }
        expect(hex(table.bytes())).toBe(all.flat().map(hex).join(''));
        for (const item of [...all.flat(), ...asked]) {
          expect(table.has(item)).toBe(set.has(hex(item)));
          const beginning = item.subarray(0, 4);
          expect(table.hasBeginning(beginning)).toBe(beginnings.has(hex(beginning)));
        }
      }),
    );
  });
});

it('grows one by one over every boundary of its memory', () => {
  const table = new ItemTable(12);
  const item = (number: number) => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt32LE(Math.imul(number, 2_654_435_761) >>> 0);
    bytes.writeUInt32LE(number, 8);
    return bytes;
  };
  for (let number = 0; number < 20_000; number++) table.append(item(number));
  expect(table.count).toBe(20_000);
  for (let number = 0; number < 20_000; number++) expect(table.has(item(number))).toBe(true);
  for (let number = 20_000; number < 40_000; number++) expect(table.has(item(number))).toBe(false);
});

it('holds a list of nothing but one and the same item', () => {
  const table = new ItemTable(12);
  const item = new Uint8Array(12).fill(7);
  for (let count = 0; count < 5_000; count++) table.append(item);
  expect([table.count, table.has(item), table.has(new Uint8Array(12))]).toEqual([5_000, true, false]);
});

it('has nothing of another length', () => {
  const table = new ItemTable(12);
  table.append(new Uint8Array(12));
  expect([table.has(new Uint8Array(11)), table.has(new Uint8Array(13)), table.has(new Uint8Array(0))]).toEqual([
    false,
    false,
    false,
  ]);
  expect(table.hasBeginning(new Uint8Array(3))).toBe(false);
});

it('shows bytes that stay as they are while it grows', () => {
  const table = new ItemTable(4);
  table.append(Uint8Array.of(1, 2, 3, 4));
  const before = table.bytes(0, 1);
  table.append(new Uint8Array(40_000).fill(9));
  expect([...before]).toEqual([1, 2, 3, 4]);
});
