import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldList } from '../../../kiosk/held-list.ts';
import { emptyDigest, encodeDigest, extendDigest, type ListHead } from '../../../shared/rules.ts';

const shape = { itemBytes: 4, chunkItems: 5 };
const chunkBytes = shape.itemBytes * shape.chunkItems;

/** The list of the numbers from 0 up to `count`, or from `first`. */
function listOf(count: number, first = 0): Uint8Array {
  const bytes = Buffer.alloc(count * 4);
  for (let number = 0; number < count; number++) bytes.writeUInt32BE(first + number, number * 4);
  return bytes;
}

function headOf(items: Uint8Array): ListHead {
  let digest = emptyDigest;
  for (let at = 0; at < items.length; at += chunkBytes)
    digest = extendDigest(digest, items.subarray(at, at + chunkBytes));
  return { ...shape, count: items.length / 4, digest: encodeDigest(digest) };
}

/** Fetches what is missing, as far as it fits. */
function fetchAll(list: HeldList, items: Uint8Array): void {
  const { count } = headOf(items);
  while (list.count < count) {
    const at = list.nextChunk * chunkBytes;
    if (list.take(items.subarray(at, at + chunkBytes), count) !== 'taken') return;
  }
}

describe('a list', () => {
  it('becomes, in any steps, what the gateway has, and proves it by its digest', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12), { maxLength: 8 }), (steps) => {
        const list = new HeldList(shape);
        let count = 0;
        for (const step of steps) {
          count += step;
          const items = listOf(count);
          expect(list.mayBecome(headOf(items))).toBe(step > 0);
          fetchAll(list, items);
          expect(list.matches(headOf(items))).toBe(true);
          expect(list.head).toEqual(headOf(items));
        }
      }),
    );
  });

  it('takes of a chunk that has grown since its head was said only what that head speaks of', () => {
    const list = new HeldList(shape);
    expect(list.take(listOf(5), 3)).toBe('taken');
    expect(list.matches(headOf(listOf(3)))).toBe(true);
  });

  it('waits for the rest of a chunk that is shorter than its head says', () => {
    const list = new HeldList(shape);
    expect(list.take(listOf(2), 3)).toBe('short');
    expect(list.count).toBe(0);
  });

  it.each([
    ['half an item', listOf(2).subarray(0, 6)],
    ['more items than a chunk has', listOf(6)],
  ])('takes no chunk of %s', (_title, chunk) => {
    const list = new HeldList(shape);
    expect(list.take(chunk, 6)).toBe('malformed');
    expect(list.count).toBe(0);
  });

  it.each([1, 3, 4, 6])('of %i items sees that another list of which it should be the beginning differs', (held) => {
    const list = new HeldList(shape);
    fetchAll(list, listOf(held));
    const other = listOf(8, 100);
    fetchAll(list, other);
    expect(list.matches(headOf(other))).toBe(false);
  });

  it.each([
    ['shorter', 5, 0],
    ['as long and different', 7, 1],
  ])('cannot become one that is %s', (_title, count, first) => {
    const list = new HeldList(shape);
    fetchAll(list, listOf(7));
    const head = headOf(listOf(count, first));
    expect([list.matches(head), list.mayBecome(head)]).toEqual([false, false]);
  });

  it('cannot become one that is cut otherwise', () => {
    const list = new HeldList(shape);
    fetchAll(list, listOf(5));
    expect(list.mayBecome({ ...headOf(listOf(8)), chunkItems: 6 })).toBe(false);
  });

  it('has the same digest whether its items come in chunks or as they like', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(17), { maxLength: 6 }), (steps) => {
        const list = new HeldList(shape);
        let count = 0;
        for (const step of steps) {
          list.add(listOf(step, count));
          count += step;
        }
        expect(list.head).toEqual(headOf(listOf(count)));
      }),
    );
  });
});
