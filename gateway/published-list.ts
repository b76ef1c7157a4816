/** One list of the rules as kiosks find it: retained chunks, and what a head says of them. */
import type { Log } from '../shared/ports.ts';
import {
  chunkItemsOf,
  emptyDigest,
  encodeDigest,
  extendDigest,
  itemBytesOf,
  type ListHead,
  type ListName,
  listItemsMax,
} from '../shared/rules.ts';
import { listChunkTopic } from '../shared/topics.ts';
import type { Announcements } from './announcements.ts';

export interface PublishingParts {
  readonly announcements: Pick<Announcements, 'retain'>;
  readonly log: Log;
}

/** A list as its retained chunks show it. Chunks come before the head that speaks of them. */
export class PublishedList {
  readonly name: ListName;
  readonly #read: (from: number, count: number) => Uint8Array;
  readonly #parts: PublishingParts;
  readonly #itemBytes: number;
  readonly #chunkItems: number;
  #count = 0;
  #digest = emptyDigest;
  /** The last chunk, and the digest before it. */
  #last: Uint8Array = new Uint8Array(0);
  #digestBefore = emptyDigest;
  #chunksRetained = 0;
  /** What stands for all of it, where it is replaced whole. */
  #whole: Uint8Array | null = null;

  /** @param read items `from` up to `from + count` or the end, back to back. */
  constructor(name: ListName, read: (from: number, count: number) => Uint8Array, parts: PublishingParts) {
    this.name = name;
    this.#read = read;
    this.#parts = parts;
    this.#itemBytes = itemBytesOf[name];
    this.#chunkItems = chunkItemsOf(this.#itemBytes);
  }

  get head(): ListHead {
    const digest = encodeDigest(this.#digest);
    return { itemBytes: this.#itemBytes, chunkItems: this.#chunkItems, count: this.#count, digest };
  }

  /** Publishes what the register has beyond what is published; all of it again where it is not the same any more. */
  async follow(count: number, signal: AbortSignal): Promise<void> {
    if (count === this.#count) return;
    if (count > listItemsMax) throw new Error(`${count} items of ${this.name}, at most ${listItemsMax} can be told`);
    if (count < this.#count || !this.#isSame(this.#readChunk(this.#lastChunk))) {
      this.#parts.log.warn('rules.register-replaced', { list: this.name, told: this.#count, count });
      this.#forget();
    }
    await this.#publishFrom(this.#lastChunk, signal);
  }

  /** Publishes a list that may be quite another than before. @param items all of them; the same object: nothing has changed. */
  async replace(items: Uint8Array, signal: AbortSignal): Promise<void> {
    if (items === this.#whole) return;
    this.#forget();
    await this.#publishFrom(0, signal);
    if (!signal.aborted) this.#whole = items;
  }

  #forget(): void {
    this.#count = 0;
    this.#digest = this.#digestBefore = emptyDigest;
    this.#last = new Uint8Array(0);
  }

  get #lastChunk(): number {
    return Math.max(0, Math.ceil(this.#count / this.#chunkItems) - 1);
  }

  #readChunk(chunk: number): Uint8Array {
    return this.#read(chunk * this.#chunkItems, this.#chunkItems);
  }

  #isSame(chunk: Uint8Array): boolean {
    return Buffer.from(this.#last).equals(chunk.subarray(0, this.#last.byteLength));
  }

  async #publishFrom(first: number, signal: AbortSignal): Promise<void> {
    const { announcements } = this.#parts;
    let chunk = first;
    for (;;) {
      const bytes = this.#readChunk(chunk);
      if (bytes.byteLength === 0) break;
      // The register may have grown since it was counted; what was read is what counts.
      await announcements.retain(listChunkTopic(this.name, chunk), ownMemory(bytes));
      if (chunk > first) this.#digestBefore = this.#digest;
      this.#last = bytes;
      this.#digest = extendDigest(this.#digestBefore, bytes);
      this.#count = chunk * this.#chunkItems + bytes.byteLength / this.#itemBytes;
      chunk++;
      if (bytes.byteLength < this.#chunkItems * this.#itemBytes || signal.aborted) break;
      // A long list must not hold up entries.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    for (; this.#chunksRetained > chunk; this.#chunksRetained--) {
      await announcements.retain(listChunkTopic(this.name, this.#chunksRetained - 1), new Uint8Array(0));
    }
    this.#chunksRetained = Math.max(this.#chunksRetained, chunk);
  }
}

/** Retained for long, so it must not hold on to a larger piece of memory. */
function ownMemory(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
