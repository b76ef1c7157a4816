/**
 * Whether a site is here already. Decided in this one place, before a command runs: a data directory that is named wrongly
 * must not become a second site.
 */
import { join, resolve } from 'node:path';
import type { Environment } from '../shared/environment.ts';
import { Fault } from '../shared/fault.ts';
import { isErrno } from '../shared/system-error.ts';
import { readDataDir } from './config.ts';
import { findStoreFile, storePath } from './store/connection.ts';
import { toStoreFault } from './store/faults.ts';
import { hasTrust, toDiskFault } from './trust/trust-files.ts';

/** What must be there before a command runs; `nothing` where it may begin a site, or needs none. */
export type Needed = 'nothing' | 'store' | 'trust';

/**
 * Throws the Fault SITE_MISSING or STORE_MISSING where that is not there, and DATA_DIR_UNUSABLE where it cannot be looked
 * for; makes nothing.
 */
export async function requireSite(needed: Needed, environment: Environment): Promise<void> {
  if (needed === 'nothing') return;
  const dataDir = resolve(readDataDir(environment));
  if (needed === 'store') {
    const path = storePath(dataDir);
    try {
      if (findStoreFile(path) === 'missing') throw new Fault('STORE_MISSING', `File: ${path}`);
      return;
    } catch (error) {
      throw toStoreFault(error, 'open', path);
    }
  }
  const folder = join(dataDir, 'trust');
  if (!(await isThere(folder))) throw new Fault('SITE_MISSING', `Folder: ${folder}`);
}

async function isThere(trustFolder: string): Promise<boolean> {
  try {
    return await hasTrust(trustFolder);
  } catch (error) {
    throw isErrno(error, 'ENOTDIR')
      ? new Fault('DATA_DIR_UNUSABLE', `${trustFolder} is no folder.`, { cause: error })
      : toDiskFault(trustFolder, error);
  }
}
