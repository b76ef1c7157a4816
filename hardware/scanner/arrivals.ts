import type { Clock, Timer } from '../../shared/ports.ts';
import { createFramer, type Framed } from './framer.ts';
import type { LineEvents, SerialLine } from './serial-line.ts';

/** This long a silence ends a frame: scanners pause 50 to 100 ms between codes, and far less within one. */
export const idleGapMs = 80;

/**
 * A silence that is noticed this much too late says nothing, for the process was busy and could not have seen bytes
 * that lay waiting. It is awaited anew.
 */
const stallMs = 20;

/**
 * With this many readings waiting for a slow reader the line is paused; one more chunk may come on top. Nothing is
 * dropped: the operating system and then the scanner hold the rest.
 */
export const readingsQueuedMax = 64;

/**
 * What one opened line brings, framed as it arrives and kept in order until it is asked for. Framing does not wait for
 * the reader, or else a slow one would glue together what only silence keeps apart.
 */
export class Arrivals implements LineEvents {
  readonly #clock: Clock;
  readonly #framer = createFramer({ tabEnds: true });
  readonly #queue: Framed[] = [];
  #line: SerialLine | null = null;
  #paused = false;
  #silence: Timer | null = null;
  #broken: Error | null = null;
  #wake = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why the line can bring nothing more; null as long as it can. */
  get broken(): Error | null {
    return this.#broken;
  }

  /** The line to pause when too much waits. */
  attach(line: SerialLine): void {
    this.#line = line;
    this.#pauseWhenFull();
  }

  bytes(chunk: Uint8Array): void {
    if (this.#broken !== null) return;
    this.#queue.push(...this.#framer.push(chunk));
    this.#awaitSilence();
    this.#pauseWhenFull();
    this.#wake();
  }

  closed(error: Error): void {
    if (this.#broken !== null) return;
    this.#broken = error;
    this.#silence?.[Symbol.dispose]();
    this.#queue.push(...this.#framer.abandon());
    this.#wake();
  }

  /** The next reading, as soon as there is one; null once the line is broken and everything from before is read. */
  async next(): Promise<Framed | null> {
    for (;;) {
      const framed = this.#queue.shift();
      if (framed !== undefined) return framed;
      if (this.#broken !== null) return null;
      this.#resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #pauseWhenFull(): void {
    if (this.#paused || this.#line === null || this.#queue.length < readingsQueuedMax) return;
    this.#paused = true;
    this.#line.pause();
    this.#awaitSilence(); // no longer, that is
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#line?.resume();
    this.#awaitSilence();
  }

  /** Starts to wait for the end of a frame anew; not while the line is paused, for then the silence is ours. */
  #awaitSilence(): void {
    this.#silence?.[Symbol.dispose]();
    if (this.#paused) return;
    const dueMs = this.#clock.monotonicMs() + idleGapMs;
    this.#silence = this.#clock.after(idleGapMs, () => {
      if (this.#clock.monotonicMs() - dueMs > stallMs) return this.#awaitSilence();
      this.#queue.push(...this.#framer.idle());
      this.#wake();
    });
  }
}
