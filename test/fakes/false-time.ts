import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Debian keeps libfaketime in a folder that is named after the architecture. */
function findLibrary(): string {
  for (const triplet of readdirSync('/usr/lib')) {
    const folder = join('/usr/lib', triplet, 'faketime');
    const name = tryList(folder).find((entry) => entry === 'libfaketimeMT.so.1');
    if (name !== undefined) return join(folder, name);
  }
  throw new Error('libfaketime is missing: apt-get install faketime');
}

function tryList(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A wall clock for child processes that can be set while they run. Their monotonic clock stays true, as with a real one. */
export class FalseTime {
  readonly #path: string;

  /** @param path a file that this and the processes share. */
  constructor(path: string) {
    this.#path = path;
    this.set(0);
  }

  /** What a process needs in its environment to live by this clock. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: findLibrary(),
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Sets the clock so many days off the true time. */
  set(days: number): void {
    writeFileSync(this.#path, `${days < 0 ? '-' : '+'}${Math.abs(days)}d\n`);
  }
}
