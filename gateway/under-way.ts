/** Counts what is under way, so that a stop can wait for it. */
export class UnderWay {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  /** Counts a promise until it is settled and whoever waits for it has acted. */
  async track(promise: Promise<void>): Promise<void> {
    this.#count += 1;
    try {
      await promise;
    } finally {
      this.#count -= 1;
      // After the microtasks: the one who waits for this promise still has a PUBACK to write.
      if (this.#count === 0) setImmediate(() => this.#release());
    }
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
