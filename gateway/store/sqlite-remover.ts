/** The deleting half of the SQLite store, through a connection of its own. */
import { resolve } from 'node:path';
import type { Database } from 'better-sqlite3';
import { Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import {
  examineStoreFile,
  findStoreFile,
  openForRemoving,
  openForWriting,
  settleLog,
  storePath,
} from './connection.ts';
import { sqliteCode, toStoreFault } from './faults.ts';
import { lockDataDir } from './lock.ts';
import type { StoreRemover } from './remover.ts';
import { Removing } from './removing.ts';
import { scrub } from './scrubbing.ts';

/** How often the log is tried to be emptied while somebody reads. */
const settleTriesMax = 20;

/** Between two tries, and between two pieces of overwriting, in milliseconds. */
const settleEveryMs = 100;
const breathMs = 5;

/**
 * Opens the store of a data directory for deleting, also beside the gateway that serves it. Where none does, the store is
 * looked through first, as the gateway does. Throws the Fault STORE_MISSING, STORE_CORRUPT, STORE_SCHEMA_OLDER,
 * STORE_SCHEMA_NEWER or DATA_DIR_UNUSABLE.
 * @param options `isServing`: whether this very process serves it.
 */
export async function openSqliteRemover(options: {
  readonly dir: string;
  readonly clock: Clock;
  readonly isServing?: boolean;
}): Promise<StoreRemover> {
  const path = storePath(resolve(options.dir));
  try {
    if (findStoreFile(path) === 'missing') throw new Fault('STORE_MISSING', `File: ${path}`);
    if (!options.isServing) settleUnserved(path, resolve(options.dir));
    return new SqliteRemover(path, openForRemoving(path), options.clock);
  } catch (error) {
    throw toStoreFault(error, 'open', path);
  }
}

/** The same for a copy of a store, which nobody serves; an older one is brought up to date. Throws as the other does. */
export async function openCopyRemover(options: { readonly dir: string; readonly clock: Clock }): Promise<StoreRemover> {
  const path = storePath(resolve(options.dir));
  try {
    if (findStoreFile(path) === 'missing') throw new Fault('STORE_MISSING', `File: ${path}`);
    examineStoreFile(path);
    return new SqliteRemover(path, openForWriting(path), options.clock, true);
  } catch (error) {
    throw toStoreFault(error, 'open', path);
  }
}

/** Nobody serves: a log that is damaged must be noticed before anything is written behind it. */
function settleUnserved(path: string, dir: string): void {
  let lock: Disposable;
  try {
    lock = lockDataDir(dir);
  } catch (error) {
    if (error instanceof Fault && error.code === 'DATA_DIR_IN_USE') return;
    throw error;
  }
  try {
    examineStoreFile(path);
  } finally {
    lock[Symbol.dispose]();
  }
}

class SqliteRemover implements StoreRemover {
  readonly #path: string;
  readonly #database: Database;
  readonly #removing: Removing;
  readonly #clock: Clock;
  readonly #isCopy: boolean;

  constructor(path: string, database: Database, clock: Clock, isCopy = false) {
    this.#path = path;
    this.#database = database;
    this.#removing = new Removing(database);
    this.#clock = clock;
    this.#isCopy = isCopy;
  }

  async noteTaken(...what: Parameters<StoreRemover['noteTaken']>): Promise<void> {
    this.#work('write', (removing) => removing.noteTaken(...what));
  }

  async countPurgeable(...what: Parameters<StoreRemover['countPurgeable']>) {
    return this.#work('read', (removing) => removing.countPurgeable(...what));
  }

  async purge(...what: Parameters<StoreRemover['purge']>) {
    return this.#work('write', (removing) => removing.purge(...what));
  }

  async endPurge(...what: Parameters<StoreRemover['endPurge']>): Promise<void> {
    this.#work('write', (removing) => removing.endPurge(...what));
  }

  async holdingBack(...what: Parameters<StoreRemover['holdingBack']>) {
    return this.#work('read', (removing) => removing.holdingBack(...what));
  }

  async forgetUpstream(upstream: string): Promise<boolean> {
    return this.#work('write', (removing) => removing.forgetUpstream(upstream));
  }

  async erase(...what: Parameters<StoreRemover['erase']>) {
    return this.#work('write', (removing) => removing.erase(...what));
  }

  async addCorrection(...what: Parameters<StoreRemover['addCorrection']>): Promise<void> {
    this.#work('write', (removing) => removing.addCorrection(...what));
  }

  async corrections(subjects: readonly string[]) {
    return this.#work('read', (removing) => removing.corrections(subjects));
  }

  async eraseCorrections(subjects: readonly string[]): Promise<number> {
    return this.#work('write', (removing) => removing.eraseCorrections(subjects));
  }

  async settle(): Promise<void> {
    try {
      await this.#emptyLog();
      await scrub(this.#path, () => sleep(this.#clock, breathMs), this.#isCopy);
      await this.#emptyLog();
    } catch (error) {
      throw toStoreFault(error, 'write', this.#path);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
  }

  /** Somebody who reads keeps the log from being emptied; readings are short. */
  async #emptyLog(): Promise<void> {
    this.#database.pragma('busy_timeout = 0');
    try {
      for (let tries = 1; ; tries++) {
        try {
          settleLog(this.#database);
          return;
        } catch (error) {
          if (tries >= settleTriesMax || !/^SQLITE_BUSY/.test(sqliteCode(error))) throw error;
        }
        await sleep(this.#clock, settleEveryMs);
      }
    } finally {
      this.#database.pragma('busy_timeout = 2000');
    }
  }

  #work<T>(kind: 'read' | 'write', work: (removing: Removing) => T): T {
    try {
      return work(this.#removing);
    } catch (error) {
      throw toStoreFault(error, kind, this.#path);
    }
  }
}
