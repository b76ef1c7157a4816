import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import { isErrno } from '../trust/durable-file.ts';
import { trustFiles } from '../trust/trust-files.ts';

/** The site's private key; null where it was taken off this machine, as it should be. */
export async function readSiteKey(dataDir: string): Promise<Uint8Array | null> {
  try {
    return await readFile(join(dataDir, 'trust', trustFiles.siteKey));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw new Fault('DATA_DIR_UNUSABLE', `${describeError(error)}.`, { cause: error });
  }
}
