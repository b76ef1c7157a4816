/** Counts what is under way, so that a stop can wait for it. */
export class UnderWay {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  /** One more is under way. */
  begin(): void {
    this.#count += 1;
  }

  /** One is done and has been answered. */
  end(): void {
    this.#count -= 1;
    // Later: an answer that was written just now is still on its way to the socket.
    if (this.#count === 0) setImmediate(() => this.#release());
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
