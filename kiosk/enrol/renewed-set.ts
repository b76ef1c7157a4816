/**
 * What a renewal brings, beside the credentials that it renews and never over them. A new key lies in the folder
 * `renewing`; with everything else that the gateway gave it becomes `renewed-<serial>`; and the file `renewed.json`, which
 * is replaced in one step, says that this one counts. A power cut anywhere leaves the old set in use, or the new one.
 */
import { X509Certificate } from 'node:crypto';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Renewed } from '../../shared/renewal.ts';
import { syncFolder } from '../../shared/system/durable.ts';
import {
  type Credentials,
  certificateHash,
  type RenewedFile,
  readSet,
  renewedFileName,
  renewedFolderPattern,
} from '../credentials.ts';
import { type KioskKey, prepareKeyIn, writeGiven, writeWhole } from './new-credentials.ts';

const draftName = 'renewing';

/** The key for a new certificate: made now, or by an attempt that was cut off. Throws what the system says. */
export function prepareRenewalKey(folder: string): KioskKey {
  return prepareKeyIn(folder, join(folder, draftName));
}

/** Writes what the gateway gave beside the new key and reads it back. Nothing counts yet. Throws what the system says. */
export async function draftRenewal(folder: string, given: Renewed): Promise<Credentials> {
  const draft = join(folder, draftName);
  writeGiven(draft, given);
  syncFolder(draft);
  return readSet(draft);
}

/** From now on the draft counts. What it takes the place of is removed, but never what `enrol` wrote. Throws what the system says. */
export function settleRenewal(folder: string, { certPem }: Pick<Credentials, 'certPem'>): void {
  const name = `renewed-${new X509Certificate(certPem).serialNumber.toLowerCase()}`;
  rmSync(join(folder, name), { recursive: true, force: true }); // the same certificate, settled half before
  renameSync(join(folder, draftName), join(folder, name));
  syncFolder(folder);
  const file: RenewedFile = { v: 1, folder: name, after: certificateHash(folder) };
  writeWhole(folder, renewedFileName, `${JSON.stringify(file)}\n`);
  syncFolder(folder);
  for (const found of readdirSync(folder)) {
    if (renewedFolderPattern.test(found) && found !== name) rmSync(join(folder, found), { recursive: true });
  }
}

/** The gateway did not let in who came with the draft: the next attempt makes a new key. Throws what the system says. */
export function dropRenewal(folder: string): void {
  rmSync(join(folder, draftName), { recursive: true, force: true });
}
