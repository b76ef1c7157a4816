import type { Reading, Scanner } from '../../shared/ports.ts';

/** A scanner that reads what a test gives it, and remembers how far the kiosk has come. */
export class ScriptedScanner implements Scanner {
  readonly name = 'script';
  readonly #waiting: Reading[] = [];
  #wake: () => void = () => {};
  #ended = false;
  /** Readings that the kiosk has finished with. */
  handled = 0;

  scan(text: string): void {
    this.read({ type: 'frame', text, aim: null });
  }

  read(reading: Reading): void {
    this.#waiting.push(reading);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *readings(signal: AbortSignal): AsyncIterable<Reading> {
    signal.addEventListener('abort', () => this.end(), { once: true });
    for (;;) {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        yield next;
        this.handled++;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
