import type { Clock } from './ports.ts';

/** Viet Nam is so far ahead of UTC all year, in milliseconds (Asia/Ho_Chi_Minh). */
export const vietnamOffsetMs = 7 * 3_600_000;

/** The day in Viet Nam at a moment (milliseconds since the Unix epoch), `yyyy-MM-dd`. */
export function vietnamDayOf(ms: number): string {
  return new Date(ms + vietnamOffsetMs).toISOString().slice(0, 10);
}

/** Waits `delayMs` milliseconds; returns at once, without an error, when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      timer[Symbol.dispose]();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** What became of a promise that was given only so much time. */
export type Timed<T> = { readonly inTime: true; readonly value: T } | { readonly inTime: false };

/** Waits for `promise` at most `limitMs` milliseconds. A rejection within that time is passed on; a later one is the caller's to have handled. */
export async function within<T>(clock: Clock, limitMs: number, promise: Promise<T>): Promise<Timed<T>> {
  let timer: Disposable | undefined;
  const late = new Promise<Timed<T>>((resolve) => {
    timer = clock.after(limitMs, () => resolve({ inTime: false }));
  });
  try {
    return await Promise.race([promise.then((value): Timed<T> => ({ inTime: true, value })), late]);
  } finally {
    timer?.[Symbol.dispose]();
  }
}
