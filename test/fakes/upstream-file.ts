import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const chunkBytes = 1024 * 1024;

/** Follows a `file:` upstream while it grows: which entries it holds, and how often each. */
export class UpstreamFile {
  /** How often each id stands in whole lines. */
  readonly copies = new Map<string, number>();
  readonly #path: string;
  readonly #decoder = new StringDecoder('utf8');
  #offset = 0;
  #line = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads what has come since, and says whether all of these are there now. */
  holds(ids: Iterable<string>): boolean {
    if (!existsSync(this.#path)) return false;
    this.#readOn();
    return this.missing(ids).length === 0;
  }

  /** Those of these that were not there at the last look. */
  missing(ids: Iterable<string>): string[] {
    return [...ids].filter((id) => !this.copies.has(id));
  }

  #readOn(): void {
    const descriptor = openSync(this.#path, 'r');
    const chunk = Buffer.alloc(chunkBytes);
    try {
      for (;;) {
        const bytes = readSync(descriptor, chunk, 0, chunk.byteLength, this.#offset);
        if (bytes === 0) return;
        this.#offset += bytes;
        this.#take(this.#decoder.write(chunk.subarray(0, bytes)));
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #take(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      const { id } = JSON.parse(line) as { id: string };
      this.copies.set(id, (this.copies.get(id) ?? 0) + 1);
    }
  }
}
