import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Delivery, ForwardBatch, ForwardEntry, Log, Upstream } from '../../shared/ports.ts';
import { syncFolderAsync } from '../../shared/system/durable.ts';
import { within } from '../../shared/time.ts';
import { type EntryFileProblem, findRemains, mendTail, readLastLines } from './entry-file.ts';

/** A write, with its fsync, that takes longer is reported as late; it goes on behind, and the next waits for it. In milliseconds. */
export const fileWriteTimeoutMs = 30_000;

export interface FileUpstreamParts {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Gives the turn at the file, or null where another has it; always, where nobody else works on it. */
  readonly takeTurn?: () => Disposable | null;
}

/**
 * An upstream that is a file: each entry's own bytes, one JSON object a line, fsync per batch.
 * The file is opened anew for each batch: when it was renamed, or another stick was put in, the next batch begins a new one.
 */
export function createFileUpstream(parts: FileUpstreamParts): Upstream {
  return new FileUpstream(parts);
}

class FileUpstream implements Upstream {
  readonly name: string;
  readonly #parts: FileUpstreamParts;
  #writing: Promise<Delivery> | null = null;
  /** The file that was written last, told by device and inode; null at the start and after a failure. */
  #known: string | null = null;
  /** Lines at the file's end that a delivery from before may have left there without being told so. */
  #leftovers: ReadonlySet<string> = new Set();

  constructor(parts: FileUpstreamParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  wireBytes(entry: ForwardEntry): number {
    return Buffer.byteLength(entry.body) + 1;
  }

  async send(batch: ForwardBatch, signal: AbortSignal): Promise<Delivery> {
    if (this.#writing !== null) return late('an earlier write still hangs');
    if (signal.aborted) return late('the gateway is stopping', false);
    const writing = this.#write(batch).finally(() => {
      this.#writing = null;
    });
    this.#writing = writing;
    const { promise: stopped, resolve } = Promise.withResolvers<Delivery>();
    const stop = () => resolve(late('the gateway is stopping', false));
    signal.addEventListener('abort', stop, { once: true });
    try {
      const timed = await within(this.#parts.clock, fileWriteTimeoutMs, Promise.race([writing, stopped]));
      return timed.inTime ? timed.value : late(`writing took longer than ${fileWriteTimeoutMs} ms`);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
  }

  async #write(batch: ForwardBatch): Promise<Delivery> {
    let file: FileHandle | undefined;
    try {
      using turn = this.#parts.takeTurn === undefined ? undefined : this.#parts.takeTurn();
      if (turn === null) return late('lines are being taken out of the file', false);
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND;
      file = await open(this.#parts.path, flags, 0o600);
      const problem = await this.#append(file, batch);
      return problem === null ? { type: 'taken', rejected: [] } : late(problem);
    } catch (error) {
      this.#known = null;
      return late(describeError(error));
    } finally {
      // Everything that counts was synced before; a close that fails changes nothing.
      await file?.close().catch(() => undefined);
    }
  }

  /** Returns null once the batch is on disk, or what is wrong with the file. Rejects with what the disk says. */
  async #append(file: FileHandle, batch: ForwardBatch): Promise<EntryFileProblem | null> {
    const stat = await file.stat({ bigint: true });
    if (!stat.isFile()) return 'the path is not a file';
    const tail = await mendTail(file, Number(stat.size));
    if ('problem' in tail) return tail.problem;
    if (tail.mended !== 'nothing') this.#tellMended(tail.mended, tail.bytes);
    const identity = `${stat.dev}:${stat.ino}`;
    const first = identity !== this.#known;
    const lines = batch.entries.map(lineOf);
    const size = first ? await this.#findLeftovers(file, tail.size, new Set(lines)) : tail.size;
    const fresh = lines.filter((line) => !this.#leftovers.has(line));
    await appendWhole(file, fresh, size);
    // Even when all of it was there: a line that a crash left behind was perhaps never synced.
    await file.sync();
    if (first) await syncFolderAsync(dirname(this.#parts.path));
    this.#known = identity;
    // Leftovers come first in the queue: once a batch meets none of them, none will come any more.
    if (fresh.length === batch.entries.length) this.#leftovers = new Set();
    return null;
  }

  /** Looks at what a delivery from before left, and cuts off what is broken of it. Returns how long the file is then. */
  async #findLeftovers(file: FileHandle, size: number, next: ReadonlySet<string>): Promise<number> {
    const lines = await readLastLines(file, size);
    const kept = findRemains(lines, next) ?? size;
    if (kept < size) {
      await file.truncate(kept);
      this.#tellMended('cut', size - kept);
    }
    this.#leftovers = new Set(lines.filter(({ start }) => start < kept).map(({ text }) => text));
    return kept;
  }

  #tellMended(mended: 'completed' | 'cut', bytes: number): void {
    this.#parts.log.warn('upstream.torn-line', { upstream: this.name, mended, bytes });
  }
}

/** The entry's bytes. Between its tokens a foreign client may have put line ends (JSON white space): each becomes a space. */
function lineOf(entry: ForwardEntry): string {
  return entry.body.replace(/[\r\n]/g, ' ');
}

/** Appends all lines, or, when the disk refuses, takes back the part that was written. */
async function appendWhole(file: FileHandle, lines: readonly string[], size: number): Promise<void> {
  if (lines.length === 0) return;
  try {
    await file.appendFile(`${lines.join('\n')}\n`);
  } catch (error) {
    // When this fails too, a torn line is cut with the next batch, and whole lines are recognised.
    await file.truncate(size).catch(() => undefined);
    throw error;
  }
}

function late(reason: string, alarm = true): Delivery {
  return { type: 'later', reason, retryAfterMs: null, alarm };
}
