/** Whether all kiosks are heard: somebody may have gone out at one that is not. */
import type { KioskState } from '../../shared/entry.ts';
import { stayMsMax } from './site-presence.ts';

/** A kiosk may be away, or have entries waiting, for so long before it counts as not heard, in milliseconds. */
export const patienceMs = 30_000;

/** So many kiosks are watched; of further ones it is not asked whether they are heard. */
const kiosksMax = 1_000;

/** Watches what kiosks say of themselves. Times are monotonic milliseconds. */
export class KioskWatch {
  /** Since when a kiosk is not heard; null: it is. */
  readonly #kiosks = new Map<string, number | null>();

  /** An entry of a kiosk was found. One that never says anything of itself is away. */
  seen(kiosk: string, nowMs: number): void {
    if (!this.#kiosks.has(kiosk) && this.#kiosks.size < kiosksMax) this.#kiosks.set(kiosk, nowMs);
  }

  /** A kiosk has said how it is, or its connection has ended. */
  note(kiosk: string, { online, outbox }: KioskState, nowMs: number): void {
    if (!this.#kiosks.has(kiosk) && this.#kiosks.size >= kiosksMax) return;
    const isHeard = online && (outbox?.oldestMs ?? 0) <= patienceMs;
    this.#kiosks.set(kiosk, isHeard ? null : (this.#kiosks.get(kiosk) ?? nowMs));
  }

  /** Whether every kiosk is heard. One that has been away for longer than a stay is forgotten. */
  isComplete(nowMs: number): boolean {
    for (const [kiosk, since] of this.#kiosks) {
      if (since !== null && nowMs - since > stayMsMax) this.#kiosks.delete(kiosk);
      else if (since !== null && nowMs - since > patienceMs) return false;
    }
    return true;
  }
}
