/**
 * The admitted passages of a bucket, person by person. Millions pass through here for one question, so they stay numbers
 * in columns that are used again and again, and nothing is made for each.
 */
import { hashSubject, positionOf, subjectAt, type TraceBlock, wordsPerSubject } from '../store/trace-block.ts';
import type { StayPassage } from './stays.ts';

/** What a trait says of a passage: of no interest, or admitted in that direction. */
export const passing = { none: 0, in: 1, out: 2 } as const;
export type Passing = (typeof passing)[keyof typeof passing];

/** No person, or no passage. */
export const none = -1;

/** Traits below this are looked up in a table. */
const tabledTraits = 2 ** 16;
const notLookedUp = 255;

/** People are numbers from 0, and so are their passages. Those of one person form a chain, the newest arrival first. */
export class People {
  /** How many there are. */
  count = 0;
  /** Of each person, the passage that arrived last. */
  newest = new Int32Array(0);
  /** Of each passage, the one of the same person that arrived before, or {@link none}. */
  before = new Int32Array(0);
  /** Of each passage; milliseconds since the Unix epoch. */
  bestMs = new Float64Array(0);
  /** Of each passage, its direction: one of {@link passing}. */
  passings = new Uint8Array(0);
  /** Of each passage, whether its time is known exactly: 1 or 0. */
  exact = new Uint8Array(0);
  readonly #passingOf: (trait: number) => Passing;
  readonly #table = new Uint8Array(tabledTraits).fill(notLookedUp);
  #blocks: readonly TraceBlock[] = [];
  /** Of each passage, its block and its index in that. */
  #block = new Int32Array(0);
  #index = new Int32Array(0);
  /** Of each person, the words of the subject. */
  #subjects = new Uint32Array(0);
  /** An open table of people, by the hash of their subjects; its size is a power of two. */
  #slots = new Int32Array(0);

  constructor(passingOf: (trait: number) => Passing) {
    this.#passingOf = passingOf;
  }

  /** Takes other passages in the place of those that it had. */
  load(blocks: readonly TraceBlock[]): void {
    this.#blocks = blocks;
    this.count = 0;
    this.#makeRoom(blocks.reduce((sum, { count }) => sum + count, 0));
    const { bestMs, passings, exact } = this;
    const [ownBlock, ownIndex] = [this.#block, this.#index];
    let passage = 0;
    for (let number = 0; number < blocks.length; number++) {
      const block = blocks[number] as TraceBlock;
      const { count, subjects, traits, bestMs: times, fromMs, toMs } = block;
      const isExact = fromMs === times;
      for (let index = 0; index < count; index++) {
        const found = this.#lookUp(traits[index] ?? 0);
        if (found === passing.none || subjects[index * wordsPerSubject] === 0) continue;
        const ms = times[index] ?? 0;
        bestMs[passage] = ms;
        passings[passage] = found;
        exact[passage] = isExact || (fromMs[index] === ms && toMs[index] === ms) ? 1 : 0;
        ownBlock[passage] = number;
        ownIndex[passage] = index;
        this.#join(passage++, subjects, index);
      }
    }
  }

  /** All passages of a person, in no order. */
  passagesOf(person: number): StayPassage[] {
    const passages: StayPassage[] = [];
    for (let passage = this.newest[person] ?? none; passage !== none; passage = this.before[passage] ?? none) {
      const block = this.#blockOf(passage);
      const index = this.#index[passage] ?? 0;
      passages.push({
        isIn: this.passings[passage] === passing.in,
        bestMs: this.bestMs[passage] ?? 0,
        fromMs: block.fromMs[index] ?? 0,
        toMs: block.toMs[index] ?? 0,
        position: this.positionOf(passage),
        trait: this.traitOf(passage),
      });
    }
    return passages;
  }

  positionOf(passage: number): number {
    return positionOf(this.#blockOf(passage), this.#index[passage] ?? 0);
  }

  traitOf(passage: number): number {
    return this.#blockOf(passage).traits[this.#index[passage] ?? 0] ?? 0;
  }

  subjectOf(person: number): string {
    const newest = this.newest[person] ?? 0;
    return subjectAt(this.#blockOf(newest), this.#index[newest] ?? 0) ?? '';
  }

  /** Puts a passage at the head of its person's chain. */
  #join(passage: number, subjects: Uint32Array, index: number): void {
    const slots = this.#slots;
    const last = slots.length - 1;
    let slot = hashSubject(subjects, index) & last;
    let person = slots[slot] ?? none;
    while (person !== none && !this.#isSame(person, subjects, index)) {
      slot = (slot + 1) & last;
      person = slots[slot] ?? none;
    }
    if (person === none) {
      person = this.count++;
      slots[slot] = person;
      this.before[passage] = none;
      const word = index * wordsPerSubject;
      for (let at = 0; at < wordsPerSubject; at++)
        this.#subjects[person * wordsPerSubject + at] = subjects[word + at] ?? 0;
    } else this.before[passage] = this.newest[person] ?? none;
    this.newest[person] = passage;
  }

  #isSame(person: number, subjects: Uint32Array, index: number): boolean {
    const known = this.#subjects;
    const word = index * wordsPerSubject;
    const other = person * wordsPerSubject;
    for (let at = 0; at < wordsPerSubject; at++) if (subjects[word + at] !== known[other + at]) return false;
    return true;
  }

  #blockOf(passage: number): TraceBlock {
    return this.#blocks[this.#block[passage] ?? 0] as TraceBlock;
  }

  #lookUp(trait: number): number {
    if (trait >= tabledTraits) return this.#passingOf(trait);
    const known = this.#table[trait];
    if (known !== notLookedUp) return known ?? passing.none;
    const found = this.#passingOf(trait);
    this.#table[trait] = found;
    return found;
  }

  #makeRoom(passages: number): void {
    if (this.before.length < passages) {
      const room = Math.ceil(passages * 1.25);
      this.newest = new Int32Array(room);
      this.before = new Int32Array(room);
      this.bestMs = new Float64Array(room);
      this.passings = new Uint8Array(room);
      this.exact = new Uint8Array(room);
      this.#block = new Int32Array(room);
      this.#index = new Int32Array(room);
      this.#subjects = new Uint32Array(room * wordsPerSubject);
      this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * room)));
    }
    this.#slots.fill(none);
  }
}
