/** Copies of the databases, made while they are in use. */
import { closeSync, openSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { syncFile } from '../../shared/system/durable.ts';

/** All that there is, in one step: were others to write between two, SQLite would begin anew each time. */
const pagesAtOnce = 0x7fff_ffff;

/**
 * Copies a database as it is at one moment, while others read and write it, into a file that must not be there; synced.
 * Throws what SQLite and the system say.
 */
export async function copyDatabase(from: string, to: string): Promise<void> {
  closeSync(openSync(to, 'wx', 0o600));
  const database = new Database(from, { readonly: true, fileMustExist: true, timeout: 2000 });
  try {
    await database.backup(to, { progress: () => pagesAtOnce });
  } finally {
    database.close();
  }
  for (const ending of ['-journal', '-wal', '-shm']) rmSync(to + ending, { force: true });
  syncFile(to);
}
