/**
 * The admitted passages of a bucket, person by person. Millions pass through here for one question, so they stay numbers
 * in columns, and nothing is made for each.
 */
import { hashSubject, subjectAt, type TraceBlock, wordsPerSubject } from '../store/trace-block.ts';
import type { StayPassage } from './stays.ts';

/** What a trait says of a passage: of no interest, or admitted in that direction. */
export const passing = { none: 0, in: 1, out: 2 } as const;
export type Passing = (typeof passing)[keyof typeof passing];

/** The passages of one person, in the order of time. Valid until the next person. */
export interface Person {
  readonly count: number;
  readonly bestMs: Float64Array;
  /** One of {@link passing}. */
  readonly passings: Uint8Array;
  readonly traits: Float64Array;
  readonly positions: Float64Array;
  /** Whether all times are known exactly, and no two are the same. */
  readonly isPlain: boolean;
  /** The same as objects, with the times that are uncertain. */
  toPassages(): StayPassage[];
  subject(): string;
}

/** Calls back with each person who was admitted at least once. */
export function forEachPerson(
  blocks: readonly TraceBlock[],
  passingOf: (trait: number) => Passing,
  callback: (person: Person) => void,
): void {
  const group = new PassageGroups(blocks, passingOf);
  for (let person = 0; person < group.people; person++) {
    group.load(person);
    callback(group);
  }
}

const nobody = -1;

class PassageGroups implements Person {
  people = 0;
  count = 0;
  isPlain = true;
  bestMs = new Float64Array(16);
  passings = new Uint8Array(16);
  traits = new Float64Array(16);
  positions = new Float64Array(16);
  readonly #blocks: readonly TraceBlock[];
  readonly #passingOf: (trait: number) => Passing;
  /** For each passage: its block, its index in that, and the passage of the same person before it. */
  readonly #block: Int32Array;
  readonly #index: Int32Array;
  readonly #before: Int32Array;
  /** For each person their newest passage; and for each of the loaded person's passages, which it is. */
  readonly #newest: Int32Array;
  #own = new Int32Array(16);

  constructor(blocks: readonly TraceBlock[], passingOf: (trait: number) => Passing) {
    this.#blocks = blocks;
    this.#passingOf = passingOf;
    const total = blocks.reduce((sum, { count }) => sum + count, 0);
    this.#block = new Int32Array(total);
    this.#index = new Int32Array(total);
    this.#before = new Int32Array(total);
    this.#newest = new Int32Array(total);
    this.#group(total);
  }

  /** Finds out who is who: an open table of people, by the hash of their subjects. */
  #group(total: number): void {
    const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * total + 2))).fill(nobody);
    let passage = 0;
    for (const [number, block] of this.#blocks.entries()) {
      for (let index = 0; index < block.count; index++) {
        if (this.#passingOf(block.traits[index] ?? 0) === passing.none) continue;
        if (block.subjects[index * wordsPerSubject] === 0) continue;
        let slot = hashSubject(block.subjects, index) & (slots.length - 1);
        while (slots[slot] !== nobody && !this.#isSame(slots[slot] ?? 0, block, index))
          slot = (slot + 1) & (slots.length - 1);
        const known = slots[slot] ?? nobody;
        const person = known === nobody ? this.people++ : known;
        slots[slot] = person;
        this.#block[passage] = number;
        this.#index[passage] = index;
        this.#before[passage] = known === nobody ? nobody : (this.#newest[person] ?? nobody);
        this.#newest[person] = passage++;
      }
    }
  }

  #isSame(person: number, { subjects }: TraceBlock, index: number): boolean {
    const known = this.#newest[person] ?? 0;
    const others = this.#blocks[this.#block[known] ?? 0]?.subjects;
    if (others === undefined) return false;
    let [word, other] = [index * wordsPerSubject, (this.#index[known] ?? 0) * wordsPerSubject];
    for (const end = word + wordsPerSubject; word < end; word++, other++) {
      if (subjects[word] !== others[other]) return false;
    }
    return true;
  }

  /** Makes one person's passages the loaded ones, sorted: they arrive in order for the most part. */
  load(person: number): void {
    this.count = 0;
    this.isPlain = true;
    for (let passage = this.#newest[person] ?? nobody; passage !== nobody; passage = this.#before[passage] ?? nobody) {
      if (this.count === this.bestMs.length) this.#grow();
      this.#own[this.count++] = passage;
    }
    // The newest came first.
    const own = this.#own.subarray(0, this.count).reverse();
    for (let at = 0; at < this.count; at++) this.#put(at, own[at] ?? 0);
    if (this.#isInOrder()) return;
    const timeOf = (passage: number) => this.#blockOf(passage).bestMs[this.#index[passage] ?? 0] ?? 0;
    own.set([...own].sort((a, b) => timeOf(a) - timeOf(b)));
    for (const [at, passage] of own.entries()) this.#put(at, passage);
    this.isPlain &&= this.#isInOrder();
  }

  /** Whether each of the loaded passages came later than the one before. */
  #isInOrder(): boolean {
    for (let at = 1; at < this.count; at++) {
      if ((this.bestMs[at - 1] ?? 0) >= (this.bestMs[at] ?? 0)) return false;
    }
    return true;
  }

  toPassages(): StayPassage[] {
    return Array.from({ length: this.count }, (_, at) => {
      const passage = this.#own[at] ?? 0;
      const block = this.#blockOf(passage);
      const index = this.#index[passage] ?? 0;
      return {
        isIn: this.passings[at] === passing.in,
        bestMs: this.bestMs[at] ?? 0,
        fromMs: block.fromMs[index] ?? 0,
        toMs: block.toMs[index] ?? 0,
        position: this.positions[at] ?? 0,
        trait: this.traits[at] ?? 0,
      };
    });
  }

  subject(): string {
    const passage = this.#own[0] ?? 0;
    return subjectAt(this.#blockOf(passage), this.#index[passage] ?? 0) ?? '';
  }

  #put(at: number, passage: number): void {
    const block = this.#blockOf(passage);
    const index = this.#index[passage] ?? 0;
    const bestMs = block.bestMs[index] ?? 0;
    const trait = block.traits[index] ?? 0;
    this.bestMs[at] = bestMs;
    this.traits[at] = trait;
    this.passings[at] = this.#passingOf(trait);
    this.positions[at] = block.first + (block.offsets[index] ?? 0);
    if (block.fromMs !== block.bestMs) this.isPlain &&= block.fromMs[index] === bestMs && block.toMs[index] === bestMs;
  }

  #blockOf(passage: number): TraceBlock {
    return this.#blocks[this.#block[passage] ?? 0] as TraceBlock;
  }

  #grow(): void {
    const larger = this.count * 2;
    this.bestMs = new Float64Array(larger);
    this.passings = new Uint8Array(larger);
    this.traits = new Float64Array(larger);
    this.positions = new Float64Array(larger);
    const own = new Int32Array(larger);
    own.set(this.#own);
    this.#own = own;
  }
}
