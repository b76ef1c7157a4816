/**
 * A new kiosk's key and what the gateway gave it, on disk: whole or absent after a power cut, for the owner alone. The key
 * is durable before anybody hears of it, so that a kiosk which was cut off in the middle can ask again with the same one.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EnrolledGate, EnrolmentAnswer } from '../../shared/enrolment.ts';
import { makeDurableFolder, syncFile, syncFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { formerKeysFileName } from '../credentials.ts';

/** The file beside the credentials that says how the gate is set up. */
export const gateFileName = 'kiosk.json';

const draftPrefix = 'enrolling-';

/** A key pair on P-256. */
export interface KioskKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Whether a folder holds nothing, or is not there: then a kiosk may be enrolled into it. Throws what the system says. */
export function isVacant(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return true;
    throw error;
  }
}

/** The key for an invitation: made now, or the one that an attempt which was cut off made. Throws what the system says. */
export function prepareKey(dataDir: string, secret: Uint8Array): KioskKey {
  makeDurableFolder(dataDir);
  return prepareKeyIn(dataDir, draftOf(dataDir, secret));
}

/** The key in a folder of `parent`: the one that is there, or a new one, which is durable then. Throws what the system says. */
export function prepareKeyIn(parent: string, folder: string): KioskKey {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  syncFolder(parent);
  const pem = readKey(join(folder, 'key.pem')) ?? writeNewKey(folder);
  return { privateKey: createPrivateKey(pem), publicKey: createPublicKey(pem) };
}

/** Keeps what the gateway gave, and moves it all to `credentialsDir` in one step. Throws what the system says. */
export function keepCredentials(
  dataDir: string,
  credentialsDir: string,
  secret: Uint8Array,
  answer: EnrolmentAnswer,
  gate: EnrolledGate,
): void {
  const folder = draftOf(dataDir, secret);
  writeGiven(folder, answer);
  writeWhole(folder, gateFileName, `${JSON.stringify(gate)}\n`);
  syncFolder(folder);
  // rename(2) puts a folder in the place of none or of an empty one, never of one that holds something.
  renameSync(folder, credentialsDir);
  syncFolder(dirname(credentialsDir));
  for (const name of readdirSync(dataDir)) {
    if (name.startsWith(draftPrefix)) rmSync(join(dataDir, name), { recursive: true, force: true });
  }
}

/** Named after the secret's hash, which tells nothing of it. */
function draftOf(dataDir: string, secret: Uint8Array): string {
  return join(dataDir, draftPrefix + createHash('sha256').update(secret).digest('hex').slice(0, 16));
}

/** Null where there is none that can be used. */
function readKey(path: string): string | null {
  try {
    const pem = readFileSync(path, 'utf8');
    createPrivateKey(pem);
    return pem;
  } catch {
    return null;
  }
}

function writeNewKey(folder: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  writeWhole(folder, 'key.pem', pem);
  syncFolder(folder);
  return pem;
}

/** Writes what the gateway gave, beside the key; the caller syncs the folder. Throws what the system says. */
export function writeGiven(
  folder: string,
  given: Pick<EnrolmentAnswer, 'ca' | 'cert' | 'site' | 'subjectKey' | 'formerSubjectKeys'>,
): void {
  const { ca, cert, site, subjectKey, formerSubjectKeys = [] } = given;
  writeWhole(folder, 'ca.pem', ca);
  writeWhole(folder, 'cert.pem', cert);
  writeWhole(folder, 'site.json', `${JSON.stringify(site)}\n`);
  writeWhole(folder, 'subject.key', Buffer.from(subjectKey, 'base64url'));
  const former = Buffer.concat(formerSubjectKeys.map((key) => Buffer.from(key, 'base64url')));
  // Over that of an attempt which was cut off, too.
  rmSync(join(folder, formerKeysFileName), { force: true });
  if (former.length > 0) writeWhole(folder, formerKeysFileName, former);
}

/** Writes a file aside, syncs it and gives it its name; the caller syncs the folder. Throws what the system says. */
export function writeWhole(folder: string, name: string, content: string | Uint8Array): void {
  const aside = join(folder, `.${name}.tmp`);
  rmSync(aside, { force: true });
  const descriptor = openSync(aside, 'wx', 0o600);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  } finally {
    closeSync(descriptor);
  }
  syncFile(aside);
  renameSync(aside, join(folder, name));
}
