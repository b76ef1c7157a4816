/** The store on SQLite: one file, one writing process, any number of reading ones. */
import { strict as assert } from 'node:assert';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Database } from 'better-sqlite3';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Log } from '../../shared/ports.ts';
import { syncFolder } from '../../shared/system/durable.ts';
import { Appender } from './appending.ts';
import {
  createStoreFile,
  examineStoreFile,
  findStoreFile,
  openForReading,
  openForWriting,
  settleLog,
  storePath,
} from './connection.ts';
import { spoilsConnection, toStoreFault } from './faults.ts';
import { lockDataDir } from './lock.ts';
import { Reading } from './reading.ts';
import {
  type Arrival,
  type Correction,
  defaultStoreLimits,
  type Place,
  type QuarantineItem,
  type Store,
  type StoredEntry,
  type StoreLimits,
  type StoreReader,
  type StoreReport,
  type UpstreamProgress,
  type Verdict,
} from './store.ts';
import type { TraceReader } from './traces.ts';

/**
 * Opens the store of a data directory, making both where they are missing, and holds the directory until disposed.
 * The whole file is looked through first, which takes as long as reading it. Throws the Fault DATA_DIR_IN_USE,
 * DATA_DIR_UNUSABLE, STORE_CORRUPT or STORE_SCHEMA_NEWER, and then has changed nothing.
 */
export async function openSqliteStore(options: {
  readonly dir: string;
  readonly log: Log;
  readonly limits?: Partial<StoreLimits>;
}): Promise<Store> {
  const { log, limits } = options;
  const dir = resolve(options.dir);
  const path = storePath(dir);
  const lock = lockDataDir(dir);
  try {
    if (findStoreFile(path) === 'missing') {
      createStoreFile(path);
      log.info('store.created', { path });
    }
    // Also for one that is there: the process that made it may have been killed before it did this.
    syncFolder(dir);
    examineStoreFile(path);
    return new SqliteStore(path, openForWriting(path), lock, log, { ...defaultStoreLimits, ...limits });
  } catch (error) {
    lock[Symbol.dispose]();
    throw toStoreFault(error, 'open', path);
  }
}

/**
 * Opens the store of a data directory for reading only, also while another process serves. Throws the Fault
 * STORE_MISSING, STORE_CORRUPT, STORE_SCHEMA_NEWER, STORE_SCHEMA_OLDER or DATA_DIR_UNUSABLE.
 */
export async function openSqliteReader(options: { readonly dir: string }): Promise<StoreReader> {
  const path = storePath(resolve(options.dir));
  try {
    if (findStoreFile(path) === 'missing') throw new Fault('STORE_MISSING', `File: ${path}`);
    return new SqliteReader(path, openForReading(path));
  } catch (error) {
    throw toStoreFault(error, 'open', path);
  }
}

/** What both kinds share: reading in pages through whatever connection is open. */
abstract class PagedReader {
  readonly traces: TraceReader = {
    outline: async () => this.read((reading) => reading.traces.outline(reading.lastEntry())),
    traitOf: (number) => this.read(({ traces }) => traces.traitOf(number)),
    readBuckets: async (...what) => this.read(({ traces }) => traces.readBuckets(...what)),
    readSegment: async (segment) => this.read(({ traces }) => traces.readSegment(segment)),
    readTail: async (after, upTo) => this.read(({ traces }) => traces.readTail(after, upTo)),
    entriesAt: async (positions) => this.read(({ traces }) => traces.entriesAt(positions)),
  };
  protected readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async *entries(): AsyncGenerator<StoredEntry> {
    yield* this.#pages(
      (reading) => reading.lastEntry(),
      (reading, after, upTo) => reading.entriesPage(after, upTo),
    );
  }

  async *quarantine(): AsyncGenerator<QuarantineItem> {
    yield* this.#pages(
      (reading) => reading.lastQuarantined(),
      (reading, after, upTo) => reading.quarantinePage(after, upTo),
    );
  }

  async findKnown(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.read((reading) => new Set(ids.filter((id) => reading.isKnown(id))));
  }

  async findRemoved(places: readonly Place[]): Promise<readonly Place[]> {
    return this.read((reading) => places.filter((place) => reading.isRemoved(place)));
  }

  async correctedSubjects(): Promise<ReadonlySet<string>> {
    return this.read(({ corrections }) => corrections.subjects());
  }

  async corrections(subjects: readonly string[]): Promise<readonly Correction[]> {
    return this.read(({ corrections }) => corrections.of(subjects));
  }

  async upstreams(): Promise<readonly UpstreamProgress[]> {
    return this.read((reading) => reading.progress());
  }

  async check(): Promise<StoreReport> {
    return this.read((reading) => reading.report());
  }

  /** Does one short reading; throws a Fault. */
  protected abstract read<T>(work: (reading: Reading) => T): T;

  *#pages<T extends { readonly position: number }>(
    findLast: (reading: Reading) => number,
    readPage: (reading: Reading, after: number, upTo: number) => readonly T[],
  ): Generator<T> {
    const upTo = this.read(findLast);
    for (let after = 0; after < upTo; ) {
      const page = this.read((reading) => readPage(reading, after, upTo));
      yield* page;
      after = page.at(-1)?.position ?? upTo;
    }
  }
}

class SqliteReader extends PagedReader implements StoreReader {
  readonly #database: Database;
  readonly #reading: Reading;

  constructor(path: string, database: Database) {
    super(path);
    this.#database = database;
    this.#reading = new Reading(database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
  }

  protected override read<T>(work: (reading: Reading) => T): T {
    try {
      return work(this.#reading);
    } catch (error) {
      throw toStoreFault(error, 'read', this.path);
    }
  }
}

/** One connection with all that is prepared on it. */
interface Connection {
  readonly database: Database;
  readonly appender: Appender;
  readonly reading: Reading;
}

class SqliteStore extends PagedReader implements Store {
  readonly #lock: Disposable;
  readonly #log: Log;
  readonly #limits: StoreLimits;
  readonly #callbacks = new Set<() => void>();
  /** Device and inode of the file that was opened. */
  readonly #file: string | null;
  #connection: Connection | null;
  #closed = false;

  constructor(path: string, database: Database, lock: Disposable, log: Log, limits: StoreLimits) {
    super(path);
    this.#lock = lock;
    this.#log = log;
    this.#limits = limits;
    this.#file = identifyFile(path);
    this.#connection = connect(database, limits);
  }

  async append(group: readonly Arrival[]): Promise<readonly Verdict[]> {
    if (group.length === 0) return [];
    const verdicts = this.#work('write', ({ appender }) => appender.append(group));
    if (verdicts.some((verdict) => verdict.type === 'stored')) {
      // Later, so that what a callback throws cannot make a commit look failed.
      for (const callback of this.#callbacks) queueMicrotask(callback);
    }
    return verdicts;
  }

  async readNext(upstream: string, limits: { entriesMax: number; bytesMax: number }): Promise<readonly StoredEntry[]> {
    return this.read((reading) => reading.nextFor(upstream, limits));
  }

  async markForwarded(...move: Parameters<Store['markForwarded']>): Promise<void> {
    this.#work('write', ({ appender }) => appender.markForwarded(...move));
  }

  async indexSome(): Promise<boolean> {
    return this.#work('write', ({ appender }) => appender.indexSome());
  }

  async findControls(after: number, positionsMax: number) {
    return this.read((reading) => reading.controls(after, positionsMax));
  }

  async lastPosition(): Promise<number> {
    return this.read((reading) => reading.lastEntry());
  }

  async entriesAfter(position: number, entriesMax: number): Promise<readonly StoredEntry[]> {
    return this.read((reading) => reading.entriesPage(position, Number.MAX_SAFE_INTEGER, entriesMax));
  }

  onAppended(callback: () => void): Disposable {
    const own = () => callback();
    this.#callbacks.add(own);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(own) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#callbacks.clear();
    try {
      if (this.#connection !== null) settleLog(this.#connection.database);
    } catch (error) {
      // All of it is in the log, which the next start settles.
      this.#log.warn('store.log-left', { path: this.path, error: describeError(error) });
    }
    this.#connection?.database.close();
    this.#connection = null;
    this.#lock[Symbol.dispose]();
  }

  protected override read<T>(work: (reading: Reading) => T): T {
    return this.#work('read', ({ reading }) => work(reading));
  }

  /** Works on the connection, opening a new one where an error spoiled the last. Throws a Fault. */
  #work<T>(kind: 'read' | 'write', work: (connection: Connection) => T): T {
    assert(!this.#closed, 'the store is closed');
    if (kind === 'write' || this.#connection === null) this.#checkFile(kind);
    try {
      this.#connection ??= this.#reopen(kind);
      return work(this.#connection);
    } catch (error) {
      if (spoilsConnection(error)) {
        this.#connection?.database.close();
        this.#connection = null;
      }
      throw toStoreFault(error, kind, this.path);
    }
  }

  #reopen(kind: 'read' | 'write'): Connection {
    const connection = connect(openForWriting(this.path, kind), this.#limits);
    this.#log.debug('store.reopened', { path: this.path });
    return connection;
  }

  /** SQLite would go on writing into a file that was deleted or replaced, and all of it would be lost. */
  #checkFile(kind: 'read' | 'write'): void {
    if (identifyFile(this.path) === this.#file) return;
    const code = kind === 'write' ? 'STORE_WRITE_FAILED' : 'STORE_READ_FAILED';
    throw new Fault(code, `File: ${this.path} was moved, deleted or replaced while in use.`);
  }
}

function connect(database: Database, limits: StoreLimits): Connection {
  return { database, appender: new Appender(database, limits), reading: new Reading(database) };
}

/** Device and inode; null where there is no file. */
function identifyFile(path: string): string | null {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}
