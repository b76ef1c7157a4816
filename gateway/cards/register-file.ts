/** The register's file: opened only when it is sound and of this version, and never made anew where one may have been. */
import { strict as assert } from 'node:assert';
import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Fault, type FaultCode } from '../../shared/fault.ts';
import { syncFolder } from '../../shared/system/durable.ts';
import { examineWal } from '../../shared/system/wal.ts';
import { isErrno, isSystemError } from '../../shared/system-error.ts';
import { findDamage, settleLog } from '../store/connection.ts';
import { sqliteCode } from '../store/faults.ts';
import { migrate, readVersion } from '../store/migrations.ts';

/** The register's file in the data directory. SQLite keeps `-wal` and `-shm` beside it; the three belong together. */
export const registerFileName = 'cards.db';

/** Held by the one command that writes. It holds nothing and may stay behind. */
export const registerLockName = 'cards.lock';

/** Marks a SQLite file as a register of cards (`PRAGMA application_id`): the letters `Rav` and a 2. */
export const registerApplicationId = 0x52617602;

/** How long a command waits for another one, or for a reader, blocking everything here. */
export const busyTimeoutMs = 5000;

/** A register larger than this is not looked through each time: a revocation must not wait for it. */
const checkedBytesMax = 64 * 1024 * 1024;

/** Step n takes a register from version n to n + 1 (`PRAGMA user_version`). A step that was released is never edited. */
export const registerMigrations: readonly string[] = [
  `
  -- Rows are never deleted, so positions have no gap: kiosks know how far their copy reaches.
  CREATE TABLE cards (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 12),
    number INTEGER NOT NULL UNIQUE CHECK (number BETWEEN 0 AND 999999999),
    issuer TEXT NOT NULL,
    issued_day INTEGER NOT NULL,
    expiry_day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    -- By which the same person is found again: a keyed digest, as a plain one would tell whoever guesses.
    person BLOB NOT NULL CHECK (length(person) = 32),
    -- Who it belongs to, sealed to the site's key.
    sealed_enc TEXT NOT NULL,
    sealed_ct TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    printed_ms INTEGER
  ) STRICT;
  CREATE INDEX cards_by_person ON cards (person);

  CREATE TABLE revocations (
    place INTEGER PRIMARY KEY,
    card INTEGER NOT NULL UNIQUE REFERENCES cards (position),
    at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Guards' cards. Apart from the others: their numbers are not among those that are taken for a person when typed.
  CREATE TABLE control_cards (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 12),
    number INTEGER NOT NULL UNIQUE CHECK (number BETWEEN 0 AND 999999999),
    issuer TEXT NOT NULL,
    issued_day INTEGER NOT NULL,
    expiry_day INTEGER NOT NULL,
    action TEXT NOT NULL,
    -- The one kiosk that takes it; null: all.
    kiosk TEXT,
    -- For whom: a keyed digest, and sealed to the site's key, as of any card.
    guard BLOB NOT NULL CHECK (length(guard) = 32),
    sealed_enc TEXT NOT NULL,
    sealed_ct TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    printed_ms INTEGER
  ) STRICT;
  CREATE INDEX control_cards_by_guard ON control_cards (guard);

  -- Its places and those of revocations count together: to a kiosk they are one list.
  CREATE TABLE control_revocations (
    place INTEGER PRIMARY KEY,
    card INTEGER NOT NULL UNIQUE REFERENCES control_cards (position),
    at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
  `,
];

/** The version from which on there are control cards. A gateway may serve from an older register until a command writes. */
const controlVersion = 2;

/** Whether a register can have control cards. */
export function hasControlCards(database: Database.Database): boolean {
  return readVersion(database) >= controlVersion;
}

/** The place of the next revocation, of whatever card, as SQL. */
export const nextPlace = `(SELECT max(coalesce((SELECT max(place) FROM revocations), -1),
                             coalesce((SELECT max(place) FROM control_revocations), -1)) + 1)`;

/** What was being done: it names the fault where the error itself is neutral. */
type Work = 'read' | 'write';
const faultOf: Readonly<Record<Work, FaultCode>> = { read: 'REGISTER_READ_FAILED', write: 'REGISTER_WRITE_FAILED' };

/** The path of the register in a data directory. */
export function registerPath(dataDir: string): string {
  return join(dataDir, registerFileName);
}

/** Whether there is a register. Throws REGISTER_CORRUPT where it is empty, or gone while its log is not. */
export function hasRegister(path: string): boolean {
  const bytes = fileBytes(path);
  if (bytes === null && (fileBytes(`${path}-wal`) ?? 0) === 0) return false;
  if (bytes === null) throw new Fault('REGISTER_CORRUPT', `File: ${path} is gone, but its log ${path}-wal is there.`);
  // A file of one byte is empty to SQLite as well (unixFileSize in its os_unix.c).
  if (bytes <= 1) throw new Fault('REGISTER_CORRUPT', `File: ${path} is empty.`);
  return true;
}

/**
 * Waits until no other command writes, and keeps others from it until it is disposed. The lock is a transaction on an
 * empty database of its own, so the kernel releases it when the process ends, however it ends.
 * Throws the Faults REGISTER_BUSY and REGISTER_WRITE_FAILED.
 */
export function lockRegister(dataDir: string, timeoutMs = busyTimeoutMs): Disposable {
  const path = join(dataDir, registerLockName);
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: timeoutMs });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    throw toRegisterFault(error, 'write', path);
  }
  return { [Symbol.dispose]: () => void database.close() };
}

/** Makes an empty register, whole or not at all. The caller holds the lock and knows that there is none. */
export function createRegisterFile(path: string): void {
  const making = `${path}.making`;
  try {
    for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(making + ending, { force: true });
    closeSync(openSync(making, 'wx', 0o600)); // SQLite gives -wal and -shm the mode of the file itself
    const database = new Database(making);
    try {
      database.pragma(`application_id = ${registerApplicationId}`);
      database.pragma('synchronous = FULL');
      migrate(database, registerMigrations);
      database.pragma('journal_mode = WAL');
    } finally {
      database.close();
    }
    renameSync(making, path);
    syncFolder(join(path, '..'));
  } catch (error) {
    throw toRegisterFault(error, 'write', path);
  }
}

/** Opens a register that cannot be changed through this connection. Throws a Fault unless it is one of this version. */
export function openRegisterForReading(path: string): Database.Database {
  return openWith(path, 'read', (database) => checkVersion(database, path));
}

/**
 * Opens a register for writing, after its log and (up to 64 MiB) all of it was looked through by a connection that cannot
 * write. The caller holds the lock. Throws a Fault.
 */
export function openRegisterForWriting(path: string): Database.Database {
  try {
    const problem = examineWal(path);
    if (problem !== null) throw new Fault('REGISTER_CORRUPT', `File: ${path}-wal: ${problem}.`);
  } catch (error) {
    throw toRegisterFault(error, 'read', path);
  }
  const small = (fileBytes(path) ?? 0) <= checkedBytesMax;
  openWith(path, 'read', (database) => {
    checkVersion(database, path);
    const damage = small ? findDamage(database, 'quick_check') : [];
    if (damage.length > 0) throw new Fault('REGISTER_CORRUPT', `File: ${path}: ${damage.slice(0, 3).join('; ')}`);
  }).close();
  return openWith(path, 'write', (database) => {
    assert.equal(database.pragma('journal_mode = WAL', { simple: true }), 'wal');
    // better-sqlite3 is compiled to fall back to NORMAL under WAL, which may lose commits at a power cut.
    database.pragma('synchronous = FULL');
    assert.equal(database.pragma('synchronous', { simple: true }), 2);
    database.pragma('foreign_keys = ON');
    // What is forgotten is overwritten with zeros.
    database.pragma('secure_delete = ON');
    migrate(database, registerMigrations);
    settleLog(database);
  });
}

/** Brings all that was committed from the log into the file, so that the next command finds a log that is empty. */
export function closeRegister(database: Database.Database): void {
  try {
    settleLog(database);
  } catch (error) {
    // It is committed and synced in the log as well.
    if (!/^SQLITE_BUSY/.test(sqliteCode(error))) throw error;
  } finally {
    database.close();
  }
}

/** The Fault for an error, or the very error where it is a Fault already or a bug. */
export function toRegisterFault(error: unknown, work: Work, path: string): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error;
  const code = sqliteCode(error);
  const detail = `File: ${path}`;
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return new Fault('REGISTER_CORRUPT', detail, { cause: error });
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return new Fault('REGISTER_BUSY', detail, { cause: error });
  const fromDisk = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|PROTOCOL|NOMEM|PERM|AUTH|NOLFS)/.test(code);
  const fromSystem = !(error instanceof Database.SqliteError) && 'syscall' in error;
  return fromDisk || fromSystem ? new Fault(faultOf[work], detail, { cause: error }) : error;
}

function openWith(path: string, work: Work, prepare: (database: Database.Database) => void): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: work === 'read', fileMustExist: true, timeout: busyTimeoutMs });
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    throw toRegisterFault(error, work, path);
  }
}

function checkVersion(database: Database.Database, path: string): void {
  if (database.pragma('application_id', { simple: true }) !== registerApplicationId) {
    throw new Fault('REGISTER_CORRUPT', `File: ${path} is a database of another program.`);
  }
  const version = readVersion(database);
  if (version <= registerMigrations.length) return;
  const detail = `File: ${path} has version ${version}, this program works with version ${registerMigrations.length}.`;
  throw new Fault('REGISTER_SCHEMA_NEWER', detail);
}

function fileBytes(path: string): number | null {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? null;
  } catch (error) {
    throw toRegisterFault(error, 'read', path);
  }
}

/** Throws DATA_DIR_UNUSABLE where the data directory is none, or cannot be looked into. One that is not there yet is empty. */
export function lookIntoDataDir(dataDir: string): void {
  try {
    readdirSync(dataDir);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    if (!isSystemError(error)) throw error;
    throw new Fault('DATA_DIR_UNUSABLE', `Directory: ${dataDir}`, { cause: error });
  }
}
