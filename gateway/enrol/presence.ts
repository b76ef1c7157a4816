/** Which kiosks are connected now, for whoever asks: a file beside the store, written when that changes. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log, Timer } from '../../shared/ports.ts';
import { isErrno } from '../../shared/system-error.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';

/** The file in the gateway's data directory; while no gateway serves there is none, unless one was killed. */
const fileName = 'here.json';

/** What has changed is written after so long, in milliseconds, with all that has changed meanwhile. */
export const writeAfterMs = 2_000;

const hereSchema = z.object({ process: z.int().min(1), kiosks: z.array(kioskIdSchema) });

/** The kiosks that are connected to the gateway that serves this data directory, as it wrote last; none where it is gone. */
export async function readPresence(dataDir: string): Promise<ReadonlySet<string>> {
  try {
    const { process: id, kiosks } = hereSchema.parse(JSON.parse(await readFile(join(dataDir, fileName), 'utf8')));
    return new Set(isRunning(id) ? kiosks : []);
  } catch {
    return new Set();
  }
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    // Another user's, as the gateway's is to whoever asks.
    return isErrno(error, 'EPERM');
  }
}

/** Remembers who is connected. A disk that fails costs the answer to a question, so it is only logged. */
export class Presence implements AsyncDisposable {
  readonly #dataDir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By kiosk the connection on which it last said that it is here. */
  readonly #here = new Map<string, object>();
  #timer: Timer | null = null;
  #work: Promise<void>;

  constructor(dataDir: string, clock: Clock, log: Log) {
    this.#dataDir = dataDir;
    this.#clock = clock;
    this.#log = log;
    // What a gateway that was killed wrote.
    this.#work = this.#attempt(() => this.#remove());
  }

  /** A kiosk has said that it is here, or has left. An older connection that ends later takes nobody away. */
  note(kiosk: string, connection: object, online: boolean): void {
    const before = this.#here.get(kiosk);
    if (online) this.#here.set(kiosk, connection);
    else if (before === connection) this.#here.delete(kiosk);
    if (this.#here.has(kiosk) === (before !== undefined)) return;
    this.#timer ??= this.#clock.after(writeAfterMs, () => {
      this.#timer = null;
      const content = `${JSON.stringify({ process: process.pid, kiosks: [...this.#here.keys()] })}\n`;
      const draft = { name: fileName, content, mode: publicFileMode };
      this.#work = this.#work.then(() => this.#attempt(() => replaceFile(this.#dataDir, draft)));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#work;
    await this.#attempt(() => this.#remove());
  }

  #remove(): Promise<void> {
    return rm(join(this.#dataDir, fileName), { force: true });
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.warn('kiosk.presence-unwritten', { error: describeError(error) });
    }
  }
}
