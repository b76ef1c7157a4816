/** When an entry was made, from all that is known: what its kiosk says, what its boot tells, what came before and after. Pure. */
import { type Bounds, earliestMs, latestMs, within } from './time-bounds.ts';

/** What is known of one entry. */
export interface TimeFacts {
  /** `at`, as the kiosk wrote it. */
  readonly statedMs: number;
  /** By how much that may be wrong if the kiosk is right about its clock; null where it says itself that it does not know. */
  readonly statedErrorMs: number | null;
  /** What follows from the entry's monotonic time, where the gateway knows its boot. */
  readonly byBoot: (Bounds & { readonly sure: boolean }) | null;
  /** What follows from the order of boots. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** When it arrived. It was made before. */
  readonly arrived: Bounds & { readonly sure: boolean };
}

/**
 * What a time rests on. `kiosk`: its own clock, or what the gateway had told it. `boot`: the monotonic time of a boot that
 * the gateway knows. `order`: nothing but what came before and after, so that it is uncertain. `disputed`: the kiosk says
 * that its clock is right, and the gateway knows better; the bounds allow for both, as far as both are possible.
 */
export type TimeBasis = 'kiosk' | 'boot' | 'order' | 'disputed';

/** A kiosk's clock and the gateway's may differ by so much though both are synchronised, in milliseconds. */
export const toleranceMs = 2_000;

/** A time that is known this well, in milliseconds, is known: its bounds are not kept. */
export const exactMs = 1_000;

/** Decides when an entry was made. `fromMs` ≤ `bestMs` ≤ `toMs`, all whole milliseconds; the same where that is known. */
export function correctTime(facts: TimeFacts): Bounds & { readonly basis: TimeBasis } {
  const { statedMs, statedErrorMs, byBoot, arrived } = facts;
  const stated = statedErrorMs === null ? null : { fromMs: statedMs - statedErrorMs, toMs: statedMs + statedErrorMs };
  const isPossible = stated !== null && !(arrived.sure && stated.fromMs > arrived.toMs + toleranceMs);
  if (stated !== null && isPossible) {
    const claimed = { bestMs: statedMs, ...stated };
    const isDisputed =
      byBoot?.sure === true && (stated.fromMs > byBoot.toMs + toleranceMs || stated.toMs < byBoot.fromMs - toleranceMs);
    if (!isDisputed) return finish(narrowedBy(byBoot, claimed), 'kiosk', null);
    const fromMs = Math.min(stated.fromMs, byBoot.fromMs);
    const toMs = Math.max(stated.toMs, byBoot.toMs);
    return finish({ bestMs: byBoot.bestMs, fromMs, toMs }, 'disputed', arrived);
  }
  const basis = (otherwise: TimeBasis) => (stated === null ? otherwise : 'disputed');
  if (byBoot !== null) return finish(byBoot, basis('boot'), arrived);
  return finish(byOrder(facts), basis('order'), arrived);
}

/** A kiosk that knows the time only roughly may be of a boot of which the gateway knows more. */
function narrowedBy(byBoot: TimeFacts['byBoot'], claimed: Bounds): Bounds {
  if (byBoot?.sure !== true || claimed.toMs - claimed.bestMs <= exactMs) return claimed;
  const fromMs = Math.max(claimed.fromMs, byBoot.fromMs);
  const toMs = Math.min(claimed.toMs, byBoot.toMs);
  return fromMs > toMs ? claimed : { bestMs: within(claimed.bestMs, fromMs, toMs), fromMs, toMs };
}

/**
 * After a sign of life the kiosk's own clock counts where it is possible: one with a battery is right. Where it is not,
 * the earliest time counts, as if the boot had begun right after that sign, which keeps the distances between a boot's
 * entries. Where there was no sign of life before, a clock that nobody vouches for says nothing: then the latest time.
 */
function byOrder({ statedMs, notBeforeMs, notAfterMs, arrived }: TimeFacts): Bounds {
  const toMs = Math.min(notAfterMs, arrived.toMs);
  const fromMs = Math.min(notBeforeMs, toMs);
  if (notBeforeMs <= earliestMs) return { bestMs: within(arrived.bestMs, fromMs, toMs), fromMs, toMs };
  const isPossible = statedMs >= fromMs && statedMs <= toMs;
  return { bestMs: isPossible ? statedMs : fromMs, fromMs, toMs };
}

/** Nothing was made after it arrived. Only a gateway that never had a time server may be wrong about that. */
function finish({ bestMs, fromMs, toMs }: Bounds, basis: TimeBasis, arrived: TimeFacts['arrived'] | null) {
  const endMs = arrived?.sure === true ? Math.max(fromMs, Math.min(toMs, arrived.toMs)) : Math.min(toMs, latestMs);
  const from = Math.floor(fromMs);
  const to = Math.max(from, Math.ceil(endMs));
  const best = within(Math.round(bestMs), from, to);
  const isExact = best - from <= exactMs && to - best <= exactMs;
  return { bestMs: best, fromMs: isExact ? best : from, toMs: isExact ? best : to, basis };
}
