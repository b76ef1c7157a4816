/** What SQLite and the file system say, as faults of the catalogue. */
import Database from 'better-sqlite3';
import { Fault, type FaultCode } from '../../shared/fault.ts';

/** What was being done: it names the fault where the error itself is neutral. */
export type StoreWork = 'open' | 'read' | 'write';

const faultOf: Record<StoreWork, FaultCode> = {
  open: 'DATA_DIR_UNUSABLE',
  read: 'STORE_READ_FAILED',
  write: 'STORE_WRITE_FAILED',
};

/** SQLite's primary result codes that tell of the disk or of another process, not of a bug here. https://sqlite.org/rescode.html */
const operating = /^SQLITE_(FULL|IOERR|BUSY|LOCKED|READONLY|CANTOPEN|PROTOCOL|NOMEM|PERM|AUTH|NOLFS)(_|$)/;
const damaged = /^SQLITE_(CORRUPT|NOTADB)(_|$)/;

/** SQLite's result code (`SQLITE_FULL`), the system's (`ENOSPC`), or an empty string. */
export function sqliteCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * The Fault for an error, or the very error where it is a Fault already or a bug (a broken constraint, a wrong
 * statement): that should crash.
 * @param path the file that was worked on.
 */
export function toStoreFault(error: unknown, work: StoreWork, path: string): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error;
  const code = sqliteCode(error);
  const detail = `File: ${path}`;
  if (damaged.test(code)) return new Fault('STORE_CORRUPT', detail, { cause: error });
  if (work === 'open' && /^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return new Fault('DATA_DIR_IN_USE', detail, { cause: error });
  }
  const fromSystem = !(error instanceof Database.SqliteError) && 'syscall' in error;
  return operating.test(code) || fromSystem ? new Fault(faultOf[work], detail, { cause: error }) : error;
}

/**
 * Whether a connection can no longer be trusted after an error. A full or busy disk leaves SQLite's own state whole; an
 * I/O error may have left pages in memory that never reached the disk.
 */
export function spoilsConnection(error: unknown): boolean {
  return !/^SQLITE_(FULL|BUSY|LOCKED)(_|$)/.test(sqliteCode(error));
}
