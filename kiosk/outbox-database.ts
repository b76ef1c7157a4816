/** The outbox as a database: made, looked through, and taken; and what SQLite's errors mean. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Fault } from '../shared/fault.ts';
import type { GateControl, GateDirection } from './control.ts';
import { prepareDraft, promoteDraft, settleOutboxFile } from './outbox-file.ts';

/** The write-ahead log is cut back to this many bytes when it starts anew. */
const journalBytesMax = 4 * 1024 ** 2;

/** How long opening waits for a process that is just ending, in milliseconds. */
const lockTimeoutMs = 1_000;

const schemaVersion = 1;
const schema = `
  CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1), kiosk TEXT NOT NULL, epoch TEXT NOT NULL, last_seq INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE entries (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE TABLE presences (
    seq INTEGER PRIMARY KEY, subject TEXT NOT NULL UNIQUE, direction TEXT NOT NULL, at_ms INTEGER NOT NULL
  ) STRICT;
  PRAGMA user_version = ${schemaVersion};
`;

/** What has been counted, as far as it is still there. */
const highestSeqs = 'SELECT coalesce(max(seq), 0) FROM entries UNION ALL SELECT coalesce(max(seq), 0) FROM presences';

/** Writes an empty outbox beside its place and moves it there whole, so that a half-made one is never taken for a damaged one. */
export function createOutboxFile(path: string, kiosk: string, epoch: string): void {
  const draft = prepareDraft(path);
  translating('open', path, () => {
    const db = new Database(draft);
    try {
      // The file itself keeps the mode, so that already the first read of it takes the exclusive lock.
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      db.exec(schema);
      db.prepare('INSERT INTO meta VALUES (1, ?, ?, 0)').run(kiosk, epoch);
    } finally {
      db.close();
    }
  });
  promoteDraft(path);
}

/**
 * Throws a Fault unless the file is sound and ours. It looks through a connection of its own that cannot write: closing a
 * writing one would copy the log into a damaged file and delete it.
 */
export function inspectOutbox(path: string, kiosk: string): void {
  translating('open', path, () => {
    const db = new Database(path, { readonly: true, timeout: lockTimeoutMs, fileMustExist: true });
    try {
      const version = db.pragma('user_version', { simple: true }) as number;
      if (version > schemaVersion) {
        throw new Fault('OUTBOX_SCHEMA_NEWER', `${path} has version ${version}, this program knows ${schemaVersion}.`);
      }
      if (version < schemaVersion) throw new Fault('OUTBOX_CORRUPT', `${path} is a database, but not an outbox.`);
      const damage = db.pragma('quick_check(1)', { simple: true });
      if (damage !== 'ok') throw new Fault('OUTBOX_CORRUPT', `${path}: ${String(damage)}`);
      const meta = readMeta(db);
      const highest = Math.max(...db.prepare<[], number>(highestSeqs).pluck().all());
      if (meta === undefined || highest > meta.lastSeq)
        throw new Fault('OUTBOX_CORRUPT', `${path} has lost its count.`);
      if (meta.kiosk !== kiosk) {
        throw new Fault('OUTBOX_FOREIGN', `${path} belongs to "${meta.kiosk}", this kiosk is "${kiosk}".`);
      }
    } finally {
      db.close();
    }
  });
}

interface Meta {
  readonly kiosk: string;
  readonly epoch: string;
  readonly lastSeq: number;
}

function readMeta(db: Database.Database): Meta | undefined {
  return db.prepare<[], Meta>('SELECT kiosk, epoch, last_seq AS lastSeq FROM meta').get();
}

/** Takes an inspected file for this process alone, until the connection is closed. */
export function claimOutbox(path: string): Meta & { readonly db: Database.Database } {
  return translating('open', path, () => {
    const db = new Database(path, { timeout: lockTimeoutMs, fileMustExist: true });
    try {
      return { db, ...claim(db, path) };
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

function claim(db: Database.Database, path: string): Meta {
  db.pragma('locking_mode = EXCLUSIVE');
  const meta = readMeta(db);
  assert(meta !== undefined);
  // better-sqlite3 is compiled so that a WAL connection falls back to NORMAL, which loses commits at a power cut.
  db.pragma('synchronous = FULL');
  assert.equal(db.pragma('synchronous', { simple: true }), 2, 'synchronous is FULL');
  assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
  db.pragma('secure_delete = ON');
  db.pragma(`journal_size_limit = ${journalBytesMax}`);
  // SQLite opens what it may not write for reading only, without a word; this asks for the right to write.
  db.exec('BEGIN IMMEDIATE; COMMIT');
  // The inspection needed shared memory; one process alone does without.
  rmSync(`${path}-shm`, { force: true });
  return meta;
}

/**
 * Brings all that the log holds into the file and cuts the log off, durably. Throws the Faults OUTBOX_FULL, OUTBOX_WRITE_FAILED,
 * OUTBOX_CORRUPT and DATA_DIR_UNUSABLE; then nothing is lost, and it may be tried again.
 */
export function emptyLog(db: Database.Database, path: string): void {
  const busy = translating('write', path, () => db.pragma('wal_checkpoint(TRUNCATE)', { simple: true }));
  assert.equal(busy, 0, 'nobody else has the outbox open');
  // SQLite cuts it off without a sync.
  settleOutboxFile(path);
}

/** Made when a guard first sets the gate: an older program passes it over, and so it needs no version. */
const gateTable = `
  CREATE TABLE IF NOT EXISTS gate (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    closed INTEGER NOT NULL CHECK (closed IN (0, 1)),
    direction TEXT CHECK (direction IN ('in', 'out', 'toggle'))
  ) STRICT`;

/** How guards have set the gate; null where none has. */
export function readGate(db: Database.Database): GateControl | null {
  const there = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'gate'").get();
  if (there === undefined) return null;
  type Row = { closed: number; direction: GateDirection | null };
  const row = db.prepare<[], Row>('SELECT closed, direction FROM gate').get();
  return row === undefined ? null : { closed: row.closed === 1, direction: row.direction };
}

/** Keeps how a guard has set the gate, in the caller's transaction. */
export function writeGate(db: Database.Database, { closed, direction }: GateControl): void {
  db.exec(gateTable);
  db.prepare('INSERT OR REPLACE INTO gate VALUES (1, ?, ?)').run(closed ? 1 : 0, direction);
}

/** Runs `action` and turns SQLite's errors into faults; anything else is a bug and passes through. */
export function translating<T>(doing: 'open' | 'read' | 'write', path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = error instanceof Database.SqliteError ? String(error.code) : null;
    if (code === null || code.startsWith('SQLITE_CONSTRAINT')) throw error;
    throw new Fault(faultCodeOf(code, doing), `${path}: ${code}.`, { cause: error });
  }
}

function faultCodeOf(sqliteCode: string, doing: 'open' | 'read' | 'write') {
  // Extended result codes begin with their primary one: SQLITE_IOERR_FSYNC.
  const is = (...primaries: string[]) => primaries.some((primary) => sqliteCode.startsWith(`SQLITE_${primary}`));
  if (is('CORRUPT', 'NOTADB')) return 'OUTBOX_CORRUPT';
  // A full disk refuses scans while the kiosk runs; at its start the kiosk ends.
  if (is('FULL')) return doing === 'write' ? 'OUTBOX_FULL' : 'DATA_DIR_UNUSABLE';
  if (doing === 'write') return 'OUTBOX_WRITE_FAILED';
  // SQLite's shared memory is a file too, and finds no room on a full disk.
  if (is('IOERR_SHM')) return 'DATA_DIR_UNUSABLE';
  if (doing === 'read' || is('IOERR')) return 'OUTBOX_CORRUPT';
  return is('BUSY', 'LOCKED') ? 'DATA_DIR_IN_USE' : 'DATA_DIR_UNUSABLE';
}
