import type { Clock, Log } from '../shared/ports.ts';

/** Subjects remembered at once; beyond it all are forgotten, and so logged afresh. */
const subjectsMax = 10_000;

/**
 * A log for what a broken kiosk or disk makes happen thousands of times: of each event about each subject it writes the
 * first, and then at most one line every `everyMs`, which says in `unlogged` how many were left out since the last.
 */
export class SparseLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #everyMs: number;
  readonly #subjects = new Map<string, { lastMs: number; unlogged: number }>();

  constructor(clock: Clock, log: Log, everyMs: number) {
    this.#clock = clock;
    this.#log = log;
    this.#everyMs = everyMs;
  }

  /** Writes a line, or counts it. @param subject what is told apart within the event: a kiosk, a reason. */
  write(level: 'warn' | 'error', event: string, subject: string, fields: Record<string, unknown>): void {
    const key = `${event} ${subject}`;
    const nowMs = this.#clock.monotonicMs();
    const before = this.#subjects.get(key);
    if (before !== undefined && nowMs - before.lastMs < this.#everyMs) {
      before.unlogged++;
      return;
    }
    if (this.#subjects.size >= subjectsMax) this.#subjects.clear();
    this.#subjects.set(key, { lastMs: nowMs, unlogged: 0 });
    this.#log[level](event, { ...fields, unlogged: before?.unlogged ?? 0 });
  }
}
