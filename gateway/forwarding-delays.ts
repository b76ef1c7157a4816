import type { Chance, Clock, Log } from '../shared/ports.ts';
import { type RetryPlan, retryDelaysMs } from '../shared/retry.ts';

/** Between attempts while an upstream, or the store, is not able. */
export const retryPlan: RetryPlan = { firstMs: 1000, factor: 2, maxMs: 60_000, jitter: 0.5 };

/** Between attempts while an upstream refuses everything. */
export const standOffPlan: RetryPlan = { firstMs: 60_000, factor: 2, maxMs: 15 * 60_000, jitter: 0.2 };

/** The same reason for a delay is logged at most this often, in milliseconds. */
export const sameReasonLogMs = 60_000;

/** Why and how long to wait. */
export interface Delay {
  readonly reason: string;
  /** A person must mend something. */
  readonly alarm: boolean;
  readonly waitMs: number;
}

/** How long a forwarder waits next, and what the operator reads about it. */
export class Delays {
  readonly #upstream: string;
  readonly #parts: { readonly clock: Clock; readonly chance: Chance; readonly log: Log };
  #retries: Iterator<number, never>;
  #standOffs: Iterator<number, never>;
  #sinceMs: number | null = null;
  #logged: { readonly reason: string; readonly atMs: number } | null = null;

  constructor(upstream: string, parts: { readonly clock: Clock; readonly chance: Chance; readonly log: Log }) {
    this.#upstream = upstream;
    this.#parts = parts;
    this.#retries = retryDelaysMs(retryPlan, parts.chance);
    this.#standOffs = retryDelaysMs(standOffPlan, parts.chance);
  }

  /** Something is not able now. @param atLeastMs what it asked for. */
  retry(reason: string, alarm: boolean, atLeastMs = 0): Delay {
    return this.#begin({ reason, alarm, waitMs: Math.max(this.#retries.next().value, atLeastMs) });
  }

  /** The upstream refuses everything; `lastReason` is what it said last. */
  standOff(lastReason: string): Delay {
    const reason = `refuses every entry, so it is probably set up wrong: ${lastReason}`;
    return this.#begin({ reason, alarm: true, waitMs: this.#standOffs.next().value });
  }

  /** It goes on. */
  end(): void {
    const { clock, chance, log } = this.#parts;
    this.#retries = retryDelaysMs(retryPlan, chance);
    this.#standOffs = retryDelaysMs(standOffPlan, chance);
    if (this.#sinceMs === null) return;
    log.info('forwarder.recovered', { upstream: this.#upstream, delayedMs: clock.monotonicMs() - this.#sinceMs });
    this.#sinceMs = null;
    this.#logged = null;
  }

  #begin(delay: Delay): Delay {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#sinceMs ??= nowMs;
    if (this.#logged?.reason !== delay.reason || nowMs - this.#logged.atMs >= sameReasonLogMs) {
      const { reason, waitMs } = delay;
      const level = delay.alarm ? 'error' : 'warn';
      this.#parts.log[level]('forwarder.delayed', { upstream: this.#upstream, reason, waitMs });
      this.#logged = { reason, atMs: nowMs };
    }
    return delay;
  }
}
