/** A kiosk's scanner: the real serial scanner with its framer, on a port that is not there. */
import { createSerialScanner } from '../../hardware/scanner/serial-scanner.ts';
import type { Reading, Scanner } from '../../shared/ports.ts';
import type { Signal } from '../../shared/signal.ts';
import { FakeSerialPort } from '../fakes/serial-line.ts';
import type { Lights } from './lights.ts';
import type { SimProcess } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

/** What a scan is answered with: exactly one of them, once. */
const answers: readonly Signal[] = ['admitted', 'repeat', 'refused'];

export class SimScanner {
  readonly #kiosk: string;
  readonly #world: Surroundings;
  /** Another one for each process, as a process's hold on it ends with it. */
  #port = new FakeSerialPort();
  #process: SimProcess | null = null;
  #isPlugged = true;
  /** What the kiosk has in hand. */
  reading: Reading | null = null;
  /** Whether the kiosk believes that it has a scanner. */
  isFound = false;

  constructor(kiosk: string, world: Surroundings) {
    this.#kiosk = kiosk;
    this.#world = world;
  }

  /** The scanner of a process that begins. What it reads must be answered by the lights before the next reading. */
  openFor(process: SimProcess, lights: Lights): Scanner {
    this.#process = process;
    this.#port = new FakeSerialPort();
    this.isFound = false;
    this.reading = null;
    this.#setPort();
    const scanner = createSerialScanner({
      ...{ name: 'serial', baudRate: 9600, clock: process.clock, chance: this.#world.chance },
      log: this.#world.logOf(this.#kiosk),
      find: async () => (this.#isPlugged ? '/dev/scanner' : null),
      openLine: this.#port.openLine,
    });
    return { name: scanner.name, readings: (signal) => this.#watch(process, lights, scanner.readings(signal)) };
  }

  /** Bytes arrive on the line. */
  send(bytes: string | Uint8Array): void {
    const port = this.#port;
    if (this.#process?.alive === true) this.#world.timeline.after(0, this.#process, () => port.send(bytes));
  }

  /** Pulls the plug, or puts it back. @param says whether the driver notices by itself. */
  plug(isPlugged: boolean, says: boolean): void {
    this.#isPlugged = isPlugged;
    this.#setPort();
    const port = this.#port;
    if (!isPlugged && says && this.#process?.alive === true) {
      this.#world.timeline.after(0, this.#process, () => port.breakLine());
    }
  }

  #setPort(): void {
    this.#port.there = this.#isPlugged;
    this.#port.openError = this.#isPlugged ? null : 'No such file or directory';
  }

  async *#watch(process: SimProcess, lights: Lights, readings: AsyncIterable<Reading>): AsyncGenerator<Reading> {
    for await (const reading of readings) {
      this.reading = reading;
      if (reading.type === 'found' || reading.type === 'lost') this.isFound = reading.type === 'found';
      const isScan = reading.type === 'frame' || reading.type === 'discarded';
      const before = lights.counts(answers);
      this.#world.trace.add(this.#kiosk, `read.${reading.type}`);
      yield reading;
      if (!process.alive) return;
      const answered = lights.counts(answers) - before;
      if (isScan && answered !== 1) this.#world.fail(`${this.#kiosk} answered a scan ${answered} times`);
      this.reading = null;
    }
  }
}
