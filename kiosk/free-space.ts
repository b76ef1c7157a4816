import { statfsSync } from 'node:fs';
import type { Clock } from '../shared/ports.ts';

/** Bytes that an ordinary user may still write to the file system that `dir` is on; 0 where it cannot even be asked. */
export function freeBytesOf(dir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** The free disk, asked for now and then: statfs on every scan would be for nothing. */
export class FreeSpace {
  readonly #ask: () => number;
  readonly #clock: Clock;
  readonly #everyMs: number;
  #bytes = 0;
  #askedMs: number | null = null;

  /** @param everyMs `ask` is called at most once in this many milliseconds. */
  constructor(ask: () => number, clock: Clock, everyMs: number) {
    this.#ask = ask;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Free bytes, at most `everyMs` old. */
  bytes(): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#askedMs === null || nowMs - this.#askedMs >= this.#everyMs) {
      this.#bytes = this.#ask();
      this.#askedMs = nowMs;
    }
    return this.#bytes;
  }
}
