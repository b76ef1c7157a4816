import Board from 'johnny-five/lib/board.js';
import Led from 'johnny-five/lib/led/led.js';
import type { Clock, Indicator, Log, Timer } from '../../shared/ports.ts';
import { isState, type Signal } from '../../shared/signal.ts';
import type { BoardIo } from '../board/board-io.ts';
import {
  allOff,
  nothingPlays,
  type OutputName,
  type Outputs,
  outputNames,
  type Playing,
  playingAt,
  playSignal,
} from './signals.ts';

export interface IndicatorOptions {
  /** The board; the indicator disposes it. */
  readonly io: BoardIo;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Lights and a buzzer through johnny-five, playing the table of `signals.ts`. Make one a process: johnny-five never
 * frees its Board and Led objects.
 */
export function createIndicator(options: IndicatorOptions): Indicator {
  return new FiveIndicator(options);
}

class FiveIndicator implements Indicator {
  readonly #io: BoardIo;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #leds: ReadonlyMap<OutputName, Led>;
  #playing: Playing = nothingPlays;
  #outputs: Outputs = allOff;
  #signal: Signal | null = null;
  /** What was said with the newest moment. */
  #note: string | null = null;
  /** The newest state; what was said under another one does not stand beside it. */
  #state: Signal | null = null;
  /** Whether what was said still stands beside the state, for whoever looks a little later. */
  #noteStands = false;
  #timer: Timer | null = null;
  #disposed: Promise<void> | null = null;

  constructor({ io, clock, log }: IndicatorOptions) {
    this.#io = io;
    this.#clock = clock;
    this.#log = log;
    // Given a plugin that is ready, johnny-five needs no waiting for its own `ready` event before a Led is made.
    const board = new Board({ io, repl: false, debug: false, sigint: false });
    this.#leds = new Map(outputNames.map((output, pin) => [output, new Led({ pin, board })]));
  }

  get board(): 'working' | 'lost' {
    return this.#io.health;
  }

  show(signal: Signal, note?: string): void {
    if (this.#disposed !== null) return;
    const noteBefore = this.#note;
    if (!isState(signal)) {
      this.#note = note ?? null;
      this.#noteStands = true;
    } else if (signal !== this.#state) {
      this.#state = signal;
      this.#noteStands = false;
    }
    if (this.#note !== noteBefore) this.#signal = null; // the same signal with other words is to be announced too
    this.#playing = playSignal(this.#playing, signal, this.#clock.monotonicMs());
    this.#play();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  /** Puts out what is due now and sets the timer for what comes next. */
  #play(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    const frame = playingAt(this.#playing, this.#clock.monotonicMs());
    this.#playing = frame.playing;
    this.#put(frame.outputs);
    if (frame.untilNextMs !== null) this.#timer = this.#clock.after(frame.untilNextMs, () => this.#play());
    if (frame.signal === this.#signal) return;
    this.#signal = frame.signal;
    const isPast = frame.signal !== null && isState(frame.signal) && !this.#noteStands;
    this.#io.announce(frame.signal, isPast ? null : this.#note);
    this.#log.debug('indicator.shown', { signal: frame.signal });
  }

  /** Off before on, so that two signals are never lit at once. */
  #put(outputs: Outputs): void {
    const changed = outputNames.filter((output) => outputs[output] !== this.#outputs[output]);
    for (const output of changed) if (!outputs[output]) this.#leds.get(output)?.off();
    for (const output of changed) if (outputs[output]) this.#leds.get(output)?.on();
    this.#outputs = outputs;
  }

  async #dispose(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#put(allOff);
    this.#io.announce(null, null);
    await this.#io[Symbol.asyncDispose]();
  }
}
