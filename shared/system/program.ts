import { describeError, Fault } from '../fault.ts';
import { systemClock } from './clock.ts';

/** Exit codes, after BSD's sysexits.h where it has one. */
export const exitCode = { ok: 0, failed: 1, usage: 64, config: 78 } as const;

/** How long a program may take to stop, in milliseconds, before it is ended as it is; nothing acknowledged is lost by it. */
const stopTimeoutMs = 4_500;

/**
 * Runs a program until it is done. SIGTERM, SIGINT or the end of the process that started it over IPC abort `signal`;
 * a second Ctrl-C, or taking too long, ends it at once. What goes wrong is said on standard error, with what to do.
 * Resolves with the exit code; the caller exits.
 */
export async function runProgram(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController();
  const overrun = new Promise<number>((resolve) => {
    const askToStop = () => {
      if (stop.signal.aborted) return;
      stop.abort();
      systemClock.after(stopTimeoutMs, () => {
        process.stderr.write(`It did not stop within ${stopTimeoutMs} ms and is ended now.\n`);
        resolve(exitCode.failed);
      });
    };
    process.on('SIGTERM', askToStop);
    process.once('disconnect', askToStop);
    process.once('SIGINT', () => {
      askToStop();
      process.once('SIGINT', () => resolve(exitCode.failed));
    });
  });
  try {
    return await Promise.race([work(stop.signal), overrun]);
  } catch (error) {
    return explain(error);
  }
}

/** Says what ended a program. A Fault is a person's to mend; anything else is a bug, so its stack is shown. */
function explain(error: unknown): number {
  if (!(error instanceof Fault)) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return exitCode.failed;
  }
  process.stderr.write(`${describeError(error)}\n${error.remedy}\n`);
  return error.code === 'CONFIG_INVALID' ? exitCode.config : exitCode.failed;
}
