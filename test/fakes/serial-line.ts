import type { LineEvents, OpenLine, SerialLine } from '../../hardware/scanner/serial-line.ts';

/** A serial port that exists only in memory. */
export class FakeSerialPort {
  /** Set to make opening fail with this message. */
  openError: string | null = null;
  /** Set to make opening wait, until the test calls {@link FakeSerialPort.letOpen}. */
  hangs = false;
  /** Whether the path still leads to the device. */
  there = true;
  paused = false;
  /** How often somebody tried to open it. */
  attempts = 0;
  /** Lines that are open now. */
  open = 0;
  #events: LineEvents | null = null;
  #letOpen = () => {};

  readonly openLine: OpenLine = async (_path, _baudRate, events) => {
    this.attempts++;
    if (this.hangs) {
      await new Promise<void>((resolve) => {
        this.#letOpen = resolve;
      });
    }
    if (this.openError !== null) throw new Error(this.openError);
    this.open++;
    this.#events = events;
    return this.#line();
  };

  letOpen(): void {
    this.#letOpen();
  }

  /** Bytes from the device. A paused port is given them all the same: what holds them back is not here. */
  send(bytes: string | Uint8Array): void {
    this.#events?.bytes(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes);
  }

  /** The device is pulled out and the driver says so. */
  breakLine(): void {
    const events = this.#events;
    this.#events = null;
    events?.closed(new Error('bad file descriptor'));
  }

  #line(): SerialLine {
    let open = true;
    return {
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
      },
      isThere: async () => this.there,
      close: async () => {
        if (open) this.open--;
        open = false;
      },
    };
  }
}
