/** When each kiosk was here last, for whoever asks which there are: a file beside the store, written now and then. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';

/** The file in the gateway's data directory. */
const fileName = 'seen.json';

/** The file is written at most this often, in milliseconds: it is not worth a disk's life. */
export const writeEveryMs = 60_000;

/** Beyond so many kiosks no more are remembered. */
const kiosksMax = 10_000;

const seenSchema = z.record(kioskIdSchema, z.iso.datetime());

/** What the serving gateway wrote last; nothing where it wrote nothing that can be read. */
export async function readLastSeen(dataDir: string): Promise<ReadonlyMap<string, string>> {
  try {
    const parsed = seenSchema.safeParse(JSON.parse(await readFile(join(dataDir, fileName), 'utf8')));
    return new Map(Object.entries(parsed.data ?? {}));
  } catch {
    return new Map();
  }
}

/** Remembers who was here. A disk that fails costs the answer to a question, so it is only logged. */
export class LastSeen implements AsyncDisposable {
  readonly #dataDir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #seen: Map<string, string>;
  #writtenMs = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();

  /** @param before what was remembered at the last start. */
  constructor(dataDir: string, before: ReadonlyMap<string, string>, clock: Clock, log: Log) {
    this.#dataDir = dataDir;
    this.#seen = new Map(before);
    this.#clock = clock;
    this.#log = log;
  }

  /** A kiosk is here, or has just left. */
  note(kiosk: string): void {
    if (!this.#seen.has(kiosk) && this.#seen.size >= kiosksMax) return;
    const isNew = !this.#seen.has(kiosk);
    this.#seen.set(kiosk, new Date(this.#clock.nowMs()).toISOString());
    const nowMs = this.#clock.monotonicMs();
    if (!isNew && nowMs - this.#writtenMs < writeEveryMs) return;
    this.#writtenMs = nowMs;
    this.#write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#seen.size > 0) this.#write();
    await this.#writing;
  }

  #write(): void {
    const content = `${JSON.stringify(Object.fromEntries(this.#seen))}\n`;
    this.#writing = this.#writing
      .then(() => replaceFile(this.#dataDir, { name: fileName, content, mode: publicFileMode }))
      .catch((error: unknown) => this.#log.warn('enrol.seen-unwritten', { error: describeError(error) }));
  }
}
