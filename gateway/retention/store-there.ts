/** Whether there is a store to work on: asked first, so that a wrong folder is told as such and nothing is left in it. */
import { resolve } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import { findStoreFile, storePath } from '../store/connection.ts';
import { toStoreFault } from '../store/faults.ts';

/** Throws the Fault STORE_MISSING, or DATA_DIR_UNUSABLE where it cannot be looked, or STORE_CORRUPT. */
export function requireStore(dataDir: string): void {
  const path = storePath(resolve(dataDir));
  try {
    if (findStoreFile(path) === 'missing') throw new Fault('STORE_MISSING', `File: ${path}`);
  } catch (error) {
    throw toStoreFault(error, 'open', path);
  }
}
