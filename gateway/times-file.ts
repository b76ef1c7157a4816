/** What the gateway knows of its kiosks' clocks, in a file beside the store, written now and then. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../shared/fault.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import { watchTimeSync } from '../shared/system/time-sync.ts';
import { isErrno } from '../shared/system-error.ts';
import { TimeKeeper, type TimeMemory } from './time-keeper.ts';
import { publicFileMode, replaceFile } from './trust/durable-file.ts';

/** The file in the gateway's data directory. */
export const timesFileName = 'times.json';

/** What serves a gateway that lives. */
export interface OpenTimes extends AsyncDisposable {
  readonly keeper: TimeKeeper;
}

/** Opens what is known of the times of a data directory, and waits until it is known whether the gateway's clock is right. */
export async function openTimes(
  dataDir: string,
  { clock, chance, log }: { readonly clock: Clock; readonly chance: Chance; readonly log: Log },
): Promise<OpenTimes> {
  const parts = new AsyncDisposableStack();
  const sync = parts.use(watchTimeSync(clock, chance));
  const memory = parts.use(new TimesFile(dataDir, log));
  await sync.looked;
  const keeper = parts.use(new TimeKeeper({ clock, sync, memory, log }));
  return { keeper, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** A disk that fails costs knowledge of clocks and no entry, so it is only logged. */
class TimesFile implements TimeMemory, AsyncDisposable {
  readonly #dataDir: string;
  readonly #log: Log;
  /** What waits while an older content is written; what waited before is overtaken. */
  #next: string | null = null;
  #writing: Promise<void> | null = null;

  constructor(dataDir: string, log: Log) {
    this.#dataDir = dataDir;
    this.#log = log;
  }

  load(): string | null {
    try {
      return readFileSync(join(this.#dataDir, timesFileName), 'utf8');
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return null;
      throw error;
    }
  }

  save(content: string): void {
    this.#next = content;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#next !== null) {
      const content = this.#next;
      this.#next = null;
      try {
        await replaceFile(this.#dataDir, { name: timesFileName, content, mode: publicFileMode });
      } catch (error) {
        this.#log.warn('time.unwritten', { error: describeError(error) });
      }
    }
  }
}
