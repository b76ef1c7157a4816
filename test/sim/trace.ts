/** What happened in a world, one line an event, and one hash over all of it. */
import { createHash } from 'node:crypto';

/** The last lines that are kept for a person to look at. */
const tailLinesMax = 400;

export class Trace {
  readonly #hash = createHash('sha256');
  readonly #now: () => number;
  readonly #scrub: (line: string) => string;
  readonly #keepAll: boolean;
  readonly #kept: string[] = [];
  #count = 0;

  /** @param keepAll keeps every line, not the tail alone. @param scrub takes out what differs from run to run: paths. */
  constructor(now: () => number, options: { readonly keepAll: boolean; readonly scrub: (line: string) => string }) {
    this.#now = now;
    this.#keepAll = options.keepAll;
    this.#scrub = options.scrub;
  }

  add(actor: string, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const details = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
    const line = this.#scrub(`${this.#now().toFixed(3)} ${actor} ${event}${details}`);
    this.#hash.update(line).update('\n');
    this.#count++;
    this.#kept.push(line);
    if (!this.#keepAll && this.#kept.length > 2 * tailLinesMax) this.#kept.splice(0, tailLinesMax);
  }

  /** The newest lines, or all of them. */
  get lines(): readonly string[] {
    return this.#keepAll ? this.#kept : this.#kept.slice(-tailLinesMax);
  }

  get count(): number {
    return this.#count;
  }

  /** SHA-256 over every line so far, in hexadecimal. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
