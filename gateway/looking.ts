/** Looking, again and again, at what other processes change. */
import { stat } from 'node:fs/promises';
import type { Clock } from '../shared/ports.ts';
import { isErrno } from '../shared/system-error.ts';
import { sleep } from '../shared/time.ts';

/** Is another when the file has changed; empty where there is none. Rejects with what the system says. */
export async function markOf(path: string): Promise<string> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

/** How it is looked. */
export interface LookingParts {
  /** From the end of a look to the next, in milliseconds. */
  readonly everyMs: number;
  /** Whether the first look is at once, or `everyMs` later. */
  readonly first: 'now' | 'later';
  readonly clock: Clock;
  /** Told of each look that failed. @param isFirst the look before had not. */
  readonly onFailure: (error: unknown, isFirst: boolean) => void;
}

/** Looks until disposed, which waits for the look under way. One that fails is told of, and the next comes all the same. */
export function keepLooking(look: (signal: AbortSignal) => Promise<void>, parts: LookingParts): AsyncDisposable {
  const stop = new AbortController();
  const running = lookOn(look, parts, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

async function lookOn(
  look: (signal: AbortSignal) => Promise<void>,
  { everyMs, first, clock, onFailure }: LookingParts,
  signal: AbortSignal,
): Promise<void> {
  let failed = false;
  if (first === 'later') await sleep(clock, everyMs, signal);
  while (!signal.aborted) {
    try {
      await look(signal);
      failed = false;
    } catch (error) {
      onFailure(error, !failed);
      failed = true;
    }
    await sleep(clock, everyMs, signal);
  }
}
