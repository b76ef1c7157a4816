/** Seeing that a file of the trust folder was changed by another process. */
import { stat } from 'node:fs/promises';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { isErrno } from '../../shared/system-error.ts';
import { sleep } from '../../shared/time.ts';

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

/** Looks every `everyMs` milliseconds until `signal` aborts. Of failures in a row the first is logged, as `event`. */
export async function keepLooking(
  look: () => Promise<void>,
  parts: {
    readonly everyMs: number;
    readonly event: string;
    readonly clock: Clock;
    readonly log: Log;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { everyMs, event, clock, log, signal } = parts;
  let failed = false;
  while (!signal.aborted) {
    await sleep(clock, everyMs, signal);
    try {
      if (!signal.aborted) await look();
      failed = false;
    } catch (error) {
      if (!failed) log.error(event, { error: describeError(error) });
      failed = true;
    }
  }
}
