/** Which gates a site's entries name. */
import { resolve } from 'node:path';
import { findStoreFile, openForReading, storePath } from './connection.ts';
import { toStoreFault } from './faults.ts';

/**
 * The gates that stored entries name, each once; none where there is no store. Also while another process serves. Throws
 * the Faults STORE_CORRUPT, STORE_SCHEMA_NEWER, STORE_SCHEMA_OLDER and DATA_DIR_UNUSABLE.
 */
export function readGateNames(dir: string): readonly string[] {
  const path = storePath(resolve(dir));
  try {
    if (findStoreFile(path) === 'missing') return [];
    const database = openForReading(path);
    try {
      return database.prepare<[], string>('SELECT DISTINCT gate FROM traits ORDER BY gate').pluck().all();
    } finally {
      database.close();
    }
  } catch (error) {
    throw toStoreFault(error, 'open', path);
  }
}
