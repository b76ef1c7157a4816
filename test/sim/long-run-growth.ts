/** Whether what should stay as it is has grown. Pure. */

/** What is measured at the end of each day, when nothing is under way. */
export interface Sample {
  /** The first day is 1. */
  readonly day: number;
  /** By name, in bytes or pieces. */
  readonly figures: Readonly<Record<string, number>>;
}

/** By the end of this day caches are full, files have their size, and everything has happened once. */
const settledDay = 2;

/** The lesser of so many days counts: what the allocator holds back on one day it gives back on the next. */
const daysCompared = 2;

/** A shorter run has too few days to compare. */
export const daysMin = settledDay + 2 * daysCompared - 1;

/** Nothing may grow by a larger share than this. */
export const growthShareMax = 0.1;

export interface Growth {
  readonly name: string;
  readonly settled: number;
  readonly grown: number;
}

/** Finds each figure that is larger in the last days than it was when everything had settled, by more than `shareMax`. */
export function findGrowth(samples: readonly Sample[], shareMax: number): readonly Growth[] {
  if (samples.length < daysMin) throw new Error(`a run of ${samples.length} days tells nothing about growth`);
  const first = samples.slice(settledDay - 1).slice(0, daysCompared);
  const last = samples.slice(-daysCompared);
  return Object.keys(samples[0]?.figures ?? {}).flatMap((name) => {
    const [settled, grown] = [leastOf(first, name), leastOf(last, name)];
    return grown > settled * (1 + shareMax) ? [{ name, settled, grown }] : [];
  });
}

function leastOf(samples: readonly Sample[], name: string): number {
  return Math.min(...samples.map(({ figures }) => figures[name] ?? 0));
}

export function describeGrowth({ name, settled, grown }: Growth): string {
  return `${name} grew from ${settled} after day ${settledDay} to ${grown} at the end`;
}
