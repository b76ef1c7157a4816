import type { Clock } from '../../shared/ports.ts';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that moves only when told to. Timers fire in the order they are due, then in the order they were set. */
export class VirtualClock implements Clock {
  #monotonicMs: number;
  #wallOffsetMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  /** @param startMs wall-clock time at the start, milliseconds since the Unix epoch. */
  constructor(startMs = Date.UTC(2026, 10, 20, 8, 0, 0), monotonicMs = 60_000) {
    this.#monotonicMs = monotonicMs;
    this.#wallOffsetMs = startMs - monotonicMs;
  }

  nowMs(): number {
    return this.#monotonicMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): Disposable {
    const pending = { dueMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#pending.add(pending);
    return { [Symbol.dispose]: () => void this.#pending.delete(pending) };
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Milliseconds until the next timer, or null when none waits. */
  get untilNextMs(): number | null {
    const next = this.#next();
    return next === undefined ? null : next.dueMs - this.#monotonicMs;
  }

  /** Sets the wall clock without moving time, as NTP or an empty battery does. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Lets `ms` pass; after each timer the microtasks and immediates that it woke run to their end. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await settle();
    for (let next = this.#next(); next !== undefined && next.dueMs <= untilMs; next = this.#next()) {
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueMs);
      this.#pending.delete(next);
      next.callback();
      await settle();
    }
    this.#monotonicMs = untilMs;
  }

  #next(): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      const earlier =
        first === undefined ||
        pending.dueMs < first.dueMs ||
        (pending.dueMs === first.dueMs && pending.order < first.order);
      if (earlier) first = pending;
    }
    return first;
  }
}

/** Lets everything that is already due (microtasks, immediates) run. */
export async function settle(rounds = 4): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise<void>((resolve) => setImmediate(resolve));
}
