/** What time it is at the site, and how well the gateway knows. */
import { driftMs } from '../shared/drift.ts';
import type { Clock } from '../shared/ports.ts';
import type { TimeSync } from '../shared/system/time-sync.ts';
import { around, type Bounds, latestMs } from './time-bounds.ts';

/** How far a machine that a time server has set may be off, in milliseconds: NTP over a bad line. */
export const syncedErrorMs = 500;

/** When the gateway's clock was last known to be right. */
export interface Anchor {
  /** The gateway's boot, and the monotonic time in it. */
  readonly boot: string;
  readonly monotonicMs: number;
  /** The time, milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** A time of the site. */
export interface SiteMoment extends Bounds {
  /** Whether it comes from a time server in the end; or else the clock is taken at its word. */
  readonly sure: boolean;
}

/**
 * The gateway's own clock while it is synchronised. After that, in the same boot, the time since then by the monotonic
 * clock, whatever the wall clock is set to. After a boot without a time server only that it is later than it was. A
 * gateway that never had a time server is taken at its word: at such a site people set the clock, and it is all there is.
 */
export class SiteTime {
  readonly #clock: Clock;
  readonly #sync: Pick<TimeSync, 'boot' | 'synced'>;
  #anchor: Anchor | null;

  /** @param anchor what is remembered from before; null at the first start. */
  constructor(clock: Clock, sync: Pick<TimeSync, 'boot' | 'synced'>, anchor: Anchor | null) {
    this.#clock = clock;
    this.#sync = sync;
    this.#anchor = anchor;
  }

  /** To be remembered. */
  get anchor(): Anchor | null {
    return this.#anchor;
  }

  /** The time now. */
  now(): SiteMoment {
    const { boot } = this.#sync;
    const atMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    if (this.#sync.synced()) {
      if (this.#anchor?.boot !== boot || this.#anchor.monotonicMs !== monotonicMs) {
        this.#anchor = { boot, monotonicMs, atMs };
      }
      return { ...around(atMs, syncedErrorMs), sure: true };
    }
    if (this.#anchor === null) return { ...around(atMs, 0), sure: false };
    if (this.#anchor.boot !== boot) {
      const fromMs = this.#anchor.atMs - syncedErrorMs;
      return { bestMs: Math.max(atMs, fromMs), fromMs, toMs: latestMs, sure: true };
    }
    const sinceMs = monotonicMs - this.#anchor.monotonicMs;
    return { ...around(this.#anchor.atMs + sinceMs, syncedErrorMs + driftMs(sinceMs)), sure: true };
  }

  /** What the time was at a moment of this process, by the monotonic clock. */
  at(monotonicMs: number): SiteMoment {
    const { bestMs, fromMs, toMs, sure } = this.now();
    const agoMs = this.#clock.monotonicMs() - monotonicMs;
    return { bestMs: bestMs - agoMs, fromMs: fromMs - agoMs, toMs: Math.min(latestMs, toMs) - agoMs, sure };
  }
}
