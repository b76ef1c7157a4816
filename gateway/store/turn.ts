/** Taking turns between processes, and between parts of one. */
import Database from 'better-sqlite3';
import { sqliteCode } from './faults.ts';

/**
 * Takes a turn, or null where another has it. The lock is an exclusive transaction on an empty database of its own, so the
 * kernel releases it when the process ends, however it ends. Throws what SQLite says.
 * @param path its file; it holds nothing and may stay behind.
 */
export function tryTurn(path: string): Disposable | null {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (/^SQLITE_BUSY/.test(sqliteCode(error))) return null;
    throw error;
  }
  return { [Symbol.dispose]: () => void database.close() };
}
