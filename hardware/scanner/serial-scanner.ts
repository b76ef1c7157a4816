/** A scanner on a serial port, or on USB in serial (USB-COM) mode, that may be unplugged and come back at any time. */
import { describeError, Fault } from '../../shared/fault.ts';
import type { Chance, Clock, Log, Reading, Scanner } from '../../shared/ports.ts';
import { type RetryPlan, retryDelaysMs } from '../../shared/retry.ts';
import { sleep, within } from '../../shared/time.ts';
import { Arrivals } from './arrivals.ts';
import { type OpenLine, openSerialLine, type SerialLine } from './serial-line.ts';

export interface SerialScannerOptions {
  /** For logs and the kiosk's state. */
  readonly name: string;
  /** The path to open, or null where there is none now. Asked again before each opening: a device may come back elsewhere. */
  readonly find: () => Promise<string | null>;
  /** Bits per second; without meaning for USB-COM. */
  readonly baudRate: number;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** How a port is opened; tests stand in for it. */
  readonly openLine?: OpenLine;
}

/** Finding and opening together may take this long. */
export const openMsMax = 5000;

/** How often it is checked that the device is still there: some drivers never say that it was unplugged (node-serialport#2043, #2351). */
export const watchMs = 2000;

/** Delays between attempts to open. Someone stands at the gate with the plug in hand, so they stay short. */
const reopenPlan: RetryPlan = { firstMs: 250, factor: 2, maxMs: 3000, jitter: 0.2 };

/** A line that broke sooner after opening does not count as a success: the delays go on growing. */
const steadyMs = 10_000;

/**
 * Makes a serial scanner. Its readings begin with `found` or `lost` and have one `lost` a loss and one `found` a return
 * between the frames. The port is opened exclusively: the second kiosk on it gets a SCANNER_OPEN_FAILED. What was
 * framed before a loss is still delivered, a frame cut off by it is noise. An abort closes the port.
 */
export function createSerialScanner(options: SerialScannerOptions): Scanner {
  return { name: options.name, readings: (signal) => readSerial(options, signal) };
}

interface Opened {
  readonly path: string;
  readonly line: SerialLine;
  readonly arrivals: Arrivals;
}

async function* readSerial(options: SerialScannerOptions, signal: AbortSignal): AsyncGenerator<Reading> {
  const { clock, chance, log } = options;
  let delays = retryDelaysMs(reopenPlan, chance);
  let lostBecause: Fault | null = null;
  await using opener = new Opener(options);
  while (!signal.aborted) {
    const opened = await opener.open(signal);
    if (signal.aborted) return;
    if (opened instanceof Fault) {
      if (lostBecause === null) yield { type: 'lost', fault: opened };
      else if (lostBecause.code !== opened.code) log.warn('scanner.still-lost', { error: describeError(opened) });
      lostBecause = opened;
    } else {
      const openedMs = clock.monotonicMs();
      lostBecause = yield* readLine(opened, clock, signal);
      if (signal.aborted) return;
      yield { type: 'lost', fault: lostBecause };
      if (clock.monotonicMs() - openedMs >= steadyMs) delays = retryDelaysMs(reopenPlan, chance);
    }
    await sleep(clock, delays.next().value, signal);
  }
}

/** Everything from one opened line until it breaks, `found` first. Closes it. */
async function* readLine(opened: Opened, clock: Clock, signal: AbortSignal): AsyncGenerator<Reading, Fault> {
  const { path, line, arrivals } = opened;
  const left = new AbortController();
  const stop = () => arrivals.closed(new Error('told to stop'));
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const watching = watch(opened, clock, left.signal);
  try {
    yield { type: 'found', device: path };
    for (let framed = await arrivals.next(); framed !== null; framed = await arrivals.next()) {
      if (signal.aborted) break;
      yield framed;
    }
    return new Fault('SCANNER_LOST', path, { cause: arrivals.broken });
  } finally {
    left.abort();
    signal.removeEventListener('abort', stop);
    stop();
    await watching;
    await line.close();
  }
}

/** Ends the arrivals when the device is gone and the driver does not say so. */
async function watch({ line, arrivals }: Opened, clock: Clock, left: AbortSignal): Promise<void> {
  while (!left.aborted) {
    await sleep(clock, watchMs, left);
    if (left.aborted) return;
    if (!(await line.isThere())) return arrivals.closed(new Error('the device is gone'));
  }
}

/** Opens ports one at a time, each attempt within its time, and leaves none behind. */
class Opener implements AsyncDisposable {
  readonly #options: SerialScannerOptions;
  /** An attempt that did not end in time. No second one is made beside it: each holds a thread of the process while it hangs. */
  #attempt: Promise<Opened | Fault> | null = null;

  constructor(options: SerialScannerOptions) {
    this.#options = options;
  }

  /** An opened line, or why not. Returns soon after `signal` aborts; the result then means nothing. */
  async open(signal: AbortSignal): Promise<Opened | Fault> {
    this.#attempt ??= this.#begin();
    const ended = await within(this.#options.clock, openMsMax, untilAborted(this.#attempt, signal));
    if (!ended.inTime || ended.value === null || signal.aborted) {
      return new Fault('SCANNER_OPEN_FAILED', `${this.#options.name} did not open within ${openMsMax} ms.`);
    }
    this.#attempt = null;
    return ended.value;
  }

  /** Whatever an unfinished attempt still opens is closed at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    void this.#attempt?.then((opened) => (opened instanceof Fault ? undefined : opened.line.close()));
    this.#attempt = null;
  }

  async #begin(): Promise<Opened | Fault> {
    const { find, name, baudRate, clock, openLine = openSerialLine } = this.#options;
    let path: string | null = null;
    try {
      path = await find();
      if (path === null) return new Fault('SCANNER_NOT_FOUND', name);
      const arrivals = new Arrivals(clock);
      const line = await openLine(path, baudRate, arrivals);
      arrivals.attach(line);
      return { path, line, arrivals };
    } catch (error) {
      return openFault(path ?? name, error);
    }
  }
}

/** Serialport tells apart by its message only. */
function openFault(path: string, cause: unknown): Fault {
  const message = describeError(cause);
  if (/No such (?:file|device)/i.test(message)) return new Fault('SCANNER_NOT_FOUND', path, { cause });
  if (/Cannot lock port|busy/i.test(message)) {
    return new Fault('SCANNER_OPEN_FAILED', `${path} is in use by another program.`, { cause });
  }
  if (/Permission denied/i.test(message)) {
    return new Fault('SCANNER_OPEN_FAILED', `${path} may not be opened by this user.`, { cause });
  }
  return new Fault('SCANNER_OPEN_FAILED', path, { cause });
}

/** The promise's value, or null as soon as the signal aborts. The promise must not reject. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve) => {
    const stop = () => resolve(null);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    void promise.then((value) => {
      signal.removeEventListener('abort', stop);
      resolve(value);
    });
  });
}
