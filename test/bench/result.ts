/** What a benchmark found, and whether that is good enough. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export interface Limit {
  readonly name: string;
  readonly value: number;
  readonly relation: 'at most' | 'at least';
  readonly limit: number;
  readonly unit: string;
  readonly passed: boolean;
}

export interface BenchResult {
  /** What `--only` takes. */
  readonly name: string;
  /** What was measured, in one line. */
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly limits: readonly Limit[];
  readonly passed: boolean;
}

/** How a benchmark is run. */
export interface BenchOptions {
  /** The share of the full size; below 1 only to try a benchmark out, its figures then mean little. */
  readonly scale: number;
  /** Whether the figures that take many minutes are asked for. */
  readonly long: boolean;
  /** Tells a person who waits what is being done. */
  readonly progress: (text: string) => void;
}

export type Bench = (options: BenchOptions) => Promise<BenchResult>;

/** Puts a result together; it passes when all its limits do. */
export function makeResult(result: Omit<BenchResult, 'passed'>): BenchResult {
  return { ...result, passed: result.limits.every(({ passed }) => passed) };
}

export function atMost(limit: number, { name, value, unit }: Figure): Limit {
  return { name, value, unit, relation: 'at most', limit, passed: value <= limit };
}

export function atLeast(limit: number, { name, value, unit }: Figure): Limit {
  return { name, value, unit, relation: 'at least', limit, passed: value >= limit };
}

/** The value below which `share` of the values lie (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
