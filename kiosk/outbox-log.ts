/**
 * Empties the outbox's write-ahead log when nothing is left to send. Entries that were sent and deleted stand in the log until
 * it is written over, which at a quiet gate takes days: nobody should find there who passed.
 */
import { describeError, Fault } from '../shared/fault.ts';
import type { Clock, Log, Timer } from '../shared/ports.ts';

/** What emptying a log takes. */
export interface LogParts {
  /** Empties it, durably; throws a Fault where the disk does not let it, and then all is as it was. */
  readonly empty: () => void;
  readonly clock: Clock;
  readonly log: Log;
  /** How long nothing may have been written, in milliseconds. */
  readonly afterMs: number;
}

/**
 * Waits for a pause, as emptying takes as long as some commits and a scan would have to wait for it; and the log then grows
 * anew, which makes commits slower than writing it over.
 */
export class IdleLog implements Disposable {
  readonly #parts: LogParts;
  #timer: Timer | null = null;

  constructor(parts: LogParts) {
    this.#parts = parts;
  }

  /** After each commit, and at a start. @param isEmpty whether no entry is left to be sent. */
  written(isEmpty: boolean): void {
    this[Symbol.dispose]();
    if (!isEmpty) return;
    const { clock, afterMs } = this.#parts;
    this.#timer = clock.after(afterMs, () => this.#empty());
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }

  #empty(): void {
    const { empty, log } = this.#parts;
    try {
      empty();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      log.warn('outbox.log-kept', { error: describeError(error) });
      this.written(true);
    }
  }
}
