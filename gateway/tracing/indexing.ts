/** Keeps the index of tracing near the newest entries, without standing in their way. */
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import { SparseLog } from '../sparse-log.ts';
import type { Store } from '../store/store.ts';

/** How long indexing rests after a piece of work while entries arrive, in milliseconds: they come first. */
const restMs = 50;

/** How long it waits after a failure. */
const retryMs = 60_000;

const logEveryMs = 60 * 60 * 1000;

/**
 * Indexes what is stored, until disposed: after each append that leaves enough of it, and at the start what an earlier program
 * left. It works in pieces of some milliseconds, at full speed while nothing arrives and one every {@link restMs} while
 * something does. What fails is logged and tried again.
 */
export function keepIndexed(options: {
  readonly store: Pick<Store, 'indexSome' | 'onAppended'>;
  readonly clock: Clock;
  readonly log: Log;
}): AsyncDisposable {
  const { store, clock, log } = options;
  const sparse = new SparseLog(clock, log, logEveryMs);
  const stop = new AbortController();
  let arrived = false;
  let running: Promise<void> | null = null;

  const work = async () => {
    for (let more = true; more && !stop.signal.aborted; ) {
      try {
        more = await store.indexSome();
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        sparse.write('error', 'tracing.not-indexed', '', { error: describeError(error) });
        await sleep(clock, retryMs, stop.signal);
        continue;
      }
      if (!more) return;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (!arrived) continue;
      arrived = false; // what arrives during the rest calls for another after the next piece
      await sleep(clock, restMs, stop.signal);
    }
  };
  const start = () => {
    arrived = true;
    running ??= work().finally(() => {
      running = null;
    });
  };
  const subscription = store.onAppended(start);
  start();
  return {
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      stop.abort();
      await running;
    },
  };
}
