import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';

/** A condition is looked at this often, in milliseconds. */
const lookEveryMs = 10;

/** Waits until `holds` gives true. Rejects after `deadlineMs`, saying what was waited for. */
export async function until(
  what: string | (() => string),
  deadlineMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + deadlineMs;
  while (!(await holds())) {
    if (systemClock.monotonicMs() > endMs) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(systemClock, lookEveryMs);
  }
}
