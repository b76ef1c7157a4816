/** Tracing on a store: through its index, and through the entries that are not indexed yet. */
import type { Entry } from '../../shared/entry.ts';
import type { StoreReader } from '../store/store.ts';
import {
  bucketOf,
  bucketsPerSegment,
  decodeBlock,
  encodeBlock,
  hashSubject,
  positionOf,
  splitIntoBuckets,
  type TraceBlock,
  toWords,
  wordsPerSubject,
} from '../store/trace-block.ts';
import type { TracedEntry, TraceOutline, TraceReader } from '../store/traces.ts';
import { Encounters, type TracedStay } from './encounters.ts';
import { type Passing, People, passing } from './people.ts';
import { joinStays, type StayPassage, staysOf } from './stays.ts';
import { type Encounter, type Meeting, type Passage, stayMsMax, type TimeWindow, type Tracing } from './tracing.ts';

/** Entries whose bodies are read at once. */
const entriesPerPage = 500;

/** Buckets of the same segments that are read at once: of a month of a large site, some 25 MB. */
const bucketsAtOnce = 16;

/**
 * Tracing on a store that somebody may be writing meanwhile. The store must outlive it. Where much is not indexed yet, as
 * after an update from an older version, it reads all of that and takes some seconds a million entries.
 */
export function createTracing(store: Pick<StoreReader, 'traces'>): Tracing {
  return new StoreTracing(store.traces);
}

/** A passage that was found in a block. */
type Found = (block: TraceBlock, index: number) => void;

class StoreTracing implements Tracing {
  readonly #traces: TraceReader;

  constructor(traces: TraceReader) {
    this.#traces = traces;
  }

  async *visitsOf(subjects: readonly string[], window: TimeWindow | null): AsyncGenerator<Passage> {
    const found: { position: number; bestMs: number }[] = [];
    await this.#findOwn(await this.#traces.outline(), subjects, window, (block, index) => {
      if (!isWithin(block, index, window)) return;
      found.push({ position: positionOf(block, index), bestMs: block.bestMs[index] ?? 0 });
    });
    found.sort((a, b) => a.bestMs - b.bestMs || a.position - b.position);
    yield* this.#passagesAt(found.map(({ position }) => position));
  }

  async *passagesAt(gate: string | null, window: TimeWindow): AsyncGenerator<Passage> {
    const outline = await this.#traces.outline();
    const isThere = remember((trait: number) => gate === null || this.#traces.traitOf(trait).gate === gate);
    const positionsIn = (blocks: readonly TraceBlock[]) => {
      const positions: number[] = [];
      for (const block of blocks) {
        for (let index = 0; index < block.count; index++) {
          if (isWithin(block, index, window) && isThere(block.traits[index] ?? 0))
            positions.push(positionOf(block, index));
        }
      }
      return positions.sort((a, b) => a - b);
    };
    for (const segment of outline.segments) {
      if (overlaps(segment, window)) yield* this.#passagesAt(positionsIn(await this.#traces.readSegment(segment)));
    }
    for await (const block of this.#tail(outline)) yield* this.#passagesAt(positionsIn([block]));
  }

  async *together(subjects: readonly string[], window: TimeWindow | null): AsyncGenerator<Meeting> {
    let page: Encounter[] = [];
    for await (const encounter of this.encounters(subjects, window)) {
      page.push(encounter);
      if (page.length < entriesPerPage) continue;
      yield* await this.#identify(page);
      page = [];
    }
    yield* await this.#identify(page);
  }

  async *encounters(subjects: readonly string[], window: TimeWindow | null): AsyncGenerator<Encounter> {
    const outline = await this.#traces.outline();
    const passingOf = remember((trait: number) => this.#passingOf(trait));
    const traced = await this.#staysOf(outline, subjects, window, passingOf);
    const windows = traced.map(widen);
    if (windows.length === 0) return;
    const segments = outline.segments.filter((segment) => windows.some((wide) => overlaps(segment, wide)));
    const tail = await this.#tailBuckets(outline, windows, passingOf);
    const found = new Encounters(
      traced,
      remember((trait: number) => this.#traces.traitOf(trait).gate),
    );
    const own = new Set(subjects);
    const people = new People(passingOf);
    for (let from = 0; from < bucketsPerSegment; from += bucketsAtOnce) {
      const buckets = await this.#traces.readBuckets(segments, from, from + bucketsAtOnce - 1);
      for (let bucket = from; bucket < from + bucketsAtOnce; bucket++) {
        const met: Encounter[] = [];
        people.load([...(buckets[bucket - from] ?? []), ...(tail[bucket] ?? [])]);
        for (let person = 0; person < people.count; person++) found.addWith(people, person, own, met);
        for (const encounter of met) yield encounter; // yield* would wrap each in promises of its own
      }
    }
  }

  /** The stays of the traced person. */
  async #staysOf(
    outline: TraceOutline,
    subjects: readonly string[],
    window: TimeWindow | null,
    passingOf: (trait: number) => Passing,
  ): Promise<readonly TracedStay[]> {
    const passages: StayPassage[] = [];
    const wide = window === null ? null : widen(window);
    await this.#findOwn(outline, subjects, wide, (block, index) => {
      const trait = block.traits[index] ?? 0;
      const found = passingOf(trait);
      if (found === passing.none) return;
      passages.push({
        isIn: found === passing.in,
        bestMs: block.bestMs[index] ?? 0,
        fromMs: block.fromMs[index] ?? 0,
        toMs: block.toMs[index] ?? 0,
        position: positionOf(block, index),
        trait,
      });
    });
    return joinStays(staysOf(passages), window);
  }

  /** Calls back with the passages of some subjects in the segments that a window concerns, and in the tail. */
  async #findOwn(
    outline: TraceOutline,
    subjects: readonly string[],
    window: TimeWindow | null,
    found: Found,
  ): Promise<void> {
    const wanted = [...new Set(subjects)].filter(isSubjectText).map(toWords);
    const segments = outline.segments.filter((segment) => window === null || overlaps(segment, window));
    const findIn = (block: TraceBlock, words: Uint32Array) => {
      for (let index = 0; index < block.count; index++) if (isSubject(block, index, words)) found(block, index);
    };
    for (const words of wanted) {
      const bucket = bucketOf(hashSubject(words, 0));
      const [blocks = []] = await this.#traces.readBuckets(segments, bucket, bucket);
      for (const block of blocks) findIn(block, words);
    }
    if (wanted.length === 0) return;
    for await (const block of this.#tail(outline)) for (const words of wanted) findIn(block, words);
  }

  /** What of the tail may matter, by buckets. */
  async #tailBuckets(
    outline: TraceOutline,
    windows: readonly TimeWindow[],
    passingOf: (trait: number) => Passing,
  ): Promise<readonly TraceBlock[][]> {
    const buckets = Array.from({ length: bucketsPerSegment }, (): TraceBlock[] => []);
    for await (const block of this.#tail(outline)) {
      for (const [bucket, all] of splitIntoBuckets(block).entries()) {
        const indexes = all.filter(
          (index) =>
            passingOf(block.traits[index] ?? 0) !== passing.none &&
            windows.some((window) => isWithin(block, index, window)),
        );
        if (indexes.length > 0) buckets[bucket]?.push(decodeBlock(encodeBlock(block, indexes), block.first));
      }
    }
    return buckets;
  }

  async *#tail({ indexedTo, last }: TraceOutline): AsyncGenerator<TraceBlock> {
    for (let after = indexedTo; ; ) {
      const page = await this.#traces.readTail(after, last);
      if (page === null) return;
      yield page.block;
      after = page.last;
    }
  }

  async *#passagesAt(positions: readonly number[]): AsyncGenerator<Passage> {
    for (let from = 0; from < positions.length; from += entriesPerPage) {
      const entries = await this.#traces.entriesAt(positions.slice(from, from + entriesPerPage));
      yield* entries.map(toPassage);
    }
  }

  async #identify(encounters: readonly Encounter[]): Promise<Meeting[]> {
    const positions = [...new Set(encounters.map(({ position }) => position))];
    const entries = await this.#traces.entriesAt(positions);
    const byPosition = new Map(entries.map((entry) => [entry.position, entry]));
    return encounters.flatMap((encounter) => {
      const entry = byPosition.get(encounter.position);
      if (entry === undefined) return []; // deleted meanwhile
      const { id, kiosk, body } = entry;
      return [{ ...encounter, id, kiosk, identity: readBody(body).identity }];
    });
  }

  #passingOf(trait: number): Passing {
    const { outcome, direction } = this.#traces.traitOf(trait);
    return outcome === 'admitted' ? passing[direction] : passing.none;
  }
}

/** The time in which passages can change what is known of a stay within a window. */
function widen({ fromMs, toMs }: TimeWindow): TimeWindow {
  return { fromMs: fromMs - stayMsMax, toMs: toMs + stayMsMax + 1 };
}

function overlaps(span: { readonly fromMs: number; readonly toMs: number }, window: TimeWindow): boolean {
  return span.toMs >= window.fromMs && span.fromMs < window.toMs;
}

function isWithin({ fromMs, toMs }: TraceBlock, index: number, window: TimeWindow | null): boolean {
  return window === null || ((toMs[index] ?? 0) >= window.fromMs && (fromMs[index] ?? 0) < window.toMs);
}

/** Nothing else is a subject in the store, and what is empty is nobody. */
function isSubjectText(text: string): boolean {
  return /^[A-Za-z0-9_-]{22}$/.test(text);
}

function isSubject({ subjects }: TraceBlock, index: number, words: Uint32Array): boolean {
  const start = index * wordsPerSubject;
  for (let word = 0; word < wordsPerSubject; word++) if (subjects[start + word] !== words[word]) return false;
  return true;
}

/** A function of traits that is asked millions of times. */
function remember<T>(compute: (trait: number) => T): (trait: number) => T {
  const known = new Map<number, T>();
  return (trait) => {
    const before = known.get(trait);
    if (before !== undefined) return before;
    const value = compute(trait);
    known.set(trait, value);
    return value;
  };
}

function readBody(body: string): Entry {
  return JSON.parse(body) as Entry; // the intake has validated what the store holds
}

function toPassage({ id, kiosk, body, bestMs, fromMs, toMs }: TracedEntry): Passage {
  const { gate, direction, outcome, subject, identity, code, method } = readBody(body);
  const time = { atMs: bestMs, fromMs, toMs };
  return { id, kiosk, gate, direction, outcome, ...time, subject, identity, kind: code.kind, method };
}
