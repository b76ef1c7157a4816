import type { Indicator } from '../../shared/ports.ts';
import type { Signal } from '../../shared/signal.ts';

/** Lights that remember what they were told. */
export class RecordingIndicator implements Indicator {
  readonly board = 'working' as const;
  readonly shown: Signal[] = [];
  /** What was said with each of them, null where nothing was. */
  readonly notes: (string | null)[] = [];
  readonly #onShow: (signal: Signal) => void;

  constructor(onShow: (signal: Signal) => void = () => {}) {
    this.#onShow = onShow;
  }

  show(signal: Signal, note?: string): void {
    this.shown.push(signal);
    this.notes.push(note ?? null);
    this.#onShow(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
