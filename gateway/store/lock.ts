/** One process works on a data directory. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Fault } from '../../shared/fault.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { sqliteCode } from './faults.ts';

/** The name of the lock's file in the data directory. It holds nothing and may stay behind. */
export const lockFileName = 'gateway.lock';

/**
 * Takes a data directory for this process, making it (mode 0700) where it is missing. The lock is an exclusive
 * transaction on an empty database of its own, so the kernel releases it when the process ends, however it ends.
 * Nothing else in this process may open the file: closing any descriptor of it would release the lock (fcntl(2)).
 * Throws the Fault DATA_DIR_IN_USE or DATA_DIR_UNUSABLE.
 */
export function lockDataDir(dir: string): Disposable {
  let database: Database.Database | undefined;
  try {
    makeDurableFolder(dir);
    database = new Database(join(dir, lockFileName), { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    const inUse = sqliteCode(cause).startsWith('SQLITE_BUSY');
    throw new Fault(inUse ? 'DATA_DIR_IN_USE' : 'DATA_DIR_UNUSABLE', `Directory: ${dir}`, { cause });
  }
  return { [Symbol.dispose]: () => void database.close() };
}
