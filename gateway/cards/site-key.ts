import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import { isErrno } from '../trust/durable-file.ts';
import { readTrustFolder, trustFiles } from '../trust/trust-files.ts';

/** The site's private keys (raw) that are on this machine, by key id. */
export type SiteKeys = ReadonlyMap<string, Uint8Array>;

/** Reads them; empty where all were taken off this machine, as they should be. Throws the Faults of the trust folder. */
export async function readSiteKeys(dataDir: string): Promise<SiteKeys> {
  const found = new Map<string, Uint8Array>();
  for (const { id, folder } of (await readTrustFolder(join(dataDir, 'trust'))).sealingKeys) {
    try {
      found.set(id, await readFile(join(folder, trustFiles.siteKey)));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw new Fault('DATA_DIR_UNUSABLE', `${describeError(error)}.`, { cause: error });
    }
  }
  return found;
}
