/** One process at a time adds to the audit: the gateway that serves and every command may want to. */
import Database from 'better-sqlite3';

/** How long to wait for another process, in milliseconds. A line takes a few. */
const waitMs = 10_000;

/**
 * Waits for the lock, which is an exclusive transaction on an empty database of its own: the kernel releases it when the
 * process ends, however it ends. Throws what SQLite says.
 */
export function lockAudit(path: string, timeoutMs: number = waitMs): Disposable {
  const database = new Database(path, { timeout: timeoutMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw error;
  }
  return { [Symbol.dispose]: () => void database.close() };
}
