/** Opening the store's file: never a damaged one, never one made anew where entries may have been. */
import { strict as assert } from 'node:assert';
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Fault } from '../../shared/fault.ts';
import { examineWal } from '../../shared/system/wal.ts';
import { type StoreWork, toStoreFault } from './faults.ts';
import { applicationId, migrate, migrations, readVersion } from './migrations.ts';

/** The store's file in the data directory. SQLite keeps `-wal` and `-shm` beside it; the three belong together. */
export const storeFileName = 'store.db';

/** How long a statement waits for another process that holds the file (a `sqlite3` shell), blocking everything here. */
const busyTimeoutMs = 2000;

/** The write-ahead log is cut back to this after a checkpoint, in bytes. */
const logBytesMax = 64 * 1024 * 1024;

/** Pages of the write-ahead log that start a checkpoint: 16 MiB. More writes the same index pages home less often. */
const checkpointPages = 4000;

/** Page cache in KiB: the few pages that every commit touches, and a page of reading. */
const cacheKiB = 4 * 1024;

/** `quick_check` and `integrity_check` name at most this many things. */
const damageLinesMax = 100;

/** The path of the store in a data directory. */
export function storePath(dir: string): string {
  return join(dir, storeFileName);
}

/**
 * Makes an empty store where there is none. A file that exists is whole, or was damaged: it appears by a rename. The
 * caller syncs the folder.
 */
export function createStoreFile(path: string): void {
  const making = `${path}.making`;
  for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(making + ending, { force: true });
  closeSync(openSync(making, 'wx', 0o600)); // SQLite gives -wal and -shm the mode of the file itself
  const database = new Database(making);
  try {
    database.pragma(`application_id = ${applicationId}`);
    database.pragma('synchronous = FULL');
    migrate(database);
    database.pragma('journal_mode = WAL');
  } finally {
    database.close();
  }
  renameSync(making, path);
}

/**
 * Looks whether a store is there. Throws STORE_CORRUPT where the file is empty, or gone while its log is not: opening it
 * would make a new store and throw the log away.
 */
export function findStoreFile(path: string): 'present' | 'missing' {
  const bytes = fileBytes(path);
  if (bytes === null && (fileBytes(`${path}-wal`) ?? 0) === 0) return 'missing';
  if (bytes === null) throw new Fault('STORE_CORRUPT', `File: ${path} is gone, but its log ${path}-wal is there.`);
  // A file of one byte is empty to SQLite as well (unixFileSize in its os_unix.c).
  if (bytes <= 1) throw new Fault('STORE_CORRUPT', `File: ${path} is empty.`);
  return 'present';
}

/** Opens a store that cannot be changed through this connection. Throws a Fault unless it is one of this version. */
export function openForReading(path: string): Database.Database {
  return openWith(path, { readonly: true }, (database) => {
    const version = readKnownVersion(database, path);
    if (version < migrations.length) throw new Fault('STORE_SCHEMA_OLDER', describeVersions(path, version));
  });
}

/**
 * Throws a Fault unless a file is a sound store of this version or an older one. Its log is looked at first, as SQLite
 * ends a damaged one early without a word. Then it looks through a connection of its own that cannot write: closing the
 * last writing connection would copy the log into a damaged file.
 */
export function examineStoreFile(path: string): void {
  const problem = examineWal(path);
  if (problem !== null) throw new Fault('STORE_CORRUPT', `File: ${path}-wal: ${problem}.`);
  const database = openWith(path, { readonly: true }, (database) => {
    const version = readKnownVersion(database, path);
    const damage = [...findDamage(database, 'quick_check'), ...findContradictions(database, version)];
    if (damage.length > 0) throw new Fault('STORE_CORRUPT', `File: ${path}: ${damage.slice(0, 3).join('; ')}`);
  });
  database.close();
}

/**
 * Opens an examined store for writing and brings its schema up to date. Throws a Fault.
 * @param work what it is opened for: names the fault.
 */
export function openForWriting(path: string, work: StoreWork = 'open'): Database.Database {
  return openWith(path, { work }, (database) => {
    setUpWriting(database);
    migrate(database);
    settleLog(database);
  });
}

function setUpWriting(database: Database.Database): void {
  assert.equal(database.pragma('journal_mode = WAL', { simple: true }), 'wal');
  // better-sqlite3 is compiled to fall back to NORMAL under WAL, which may lose commits at a power cut.
  database.pragma('synchronous = FULL');
  assert.equal(database.pragma('synchronous', { simple: true }), 2);
  database.pragma('foreign_keys = ON');
  // What is deleted is overwritten with zeros.
  database.pragma('secure_delete = ON');
  database.pragma(`journal_size_limit = ${logBytesMax}`);
  database.pragma(`wal_autocheckpoint = ${checkpointPages}`);
  database.pragma(`cache_size = -${cacheKiB}`);
}

/**
 * Opens a sound store of this very version for deleting from it, also beside a gateway that serves it: nothing is brought
 * up to date. Throws a Fault.
 */
export function openForRemoving(path: string): Database.Database {
  return openWith(path, { work: 'write' }, (database) => {
    const version = readKnownVersion(database, path);
    if (version < migrations.length) throw new Fault('STORE_SCHEMA_OLDER', describeVersions(path, version));
    setUpWriting(database);
    assert.equal(database.pragma('secure_delete', { simple: true }), 1);
  });
}

/**
 * Brings all that the log holds into the file and syncs it. What a killed process, or a failed fsync, left in the log
 * may be in the kernel's memory only, and SQLite takes it for committed. Without this a kiosk that sends it again would
 * be told "I have it" before it is on disk, as a duplicate makes no commit that would sync it.
 * Throws SQLITE_BUSY where another process reads for longer than the busy time-out.
 */
export function settleLog(database: Database.Database): void {
  const [result] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
  if (result?.busy !== 0)
    throw new Database.SqliteError('another process keeps the log from being settled', 'SQLITE_BUSY');
}

/** What SQLite's own check complains of; empty for a sound database. */
export function findDamage(database: Database.Database, check: 'quick_check' | 'integrity_check'): readonly string[] {
  const rows = database.prepare<[], string>(`PRAGMA ${check}(${damageLinesMax})`).pluck().all();
  return rows.length === 1 && rows[0] === 'ok' ? [] : rows.flatMap((row) => row.split('\n'));
}

/**
 * Where the tables contradict each other: a synced page that is not there leaves an older one in its place that is sound
 * in itself, which `quick_check` passes over. Most often that shows in a count.
 */
function findContradictions(database: Database.Database, version: number): readonly string[] {
  const number = (sql: string) => Number(database.prepare(`SELECT coalesce((${sql}), 0)`).pluck().get());
  const rows = number('SELECT count(position) FROM entries NOT INDEXED');
  // Of a column, because SQLite counts `*` in whichever index is the smallest.
  const byId = number('SELECT count(id) FROM entries INDEXED BY entries_by_id');
  // The first version kept places in an index.
  const places =
    version > 1 ? 'sum(last - first + 1) FROM runs' : 'count(seq) FROM entries INDEXED BY entries_by_place';
  const removed = version > 3 ? number('SELECT sum(last - first + 1) FROM removed') : 0;
  const byPlace = number(`SELECT ${places}`) - removed;
  const last = number('SELECT max(position) FROM entries');
  const given = number(`SELECT seq FROM sqlite_sequence WHERE name = 'entries'`);
  const streams = number('SELECT count(*) FROM streams');
  const used = number('SELECT max(stream) FROM entries');
  const segments = version > 2 ? number('SELECT sum(entries) FROM segments') : 0;
  const traces = version > 2 ? number('SELECT sum(entries) FROM traces') : 0;
  return [
    ...(segments === traces ? [] : [`traces: ${traces}, but segments of ${segments}`]),
    ...(rows === byId && rows === byPlace
      ? []
      : [`entries: ${rows}, by their ids ${byId}, by their places ${byPlace}`]),
    ...(last <= given ? [] : [`entries: the last is ${last}, but only ${given} were given a position`]),
    ...(used <= streams ? [] : [`streams: ${streams}, but entries of ${used}`]),
  ];
}

function openWith(
  path: string,
  options: { readonly?: boolean; work?: StoreWork },
  prepare: (database: Database.Database) => void,
): Database.Database {
  const { readonly = false, work = 'open' } = options;
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly, fileMustExist: true, timeout: busyTimeoutMs });
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    throw toStoreFault(error, work, path);
  }
}

function readKnownVersion(database: Database.Database, path: string): number {
  if (database.pragma('application_id', { simple: true }) !== applicationId) {
    throw new Fault('STORE_CORRUPT', `File: ${path} is a database of another program.`);
  }
  const version = readVersion(database);
  if (version > migrations.length) throw new Fault('STORE_SCHEMA_NEWER', describeVersions(path, version));
  // A store appears with its schema complete.
  if (version < 1) throw new Fault('STORE_CORRUPT', `File: ${path} says that its schema has version ${version}.`);
  return version;
}

function describeVersions(path: string, version: number): string {
  return `File: ${path} has version ${version}, this program works with version ${migrations.length}.`;
}

function fileBytes(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}
