/** Taking turns with whoever else works on the same file, in this process or another. */
import { lockProcess } from '../process-lock.ts';
import { sqliteCode } from './faults.ts';

/** Takes a turn, or null where another has it. Throws what SQLite says. @param path the lock's file: see `process-lock.ts`. */
export function tryTurn(path: string): Disposable | null {
  try {
    return lockProcess(path, 0);
  } catch (error) {
    if (/^SQLITE_BUSY/.test(sqliteCode(error))) return null;
    throw error;
  }
}
