/** When somebody may have been there, from the passages that are known. */
import { stayMsMax, type TimeWindow } from './tracing.ts';

/** An admitted passage of one person. Times in milliseconds since the Unix epoch; `bestMs` lies between the two others. */
export interface StayPassage {
  readonly isIn: boolean;
  readonly bestMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly position: number;
  readonly trait: number;
}

/** A time at which somebody may have been there, both ends included. */
export interface Stay {
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether both ends are passages whose times are known, with nothing between them. */
  readonly certain: boolean;
  /** The position of the passage that it begins with, or of that which it ends with where the beginning is not known. */
  readonly position: number;
  /** Traits of the passages at its ends, as far as they are known. */
  readonly traits: readonly number[];
}

/**
 * The stays of one person, by their beginnings. An `in` and the `out` that follows it, both at known times and no more
 * than {@link stayMsMax} apart, are one stay. Of any other passage the longest stay is taken that it allows: after an
 * `in` until the first passage that surely came later, before an `out` from the last that surely came earlier, and at most
 * {@link stayMsMax}. So nobody is missed, whatever the order was in which uncertain passages happened.
 */
export function staysOf(passages: readonly StayPassage[]): Stay[] {
  const ordered = passages.toSorted((a, b) => a.bestMs - b.bestMs || a.position - b.position);
  const earliestAfter = makeEarliestAfter(ordered);
  const latestBefore = makeLatestBefore(ordered);
  const uncertain = ordered.filter((passage) => !isExact(passage));
  const stays: Stay[] = [];
  for (let index = 0; index < ordered.length; index++) {
    const passage = ordered[index];
    const next = ordered[index + 1];
    if (passage === undefined) continue;
    const { position, trait } = passage;
    if (next !== undefined && isPair(passage, next)) {
      const [fromMs, toMs] = [passage.bestMs, next.bestMs];
      const certain = !uncertain.some((other) => other.toMs > fromMs && other.fromMs < toMs);
      stays.push({ fromMs, toMs, certain, position, traits: [trait, next.trait] });
      index++;
      continue;
    }
    const open = { certain: false, position, traits: [trait] };
    const { fromMs, toMs } = passage;
    if (passage.isIn) stays.push({ fromMs, toMs: Math.min(toMs + stayMsMax, earliestAfter(toMs)), ...open });
    else stays.push({ fromMs: Math.max(fromMs - stayMsMax, latestBefore(fromMs)), toMs, ...open });
  }
  return stays.sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
}

/** Stays within a window; those that overlap are one. In the order of time, and no two overlap. */
export function joinStays(
  stays: readonly Stay[],
  window: TimeWindow | null,
): readonly Pick<Stay, 'fromMs' | 'toMs' | 'certain'>[] {
  const { fromMs: beginMs, toMs: endMs } = window ?? {
    fromMs: Number.NEGATIVE_INFINITY,
    toMs: Number.POSITIVE_INFINITY,
  };
  const within = stays
    .filter(({ fromMs, toMs }) => toMs >= beginMs && fromMs < endMs)
    .map(({ fromMs, toMs, certain }) => ({ fromMs: Math.max(fromMs, beginMs), toMs: Math.min(toMs, endMs), certain }))
    .sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
  const joined: typeof within = [];
  for (const stay of within) {
    const before = joined.at(-1);
    const isSame = before?.fromMs === stay.fromMs && before.toMs === stay.toMs;
    if (before === undefined || (stay.fromMs >= before.toMs && !isSame)) joined.push(stay);
    else joined[joined.length - 1] = { ...before, toMs: Math.max(before.toMs, stay.toMs), certain: false };
  }
  return joined;
}

function isExact({ bestMs, fromMs, toMs }: StayPassage): boolean {
  return fromMs === bestMs && toMs === bestMs;
}

function isPair(one: StayPassage, next: StayPassage): boolean {
  return one.isIn && !next.isIn && isExact(one) && isExact(next) && next.bestMs - one.bestMs <= stayMsMax;
}

/** Of passages that surely came after a time, when the first of them came at the latest. */
function makeEarliestAfter(passages: readonly StayPassage[]): (ms: number) => number {
  const byBeginning = passages.toSorted((a, b) => b.fromMs - a.fromMs);
  const soFar = accumulate(byBeginning, (least, { toMs }) => Math.min(least, toMs), Number.POSITIVE_INFINITY);
  return (ms) => soFar[countWhile(byBeginning, ({ fromMs }) => fromMs > ms)] ?? Number.POSITIVE_INFINITY;
}

/** Of passages that surely came before a time, when the last of them came at the earliest. */
function makeLatestBefore(passages: readonly StayPassage[]): (ms: number) => number {
  const byEnd = passages.toSorted((a, b) => a.toMs - b.toMs);
  const soFar = accumulate(byEnd, (most, { fromMs }) => Math.max(most, fromMs), Number.NEGATIVE_INFINITY);
  return (ms) => soFar[countWhile(byEnd, ({ toMs }) => toMs < ms)] ?? Number.NEGATIVE_INFINITY;
}

/** What a fold has after 0, 1, 2, … items. */
function accumulate<T>(items: readonly T[], fold: (value: number, item: T) => number, start: number): number[] {
  const values = [start];
  for (const item of items) values.push(fold(values.at(-1) ?? start, item));
  return values;
}

/** How many items come before the first that does not hold; after it none may. */
function countWhile<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && holds(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
