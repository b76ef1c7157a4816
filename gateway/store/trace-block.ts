/**
 * Passages side by side, as the index of tracing keeps and reads them: numbers in columns, because hours of a large site are
 * read at once. A segment of the index is a run of entries; it is split by subject into buckets, a block each, so that
 * a person is found with one reading a segment, and all that concerns a person lies in the same bucket of each.
 */
import { strict as assert } from 'node:assert';

/** Buckets of a segment: so many that the people of one bucket of many hours fit into a processor's cache. */
export const bucketsPerSegment = 128;

/** A subject is 22 ASCII characters; in a block it is so many words of 32 bits, the rest zero. All are zero for nobody. */
export const wordsPerSubject = 6;

/** The characters of a subject. */
const subjectCharacters = 22;
const subjectBytes = wordsPerSubject * 4;

/** Columns: the n-th of each belong together. Times are milliseconds since the Unix epoch. */
export interface TraceBlock {
  readonly count: number;
  /** The position of an entry is this plus its offset. */
  readonly first: number;
  readonly offsets: Uint32Array;
  readonly bestMs: Float64Array;
  /** The very column `bestMs` where all times are known exactly. */
  readonly fromMs: Float64Array;
  readonly toMs: Float64Array;
  /** {@link wordsPerSubject} each. */
  readonly subjects: Uint32Array;
  /** Ids of what passages have in common: see traits.ts. */
  readonly traits: Uint32Array;
}

/** One passage on its way into columns. */
export interface Trace {
  readonly position: number;
  readonly bestMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly subject: string | null;
  readonly trait: number;
}

/** A hash of the subject at an index: its highest seven bits are its bucket, the lower ones serve tables within one. */
export function hashSubject(subjects: Uint32Array, index: number): number {
  let hash = 0;
  for (let word = index * wordsPerSubject; word < (index + 1) * wordsPerSubject; word++) {
    hash = Math.imul(hash ^ numberAt(subjects, word), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

/** The bucket of a subject's hash. */
export function bucketOf(hash: number): number {
  return hash >>> 25;
}

/** A subject as words. */
export function toWords(subject: string): Uint32Array {
  const bytes = Buffer.alloc(subjectBytes);
  bytes.write(subject, 'latin1');
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

/** The position of the entry at an index. */
export function positionOf({ first, offsets }: TraceBlock, index: number): number {
  return first + numberAt(offsets, index);
}

/** The subject at an index; null for nobody. */
export function subjectAt({ subjects }: Pick<TraceBlock, 'subjects'>, index: number): string | null {
  if (subjects[index * wordsPerSubject] === 0) return null;
  const start = subjects.byteOffset + index * subjectBytes;
  return Buffer.from(subjects.buffer, start, subjectCharacters).toString('latin1');
}

/** Gathers passages into columns; it holds at most as many as it was made for. */
export class TraceColumns implements TraceBlock {
  readonly first: number;
  readonly offsets: Uint32Array;
  readonly bestMs: Float64Array;
  readonly fromMs: Float64Array;
  readonly toMs: Float64Array;
  readonly subjects: Uint32Array;
  readonly traits: Uint32Array;
  readonly #bytes: Buffer;
  #count = 0;

  constructor(first: number, capacity: number) {
    this.first = first;
    this.offsets = new Uint32Array(capacity);
    this.bestMs = new Float64Array(capacity);
    this.fromMs = new Float64Array(capacity);
    this.toMs = new Float64Array(capacity);
    this.subjects = new Uint32Array(capacity * wordsPerSubject);
    this.traits = new Uint32Array(capacity);
    this.#bytes = Buffer.from(this.subjects.buffer);
  }

  get count(): number {
    return this.#count;
  }

  add({ position, bestMs, fromMs, toMs, subject, trait }: Trace): void {
    const index = this.#count++;
    assert(index < this.offsets.length, 'more passages than there is room for');
    this.offsets[index] = position - this.first;
    this.bestMs[index] = bestMs;
    this.fromMs[index] = fromMs;
    this.toMs[index] = toMs;
    this.traits[index] = trait;
    if (subject !== null) this.#bytes.write(subject, index * subjectBytes, subjectCharacters, 'latin1');
  }
}

/** The indexes of a block's passages, bucket by bucket; within one in the order they have. */
export function splitIntoBuckets(block: TraceBlock): readonly (readonly number[])[] {
  const buckets = Array.from({ length: bucketsPerSegment }, (): number[] => []);
  for (let index = 0; index < block.count; index++) {
    buckets[bucketOf(hashSubject(block.subjects, index))]?.push(index);
  }
  return buckets;
}

/**
 * The stored form of some of a block's passages, little endian: how many, how many of them have uncertain times (32 bits
 * each); `bestMs`; of the uncertain ones `fromMs`, then `toMs` (doubles); subjects, offsets, traits, and the indexes of
 * the uncertain ones (32 bits each).
 */
export function encodeBlock(block: TraceBlock, indexes: readonly number[]): Uint8Array {
  const uncertain = indexes.flatMap((index, at) => (isExact(block, index) ? [] : [at]));
  const at = layOut(indexes.length, uncertain.length);
  const bytes = new ArrayBuffer(at.end);
  new Uint32Array(bytes).set([indexes.length, uncertain.length]);
  const pick = (column: ArrayLike<number>, rows: readonly number[] = indexes) =>
    rows.map((row) => numberAt(column, row));
  const uncertainRows = pick(indexes, uncertain);
  new Float64Array(bytes, at.bestMs, indexes.length).set(pick(block.bestMs));
  new Float64Array(bytes, at.fromMs, uncertain.length).set(pick(block.fromMs, uncertainRows));
  new Float64Array(bytes, at.toMs, uncertain.length).set(pick(block.toMs, uncertainRows));
  const subjects = new Uint32Array(bytes, at.subjects);
  for (const [row, index] of indexes.entries()) {
    const word = index * wordsPerSubject;
    subjects.set(block.subjects.subarray(word, word + wordsPerSubject), row * wordsPerSubject);
  }
  new Uint32Array(bytes, at.offsets).set(pick(block.offsets));
  new Uint32Array(bytes, at.traits).set(pick(block.traits));
  new Uint32Array(bytes, at.uncertain).set(uncertain);
  return new Uint8Array(bytes);
}

/** Reads the stored form, where it lies. @param first of the segment it belongs to. */
export function decodeBlock(stored: Uint8Array, first: number): TraceBlock {
  const { buffer, byteOffset: start, byteLength } = stored.byteOffset % 8 === 0 ? stored : Uint8Array.from(stored);
  const [count = 0, uncertainCount = 0] = new Uint32Array(buffer, start, 2);
  const at = layOut(count, uncertainCount, start);
  assert.equal(at.end - start, byteLength, 'a block of the index has the length that it says');
  const bestMs = new Float64Array(buffer, at.bestMs, count);
  const columns = {
    count,
    first,
    bestMs,
    subjects: new Uint32Array(buffer, at.subjects, count * wordsPerSubject),
    offsets: new Uint32Array(buffer, at.offsets, count),
    traits: new Uint32Array(buffer, at.traits, count),
  };
  if (uncertainCount === 0) return { ...columns, fromMs: bestMs, toMs: bestMs };
  const fromMs = bestMs.slice();
  const toMs = bestMs.slice();
  const froms = new Float64Array(buffer, at.fromMs, uncertainCount);
  const tos = new Float64Array(buffer, at.toMs, uncertainCount);
  for (const [row, index] of new Uint32Array(buffer, at.uncertain, uncertainCount).entries()) {
    fromMs[index] = numberAt(froms, row);
    toMs[index] = numberAt(tos, row);
  }
  return { ...columns, fromMs, toMs };
}

/** A column's number at an index that it has. */
function numberAt(column: ArrayLike<number>, index: number): number {
  return column[index] as number; // whoever asks counts up to the column's length
}

function isExact({ bestMs, fromMs, toMs }: TraceBlock, index: number): boolean {
  return fromMs[index] === bestMs[index] && toMs[index] === bestMs[index];
}

/** Where each column begins, in bytes: doubles first, so that each lies where its numbers may. */
function layOut(count: number, uncertain: number, start = 0) {
  const bestMs = start + 8;
  const fromMs = bestMs + count * 8;
  const toMs = fromMs + uncertain * 8;
  const subjects = toMs + uncertain * 8;
  const offsets = subjects + count * subjectBytes;
  const traits = offsets + count * 4;
  const uncertainAt = traits + count * 4;
  return { bestMs, fromMs, toMs, subjects, offsets, traits, uncertain: uncertainAt, end: uncertainAt + uncertain * 4 };
}
