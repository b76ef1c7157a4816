/**
 * How many entries a forwarder sends at once and what an answer does to them. Pure; `forwarder.ts` carries it out.
 *
 * The entries that wait form a window. A batch is taken from its front, so the order is kept. A refused batch is halved
 * until the one entry is found that the upstream will not take; that one is *settled* as refused (it goes to quarantine)
 * and the rest goes on. But an upstream that refuses one entry after the other is more likely set up wrong than right.
 * So after {@link refusedInRowMax} single refusals without a success between, refusals are only *doubted*: nothing more
 * goes to quarantine until the upstream has taken an entry from behind them (a *witness* that it does take entries) and
 * has then refused the first of them once more (so it was not mended meanwhile). Without a witness in the whole window
 * the forwarder raises the alarm, waits long and asks again from the first doubted entry on.
 */
import type { Delivery } from '../shared/ports.ts';

/** A batch holds at most this many entries; so does the window. */
export const entriesPerBatchMax = 500;

/** So many single entries in a row may be refused and settled without a success between. */
export const refusedInRowMax = 20;

/** An attempt that fails is repeated with the very same batch this many times; then with half of it, should the link be too slow for it. */
export const sameBatchAttemptsMax = 3;

/** After an upstream said "too large", so many batches must be taken before twice the size is tried. */
export const takenBeforeGrowth = 50;

/** What a forwarder remembers between two batches. */
export interface Pace {
  /** How many entries to send at once; doubles with each success. */
  readonly size: number;
  /** At most how many the upstream takes at once, as far as it said. */
  readonly ceiling: number;
  /** Batches taken since the ceiling was last moved. */
  readonly takenUnderCeiling: number;
  /** Attempts in a row that came to nothing. */
  readonly failedInRow: number;
  /** Among this many entries, next in order, is one that was refused as part of a batch; 0 when nothing is known. */
  readonly suspects: number;
  /** Single entries refused in a row. */
  readonly refusedInRow: number;
  /** So many entries at the front of the window were refused one by one and wait for a witness. */
  readonly doubted: number;
  /** The entry behind the doubted ones was taken, so the first of these is asked about once more. */
  readonly witnessed: boolean;
}

export const firstPace: Pace = {
  size: entriesPerBatchMax,
  ceiling: entriesPerBatchMax,
  takenUnderCeiling: 0,
  failedInRow: 0,
  suspects: 0,
  refusedInRow: 0,
  doubted: 0,
  witnessed: false,
};

/** Which entries of the window to send next: at least one, at most `countMax`, from `start` on. */
export function nextRange(pace: Pace, windowLength: number): { readonly start: number; readonly countMax: number } {
  if (pace.witnessed) return { start: 0, countMax: 1 };
  const half = pace.suspects === 0 ? entriesPerBatchMax : Math.ceil(pace.suspects / 2);
  const countMax = Math.min(pace.size, pace.ceiling, half, windowLength - pace.doubted);
  return { start: pace.doubted, countMax: Math.max(1, countMax) };
}

/** What follows from a delivery. */
export interface Outcome {
  readonly pace: Pace;
  /** So many entries from the front of the window are done with. */
  readonly settled: number;
  /** Of those, so many from the front were refused, each by itself. */
  readonly refused: number;
  /** `retry`: the upstream is not able now. `alarm`: it refuses everything; wait long, then read the window anew. */
  readonly wait: 'none' | 'retry' | 'alarm';
}

/** An upstream that takes a batch only to reject all of it has refused it: the same caution applies. */
export function callRefusal(delivery: Delivery, sent: number): Delivery {
  if (delivery.type !== 'taken' || delivery.rejected.length < sent) return delivery;
  return { type: 'refused', reason: delivery.rejected[0]?.reason ?? 'rejected' };
}

/**
 * Weighs what became of the `sent` entries at {@link nextRange}, after {@link callRefusal}.
 * @param windowLength all entries in the window, doubted ones included.
 */
export function weigh(pace: Pace, sent: number, delivery: Delivery, windowLength: number): Outcome {
  switch (delivery.type) {
    case 'taken':
      if (pace.doubted > 0 && !pace.witnessed) return carryOn({ ...pace, failedInRow: 0, witnessed: true });
      return { pace: afterTaken(pace, sent), settled: sent, refused: 0, wait: 'none' };
    case 'later':
      return { pace: afterFailure(pace), settled: 0, refused: 0, wait: 'retry' };
    case 'too-large':
      if (sent === 1) return afterSingleRefusal(pace, windowLength);
      return carryOn({ ...pace, failedInRow: 0, ceiling: Math.floor(sent / 2), takenUnderCeiling: 0 });
    case 'refused':
      if (sent === 1) return afterSingleRefusal(pace, windowLength);
      return carryOn({ ...pace, failedInRow: 0, suspects: sent });
  }
}

function carryOn(pace: Pace): Outcome {
  return { pace, settled: 0, refused: 0, wait: 'none' };
}

function afterTaken(pace: Pace, sent: number): Pace {
  const grows = pace.takenUnderCeiling + 1 >= takenBeforeGrowth;
  return {
    size: Math.min(pace.size * 2, entriesPerBatchMax),
    ceiling: grows ? Math.min(pace.ceiling * 2, entriesPerBatchMax) : pace.ceiling,
    takenUnderCeiling: grows ? 0 : pace.takenUnderCeiling + 1,
    failedInRow: 0,
    suspects: Math.max(0, pace.suspects - sent),
    refusedInRow: 0,
    doubted: 0,
    witnessed: false,
  };
}

function afterFailure(pace: Pace): Pace {
  const failedInRow = pace.failedInRow + 1;
  const size = failedInRow < sameBatchAttemptsMax ? pace.size : Math.max(1, Math.floor(pace.size / 2));
  return { ...pace, failedInRow, size };
}

function afterSingleRefusal(pace: Pace, windowLength: number): Outcome {
  // All doubted entries are refused for what they are; the witness behind them was taken.
  if (pace.witnessed) {
    return { pace: afterTaken(pace, 1), settled: pace.doubted + 1, refused: pace.doubted, wait: 'none' };
  }
  const refusedInRow = pace.refusedInRow + 1;
  // Two in a row: more may follow, and to find each by halving would cost more than to ask one by one.
  const next = { ...pace, failedInRow: 0, suspects: 0, refusedInRow, size: refusedInRow > 1 ? 1 : pace.size };
  if (refusedInRow <= refusedInRowMax) return { pace: next, settled: 1, refused: 1, wait: 'none' };
  const doubted = pace.doubted + 1;
  if (doubted < windowLength) return carryOn({ ...next, doubted });
  return { pace: { ...next, doubted: 0 }, settled: 0, refused: 0, wait: 'alarm' };
}
