import { emptyDigest, encodeDigest, extendDigest, type ListHead } from '../shared/rules.ts';
import { ItemTable } from './item-table.ts';

/** How a list is cut. */
export type ListShape = Pick<ListHead, 'itemBytes' | 'chunkItems'>;

/** What became of a chunk. */
export type Taken =
  /** It fitted, and what was new in it is there. */
  | 'taken'
  /** It is not (yet) as long as it must be. */
  | 'short'
  /** It is not a whole number of items, or too many. */
  | 'malformed'
  /** It is not what the held items are the beginning of. */
  | 'differs';

/** A copy of one list of the gateway, which proves with each chunk that it is what the gateway speaks of. */
export class HeldList {
  readonly shape: ListShape;
  readonly table: ItemTable;
  #digest = emptyDigest;
  /** The digest before the chunk that comes next or is not full. */
  #fullDigest = emptyDigest;

  /** An empty one. @param expected how many items will come, as far as is known. */
  constructor({ itemBytes, chunkItems }: ListShape, expected = 0) {
    this.shape = { itemBytes, chunkItems };
    this.table = new ItemTable(itemBytes, expected);
  }

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return this.count === 0;
  }

  get count(): number {
    return this.table.count;
  }

  /** As a head would tell of it. */
  get head(): ListHead {
    return { ...this.shape, count: this.count, digest: encodeDigest(this.#digest) };
  }

  /** The chunk that is needed to go on. */
  get nextChunk(): number {
    return Math.floor(this.count / this.shape.chunkItems);
  }

  /** Whether it is the list that a head tells of, to the last item. */
  matches(head: ListHead): boolean {
    return this.#isCutAs(head) && this.count === head.count && encodeDigest(this.#digest) === head.digest;
  }

  /** Whether it may be the beginning of the list that a head tells of. */
  mayBecome(head: ListHead): boolean {
    return this.#isCutAs(head) && this.count < head.count;
  }

  /** Takes from the chunk `nextChunk` what is not there yet. @param count how long the whole list is to become. */
  take(chunk: Uint8Array, count: number): Taken {
    const { itemBytes, chunkItems } = this.shape;
    if (chunk.byteLength % itemBytes !== 0 || chunk.byteLength > chunkItems * itemBytes) return 'malformed';
    const first = this.nextChunk * chunkItems;
    const wanted = chunk.subarray(0, Math.min(chunkItems, count - first) * itemBytes);
    if (wanted.byteLength < Math.min(chunkItems, count - first) * itemBytes) return 'short';
    const heldBytes = (this.count - first) * itemBytes;
    const held = wanted.subarray(0, heldBytes);
    if (heldBytes > 0 && !Buffer.from(extendDigest(this.#fullDigest, held)).equals(this.#digest)) return 'differs';
    this.add(wanted.subarray(heldBytes));
    return 'taken';
  }

  /** Adds items, back to back, whoever they come from. */
  add(items: Uint8Array): void {
    const { chunkItems } = this.shape;
    let first = this.nextChunk * chunkItems;
    this.table.append(items);
    for (; first < this.count; first += chunkItems) {
      this.#digest = extendDigest(this.#fullDigest, this.table.bytes(first, first + chunkItems));
      if (this.count - first >= chunkItems) this.#fullDigest = this.#digest;
    }
  }

  #isCutAs({ itemBytes, chunkItems }: ListShape): boolean {
    return this.shape.itemBytes === itemBytes && this.shape.chunkItems === chunkItems;
  }
}
