/** One process at a time does what must not be done by two: the gateway that serves and every command may want to. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { isSystemError } from '../shared/system-error.ts';

/**
 * Waits for a lock, which is an exclusive transaction on an empty database of its own: the kernel releases it when the
 * process ends, however it ends. The file holds nothing and may stay behind. Throws what the system says of the folder, and
 * what SQLite says: `SQLITE_BUSY` where another process has it for longer.
 * @param waitMs how long to wait for the other process, in milliseconds; nothing else runs in this one meanwhile.
 */
export function lockProcess(path: string, waitMs: number): Disposable {
  // better-sqlite3 takes a missing folder for a bug of its caller.
  statSync(dirname(path));
  const database = new Database(path, { timeout: waitMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw error;
  }
  return { [Symbol.dispose]: () => void database.close() };
}

/** Whether an error came from the system or from SQLite, as in whatever is done under a lock; any other is a bug. */
export function isOperatingError(error: unknown): error is Error {
  const isSqlite = error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_');
  return isSqlite || isSystemError(error);
}
