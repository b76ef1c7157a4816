import type { Chance, Clock, Log } from '../../shared/ports.ts';
import { type RetryPlan, retryDelaysMs } from '../../shared/retry.ts';
import { sleep } from '../../shared/time.ts';
import type { OutputName } from '../indicator/signals.ts';
import { BoardIo } from './board-io.ts';
import type { FirmataPins } from './board-setting.ts';
import { FirmataSession } from './firmata-session.ts';

/** How long an Arduino may take to answer: its boot loader and its start take about two seconds. */
const boardTimeoutMsDefault = 10_000;

/** A person who plugs the cable in again waits for the lights. */
const retryPlan: RetryPlan = { firstMs: 500, factor: 2, maxMs: 5000, jitter: 0 };

export interface FirmataBoardOptions {
  /** The serial port: `/dev/ttyUSB0`, or better a name under `/dev/serial/by-id`. */
  readonly path: string;
  readonly pins: FirmataPins;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly boardTimeoutMs?: number;
}

/** An Arduino with StandardFirmata on a serial port, whichever connection it is on. */
export class FirmataBoard extends BoardIo {
  readonly #options: FirmataBoardOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #session: FirmataSession | null = null;

  constructor(options: FirmataBoardOptions) {
    super(`firmata:${options.path}`, options.log);
    this.#options = options;
    this.#running = this.#run();
  }

  /** Writes that the serial port has not finished; bounded, and 0 while the board is lost. */
  get pending(): number {
    return this.#session?.pending ?? 0;
  }

  protected put(output: OutputName, on: boolean): void {
    this.#session?.put(output, on);
  }

  protected async close(): Promise<void> {
    await this.#session?.drain();
    this.#stop.abort();
    await this.#running;
  }

  /** Connection after connection until disposed. */
  async #run(): Promise<void> {
    const { chance, clock } = this.#options;
    const { signal } = this.#stop;
    let delaysMs = retryDelaysMs(retryPlan, chance);
    while (!signal.aborted) {
      const worked = await this.#connect(signal);
      if (worked) delaysMs = retryDelaysMs(retryPlan, chance);
      if (!signal.aborted) await sleep(clock, delaysMs.next().value, signal);
    }
  }

  /** One connection, to its end. Returns whether it worked at all. */
  async #connect(signal: AbortSignal): Promise<boolean> {
    const { path, pins, clock, boardTimeoutMs = boardTimeoutMsDefault } = this.#options;
    const session = new FirmataSession({ path, pins, clock, boardTimeoutMs, isOn: (output) => this.isOn(output) });
    const abandon = () => void session[Symbol.asyncDispose]();
    signal.addEventListener('abort', abandon, { once: true });
    this.#session = session;
    const worked = await session.open();
    if (worked) this.found();
    const fault = await session.ended;
    this.#session = null;
    signal.removeEventListener('abort', abandon);
    await session[Symbol.asyncDispose]();
    if (!signal.aborted) this.lost(fault);
    return worked;
  }
}
