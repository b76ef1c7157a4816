import { EventEmitter } from 'node:events';
import type { Fault } from '../../shared/fault.ts';
import { describeError } from '../../shared/fault.ts';
import type { Log } from '../../shared/ports.ts';
import type { Signal } from '../../shared/signal.ts';
import { type OutputName, outputNames } from '../indicator/signals.ts';

const modes = Object.freeze({ INPUT: 0, OUTPUT: 1, ANALOG: 2, PWM: 3, SERVO: 4 });

/** A pin in the form johnny-five reads. 127: not an analog pin. */
interface Pin {
  readonly supportedModes: readonly number[];
  mode: number;
  value: number;
  report: 0 | 1;
  readonly analogChannel: 127;
}

/**
 * What the three boards share: an IO plugin for johnny-five (https://github.com/rwaldron/io-plugins) with one pin for
 * each of `outputNames`, in that order.
 *
 * johnny-five never frees its Board and Led objects, so they are made once, and a device that goes and comes back is
 * hidden here: the plugin is ready from the start, writes are remembered while the device is lost, and a subclass puts
 * the remembered values out when it is back. Nothing here throws for what a device does.
 */
export abstract class BoardIo extends EventEmitter implements AsyncDisposable {
  readonly name: string;
  readonly isReady = true;
  readonly MODES = modes;
  readonly SERIAL_PORT_IDs = Object.freeze({ DEFAULT: 0x08 });
  readonly HIGH = 1;
  readonly LOW = 0;
  readonly analogPins: readonly number[] = [];
  readonly pins: readonly Pin[] = outputNames.map(() => ({
    supportedModes: [modes.INPUT, modes.OUTPUT],
    mode: modes.OUTPUT,
    value: 0,
    report: 0,
    analogChannel: 127,
  }));
  readonly #log: Log;
  #health: 'unknown' | 'working' | 'lost' = 'unknown';
  #disposed: Promise<void> | null = null;

  /** @param name what the board is called in logs; never `Firmata`, to which johnny-five gives pin numbers of its own. */
  constructor(name: string, log: Log) {
    super();
    this.name = name;
    this.#log = log;
  }

  /** Whether the device answers. `lost` also before it has answered for the first time. */
  get health(): 'working' | 'lost' {
    return this.#health === 'working' ? 'working' : 'lost';
  }

  /** Called by johnny-five. Every pin is an output and stays one. */
  pinMode(pin: number, mode: number): void {
    const record = this.pins[pin];
    if (record !== undefined) record.mode = mode;
  }

  /** Called by johnny-five. Remembers the value and puts it out where the device is there. */
  digitalWrite(pin: number, value: number): void {
    const record = this.pins[pin];
    const output = outputNames[pin];
    if (record === undefined || output === undefined || this.#disposed !== null) return;
    record.value = value === 0 ? 0 : 1;
    this.put(output, record.value === 1);
  }

  /** Called by johnny-five: what it writes to a pin is a number already. */
  normalize(pin: number): number {
    return pin;
  }

  /**
   * Tells the board which signal its outputs mean from now on, and what was said with the newest moment: it stands until
   * the next moment begins, for a guard reads slower than a light goes out. Only a board with letters cares.
   */
  announce(_signal: Signal | null, _note: string | null): void {}

  /** Whether an output is meant to be on. */
  isOn(output: OutputName): boolean {
    return this.pins[outputNames.indexOf(output)]?.value === 1;
  }

  /** Turns all off, so far as the device listens, and closes it. Twice is harmless; writes after it are ignored. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  /** Puts one output out, synchronously if the device can. Does nothing while the device is lost. Never throws. */
  protected abstract put(output: OutputName, on: boolean): void;

  /** Ends all work on the device; called once, with all outputs off. */
  protected abstract close(): Promise<void>;

  /** To be called when the device answers (again). */
  protected found(): void {
    if (this.#health === 'working') return;
    this.#health = 'working';
    this.#log.info('board.found', { board: this.name });
  }

  /** To be called at every failure; only the first of a loss is logged. */
  protected lost(fault: Fault): void {
    if (this.#health === 'lost') return;
    this.#health = 'lost';
    this.#log.warn('board.lost', { board: this.name, fault: fault.code, error: describeError(fault) });
  }

  async #dispose(): Promise<void> {
    for (const pin of this.pins.keys()) this.digitalWrite(pin, this.LOW);
    await this.close();
  }
}
