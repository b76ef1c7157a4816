import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import type { Chance, Clock, Log, Timer } from '../../shared/ports.ts';
import { type RetryPlan, retryDelaysMs } from '../../shared/retry.ts';
import { type OutputName, outputNames } from '../indicator/signals.ts';
import { BoardIo } from './board-io.ts';

/** Where Linux keeps its LEDs (Documentation/ABI/testing/sysfs-class-led). */
export const ledsRootDefault = '/sys/class/leds';

/** A LED folder can come back at any time (an overlay is loaded, a udev rule gives the right to write). */
const retryPlan: RetryPlan = { firstMs: 500, factor: 2, maxMs: 5000, jitter: 0 };

export interface GpioLedsOptions {
  /** The folder that holds `ravao-red`, `ravao-yellow`, `ravao-green` and `ravao-buzzer`. */
  readonly root: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

/** The label of an output: the `label=` of its `gpio-led` overlay, and the name of its folder. */
export function ledLabel(output: OutputName): string {
  return `ravao-${output}`;
}

/** LEDs (and a buzzer that passes for one) that the kernel drives: a folder each, with a file `brightness`. */
export class GpioLeds extends BoardIo {
  readonly #options: GpioLedsOptions;
  /** What is written to `brightness` for "on": the LED's `max_brightness`. */
  readonly #onValues = new Map<OutputName, string>();
  #delaysMs: Generator<number, never>;
  #retry: Timer | null = null;

  constructor(options: GpioLedsOptions) {
    super(`gpio-leds:${options.root}`, options.log);
    this.#options = options;
    this.#delaysMs = retryDelaysMs(retryPlan, options.chance);
    this.#restore();
  }

  /** Synchronous: a write to sysfs takes microseconds, and `heard` must be lit before anything else happens. */
  protected put(output: OutputName, on: boolean): void {
    if (this.health === 'lost') return;
    try {
      this.#write(output, on);
    } catch (error) {
      this.#fail(error);
    }
  }

  protected async close(): Promise<void> {
    this.#retry?.[Symbol.dispose]();
  }

  #restore(): void {
    try {
      for (const output of outputNames) this.#take(output);
      for (const output of outputNames) this.#write(output, this.isOn(output));
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#delaysMs = retryDelaysMs(retryPlan, this.#options.chance);
    this.found();
  }

  /** Takes a LED from whatever the kernel would blink with it, and learns how bright it goes. */
  #take(output: OutputName): void {
    const trigger = this.#file(output, 'trigger');
    if (existsSync(trigger)) overwrite(trigger, 'none');
    const maxBrightness = this.#file(output, 'max_brightness');
    this.#onValues.set(output, existsSync(maxBrightness) ? readFileSync(maxBrightness, 'utf8').trim() : '1');
  }

  #write(output: OutputName, on: boolean): void {
    overwrite(this.#file(output, 'brightness'), on ? (this.#onValues.get(output) ?? '1') : '0');
  }

  #file(output: OutputName, name: string): string {
    return join(this.#options.root, ledLabel(output), name);
  }

  #fail(error: unknown): void {
    this.lost(new Fault('BOARD_LOST', `The LEDs under ${this.#options.root} cannot be written.`, { cause: error }));
    this.#retry?.[Symbol.dispose]();
    this.#retry = this.#options.clock.after(this.#delaysMs.next().value, () => this.#restore());
  }
}

/** Opened anew for each write, so that a LED that was unloaded and loaded again is the new one; never creates the file. */
function overwrite(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}
