/** At most this share of the slots is taken, so that a search ends soon. */
const loadMax = 0.7;

/** Room for a list that grows item by item, so that it is not moved each time. */
const spareItems = 1_024;

const smallestSlots = 64;

/**
 * Items of one length in the order they came, found by their bytes: one block of memory for the items, one of numbers
 * that is a hash table with open addressing. A million ids of 12 bytes take 20 MB, and one more costs nothing.
 * Signed numbers throughout: without an optimising compiler V8 puts larger ones than 2^31 on the heap.
 */
export class ItemTable {
  readonly itemBytes: number;
  readonly #itemWords: number;
  #words: Int32Array<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;
  #count = 0;
  /** The place of an item, from 1; 0 is free. Its length is a power of two. */
  #slots: Int32Array<ArrayBuffer>;
  /** Takes a hash of 32 bits down to a slot. */
  #shift: number;
  readonly #sought: Int32Array<ArrayBuffer>;
  readonly #soughtBytes: Uint8Array<ArrayBuffer>;

  /** @param itemBytes a multiple of 4. @param expected how many items will come, as far as is known. */
  constructor(itemBytes: number, expected = 0) {
    this.itemBytes = itemBytes;
    this.#itemWords = itemBytes / 4;
    this.#sought = new Int32Array(this.#itemWords);
    this.#soughtBytes = new Uint8Array(this.#sought.buffer);
    this.#words = new Int32Array(0);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#slots = new Int32Array(0);
    this.#shift = 0;
    this.reserve(expected);
  }

  /** How many items were added, equal ones each for itself. */
  get count(): number {
    return this.#count;
  }

  /** Makes room for `items` in all. */
  reserve(items: number): void {
    if (items * this.#itemWords > this.#words.length) {
      const words = new Int32Array((items + spareItems) * this.#itemWords);
      words.set(this.#words.subarray(0, this.#count * this.#itemWords));
      this.#words = words;
      this.#bytes = new Uint8Array(words.buffer);
    }
    if (items > this.#slots.length * loadMax) this.#spread(items);
  }

  /** Adds items, back to back. */
  append(items: Uint8Array): void {
    const count = this.#count + items.byteLength / this.itemBytes;
    if (count * this.#itemWords > this.#words.length) this.reserve(count + (count >>> 3));
    else this.reserve(count);
    this.#bytes.set(items, this.#count * this.itemBytes);
    for (; this.#count < count; this.#count++) this.#place(this.#count);
  }

  /** Whether an item is among them. @param item `itemBytes` long; any other length is not. */
  has(item: Uint8Array): boolean {
    return this.placeOf(item) !== null;
  }

  /** Where an item stands, from 0; where it was added first, if it was more than once. Null where it is not among them. */
  placeOf(item: Uint8Array): number | null {
    if (item.byteLength !== this.itemBytes) return null;
    this.#soughtBytes.set(item);
    return this.#seek(this.#itemWords);
  }

  /** The first item that begins with these bytes, not copied; null where none does. @param beginning a multiple of 4 long. */
  find(beginning: Uint8Array): Uint8Array<ArrayBuffer> | null {
    if (beginning.byteLength === 0 || beginning.byteLength > this.itemBytes || beginning.byteLength % 4 !== 0)
      return null;
    this.#soughtBytes.set(beginning);
    const index = this.#seek(beginning.byteLength / 4);
    return index === null ? null : this.bytes(index, index + 1);
  }

  /** Whether any item begins with these 4 bytes. */
  hasBeginning(beginning: Uint8Array): boolean {
    if (beginning.byteLength !== 4) return false;
    this.#soughtBytes.set(beginning);
    return this.#seek(1) !== null;
  }

  /** The bytes of items `from` up to `to`, not copied: they stay as they are. */
  bytes(from = 0, to = this.#count): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(from * this.itemBytes, Math.min(to, this.#count) * this.itemBytes);
  }

  /** Which item begins with the first `wordCount` words sought. All that begin alike are in one row of slots. */
  #seek(wordCount: number): number | null {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = this.#slotOf(this.#sought[0] ?? 0); ; slot = (slot + 1) & mask) {
      const place = slots[slot] ?? 0;
      if (place === 0) return null;
      if (this.#isAt(place - 1, this.#sought, 0, wordCount)) return place - 1;
    }
  }

  /** Finds item `index` a slot, unless an equal one has one. */
  #place(index: number): void {
    const { length } = this.#slots;
    const from = index * this.#itemWords;
    let slot = this.#slotOf(this.#words[from] ?? 0);
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & (length - 1)) {
      if (this.#isAt((this.#slots[slot] ?? 0) - 1, this.#words, from, this.#itemWords)) return;
    }
    this.#slots[slot] = index + 1;
  }

  #isAt(index: number, words: Int32Array, from: number, wordCount: number): boolean {
    const at = index * this.#itemWords;
    for (let word = 0; word < wordCount; word++) {
      if (this.#words[at + word] !== words[from + word]) return false;
    }
    return true;
  }

  /** Fibonacci hashing of an item's first word (Knuth, The Art of Computer Programming 3, 6.4). */
  #slotOf(word: number): number {
    return Math.imul(word, 0x9e3779b1) >>> this.#shift;
  }

  /** Gives every item its slot anew, in enough of them. */
  #spread(items: number): void {
    let bits = Math.log2(smallestSlots);
    while (2 ** bits * loadMax < items) bits++;
    this.#slots = new Int32Array(2 ** bits);
    this.#shift = 32 - bits;
    for (let index = 0; index < this.#count; index++) this.#place(index);
  }
}
