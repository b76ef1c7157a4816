import { EventEmitter } from 'node:events';
import firmataIo from 'firmata-io';
import { SerialPort } from 'serialport';
import { Fault } from '../../shared/fault.ts';
import type { Clock, Timer } from '../../shared/ports.ts';
import { within } from '../../shared/time.ts';
import { type OutputName, outputNames } from '../indicator/signals.ts';
import type { FirmataPins } from './board-setting.ts';

/** What StandardFirmata speaks at. */
const baudRate = 57_600;

/** Bytes; small, because what comes back from an Arduino is a few bytes at a time (firmata.js, `serialport` defaults). */
const highWaterMark = 256;

/** An Arduino that does not start when its port is opened is asked for its version after this long: past its boot loader. */
const askVersionMs = 3000;

/** A working board is asked at this interval whether it still works, in milliseconds. */
const askAliveMs = 5000;

/** More unfinished writes than this, and nothing reads at the other end: a scan makes about eight, of 3 bytes each. */
const pendingWritesMax = 256;

/** Closing a port that is gone takes at most this long, in milliseconds; then it is let go. */
const closeMs = 1000;

export interface SessionOptions {
  readonly path: string;
  readonly pins: FirmataPins;
  readonly clock: Clock;
  /** The board answers within this many milliseconds, at the start and whenever it is asked. */
  readonly boardTimeoutMs: number;
  /** What the outputs are to be, read whenever the firmware starts. */
  isOn(output: OutputName): boolean;
}

/**
 * What Firmata sees of the serial port. Bytes come to it through `emit`, so that its caller can catch what it throws:
 * it trusts the far side, and noise that names a pin which is not there ends in a TypeError.
 */
class Wire extends EventEmitter {
  readonly #port: SerialPort;

  constructor(port: SerialPort) {
    super();
    this.#port = port;
  }

  write(bytes: Buffer, callback: () => void): void {
    this.#port.write(bytes, callback);
  }
}

/**
 * One connection to one Arduino: a SerialPort and a Firmata object of its own, given up together. Open it once, put
 * outputs, dispose it; after a loss make a new one.
 */
export class FirmataSession implements AsyncDisposable {
  /** Settles, with why, when the board is lost or cannot be opened. Never rejects. */
  readonly ended: Promise<Fault>;
  readonly #options: SessionOptions;
  readonly #port: SerialPort;
  readonly #firmata: InstanceType<typeof firmataIo.Firmata>;
  readonly #end: (fault: Fault) => void;
  #opened: Promise<Error | null> | null = null;
  #ready = false;
  #timer: Timer | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<Fault>();
    this.ended = promise;
    this.#end = resolve;
    this.#port = new SerialPort({ path: options.path, baudRate, highWaterMark, autoOpen: false });
    const wire = new Wire(this.#port);
    this.#firmata = new firmataIo.Firmata(wire, {
      reportVersionTimeout: Math.min(askVersionMs, options.boardTimeoutMs / 2),
    });
    this.#port.on('data', (bytes: Buffer) => {
      try {
        wire.emit('data', bytes);
      } catch (error) {
        this.#fail('It sends what is not Firmata.', error);
      }
    });
    this.#port.on('error', (error) => this.#fail('Its port failed.', error));
    this.#port.on('close', (error: Error | null) => this.#fail('It was unplugged.', error));
  }

  /** How many writes the serial port has not finished. */
  get pending(): number {
    return this.#firmata.pending;
  }

  /** Opens the port and waits for the firmware, then puts all outputs out. When it returns false, `ended` says why. */
  async open(): Promise<boolean> {
    const ready = new Promise<true>((resolve) => this.#firmata.once('ready', () => resolve(true)));
    this.#opened = new Promise((resolve) => this.#port.open(resolve));
    const error = await this.#opened;
    if (error !== null) return this.#fail('Its port cannot be opened.', error);
    const { clock, boardTimeoutMs } = this.#options;
    const answer = await within(clock, boardTimeoutMs, Promise.race([ready, this.ended]));
    if (!answer.inTime) return this.#fail('It does not speak Firmata; is StandardFirmata on it?');
    if (answer.value !== true) return false;
    const missing = outputNames.find((output) => !this.#isOutput(this.#options.pins[output]));
    if (missing !== undefined) return this.#fail(`It has no output pin ${this.#options.pins[missing]} for ${missing}.`);
    this.#start();
    return true;
  }

  /** Writes one output; does nothing before the board is ready and after it is lost. */
  put(output: OutputName, on: boolean): void {
    if (!this.#ready) return;
    this.#firmata.digitalWrite(this.#options.pins[output], on ? 1 : 0);
    if (this.pending > pendingWritesMax) this.#fail('It does not take what is written to it.');
  }

  /** Waits, within a limit, until what was written is on the wire. */
  async drain(): Promise<void> {
    if (!this.#ready) return;
    const drained = new Promise<void>((resolve) => this.#port.drain(() => resolve()));
    await within(this.#options.clock, closeMs, drained);
  }

  /** Closes the port and takes everything off it that hangs there. Twice is harmless. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #isOutput(pin: number): boolean {
    return this.#firmata.pins[pin]?.supportedModes.includes(this.#firmata.MODES.OUTPUT) ?? false;
  }

  #start(): void {
    this.#ready = true;
    this.#putAll();
    // An Arduino that starts anew (a brown-out when a relay pulls, its reset button) has forgotten its pins and says its version.
    this.#firmata.on('reportversion', () => this.#putAll());
    this.#askLater();
  }

  #putAll(): void {
    if (!this.#ready) return;
    for (const output of outputNames) this.#firmata.pinMode(this.#options.pins[output], this.#firmata.MODES.OUTPUT);
    for (const output of outputNames) this.put(output, this.#options.isOn(output));
  }

  /** A serial line says nothing of a board that hangs: writes just go nowhere. So it is asked, for something harmless. */
  #askLater(): void {
    const { clock, boardTimeoutMs } = this.#options;
    this.#timer = clock.after(askAliveMs, () => {
      this.#timer = clock.after(boardTimeoutMs, () => this.#fail('It no longer answers.'));
      this.#firmata.queryFirmware(() => {
        this.#timer?.[Symbol.dispose]();
        if (this.#ready) this.#askLater();
      });
    });
  }

  #fail(detail: string, cause: unknown = null): false {
    this.#ready = false;
    this.#timer?.[Symbol.dispose]();
    const options = cause === null ? undefined : { cause };
    this.#end(new Fault('BOARD_LOST', `The Arduino at ${this.#options.path}: ${detail}`, options));
    return false;
  }

  async #close(): Promise<void> {
    this.#fail('It is being closed.');
    await this.#opened;
    clearTimeout(this.#firmata.reportVersionTimeoutId);
    this.#firmata.removeAllListeners();
    this.#port.removeAllListeners();
    // A port that is being torn down may still complain, and an error nobody listens to would end the process.
    this.#port.on('error', () => {});
    if (!this.#port.isOpen) return;
    const closed = new Promise<void>((resolve) => this.#port.close(() => resolve()));
    await within(this.#options.clock, closeMs, closed);
  }
}
