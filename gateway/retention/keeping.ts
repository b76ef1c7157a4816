/** What a serving gateway does by itself about what it has kept long enough. */
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { sleep, within } from '../../shared/time.ts';
import type { Keeping } from './purging.ts';

/** After a start the clock may still have to be set, and the kiosks come first, in milliseconds. */
export const firstPurgeAfterMs = 5 * 60_000;

/** A stop waits at most this long for a purge under way, in milliseconds; the next one does the rest. */
const stopTimeoutMs = 2000;

const dayMs = 86_400_000;

/** How often it is noted what the upstreams have taken, in milliseconds: days are counted that well. */
export const noteEveryMs = 60 * 60_000;

/** Keeps at it until it is disposed. Nothing that goes wrong ends it: it is tried again. */
export function keepRetention(keeping: Keeping, parts: { readonly clock: Clock; readonly log: Log }): AsyncDisposable {
  const stop = new AbortController();
  const running = run(keeping, parts, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      const stopped = await within(parts.clock, stopTimeoutMs, running);
      if (!stopped.inTime) parts.log.info('retention.cut-short');
    },
  };
}

async function run(
  keeping: Keeping,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  let purgedMs = Number.NEGATIVE_INFINITY;
  await sleep(clock, firstPurgeAfterMs, signal);
  while (!signal.aborted) {
    const isDue = clock.monotonicMs() - purgedMs >= dayMs;
    if (isDue && (await attempt(log, () => purge(keeping, clock, log, signal)))) purgedMs = clock.monotonicMs();
    else await attempt(log, () => note(keeping, clock));
    await sleep(clock, noteEveryMs, signal);
  }
  await attempt(log, () => note(keeping, clock));
}

async function note(keeping: Keeping, clock: Clock): Promise<void> {
  // Loaded when it is needed: serving has no need of it.
  const { openSqliteRemover } = await import('../store/sqlite-remover.ts');
  const { purgeOrder } = await import('./purging.ts');
  await using remover = await openSqliteRemover({ dir: keeping.dataDir, clock, isServing: true });
  const nowMs = clock.nowMs();
  await remover.noteTaken(purgeOrder(keeping, nowMs).upstreams, nowMs);
}

async function purge(keeping: Keeping, clock: Clock, log: Log, signal: AbortSignal): Promise<void> {
  const { purgeAll } = await import('./purging.ts');
  const { problems, holdingBack, beforeMs, ...counts } = await purgeAll(keeping, { clock, signal, isServing: true });
  log.info('retention.purged', { before: new Date(beforeMs).toISOString(), ...counts });
  for (const problem of problems) log.warn('retention.left', { problem });
  for (const { upstream, holding } of holdingBack) log.warn('retention.held-back', { upstream, entries: holding });
}

async function attempt(log: Log, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    log.error('retention.failed', { error: describeError(error) });
    return false;
  }
}
