/** The trust folder: what it holds, how it is made, and how it is read back with every part checked against the others. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type SiteNotice, siteNoticeSchema } from '../../shared/entry.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import { generateSiteKey, importSiteKey, openIdentity, sealIdentity, siteKeyId } from '../../shared/identity.ts';
import {
  type FileDraft,
  isErrno,
  isSystemError,
  makeFolder,
  publicFileMode,
  removeFolder,
  secretFileMode,
} from './durable-file.ts';

/** The folder's files. `site.key` may be wrapped or taken off the machine; all others must be there. */
export const trustFiles = {
  authority: 'ca.pem',
  authorityKey: 'ca.key.pem',
  gateway: 'gateway.pem',
  gatewayKey: 'gateway.key.pem',
  notice: 'site.json',
  subjectKey: 'subject.key',
  siteKey: 'site.key',
  /** What `site.key` becomes under the health officer's passphrase. */
  wrappedSiteKeys: 'site.key.wrapped',
  enrolled: 'enrolled.jsonl',
  revoked: 'revoked.jsonl',
} as const;

/** The length of `subject.key` and `site.key`, raw bytes. */
export const keyBytes = 32;

/** What the folder holds, read and checked. */
export interface TrustContents {
  readonly authorityPem: string;
  readonly authorityKeyPem: string;
  readonly gatewayPem: string;
  readonly gatewayKeyPem: string;
  readonly notice: SiteNotice;
  readonly subjectKey: Uint8Array;
  /** Whether the private key for sealed identities lies on this machine for everybody to use: not wrapped. */
  readonly siteKeyHere: boolean;
}

/**
 * Makes the folder whole or not at all. Two processes may do it at once: one folder wins and the other is removed.
 * @param names what the gateway's first certificate carries.
 * @returns whether it was this call that made it.
 */
export async function makeTrustFolder(
  folder: string,
  site: string,
  names: readonly string[],
  nowMs: number,
): Promise<boolean> {
  const { makeAuthority, makeGatewayCertificate, makeKey } = await import('./certificate.ts');
  const authority = await makeAuthority(site, nowMs);
  const gatewayKeyPem = makeKey();
  const siteKey = await generateSiteKey();
  const notice: SiteNotice = {
    v: 1,
    site,
    key: { id: siteKeyId(siteKey.publicKey), publicKey: Buffer.from(siteKey.publicKey).toString('base64url') },
  };
  const open = (name: string, content: string): FileDraft => ({ name, content, mode: publicFileMode });
  const secret = (name: string, content: string | Uint8Array): FileDraft => ({ name, content, mode: secretFileMode });
  return makeFolder(folder, [
    open(trustFiles.authority, authority.certPem),
    secret(trustFiles.authorityKey, authority.keyPem),
    open(trustFiles.gateway, await makeGatewayCertificate(authority, gatewayKeyPem, names, nowMs)),
    secret(trustFiles.gatewayKey, gatewayKeyPem),
    open(trustFiles.notice, `${JSON.stringify(notice)}\n`),
    secret(trustFiles.subjectKey, randomBytes(keyBytes)),
    secret(trustFiles.siteKey, siteKey.privateKey),
  ]);
}

/** Whether there is a trust folder with anything in it. */
export async function hasTrust(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/**
 * Removes what a crash left beside the folder while it was being made: keys that nothing ever used. Safe while another
 * process is making one, since that process can no longer put it in the place of a folder that holds something.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  const name = basename(folder);
  for (const found of await readdir(dirname(folder))) {
    if (found.startsWith(`${name}.`) && found.endsWith('.tmp')) await removeFolder(join(dirname(folder), found));
  }
}

/** Reads the folder. Throws the Fault TRUST_DAMAGED, which names the file that is missing or does not fit. */
export async function readTrustFolder(folder: string): Promise<TrustContents> {
  const read = async (name: string) => {
    try {
      return await readFile(join(folder, name));
    } catch (error) {
      throw damaged(folder, name, isErrno(error, 'ENOENT') ? 'is missing' : 'cannot be read', error);
    }
  };
  const authorityPem = (await read(trustFiles.authority)).toString();
  const authorityKeyPem = (await read(trustFiles.authorityKey)).toString();
  const gatewayPem = (await read(trustFiles.gateway)).toString();
  const gatewayKeyPem = (await read(trustFiles.gatewayKey)).toString();
  const authority = checkPair(folder, trustFiles.authority, authorityPem, trustFiles.authorityKey, authorityKeyPem);
  const gateway = checkPair(folder, trustFiles.gateway, gatewayPem, trustFiles.gatewayKey, gatewayKeyPem);
  if (!gateway.verify(authority.publicKey)) {
    throw damaged(folder, trustFiles.gateway, `was not signed by ${trustFiles.authority}`);
  }
  const notice = readNotice(folder, await read(trustFiles.notice));
  const subjectKey = checkKeyLength(folder, trustFiles.subjectKey, await read(trustFiles.subjectKey));
  const siteKeyHere = await checkSiteKey(folder, notice);
  return { authorityPem, authorityKeyPem, gatewayPem, gatewayKeyPem, notice, subjectKey, siteKeyHere };
}

function damaged(folder: string, name: string, problem: string, cause?: unknown): Fault {
  return new Fault('TRUST_DAMAGED', `${join(folder, name)} ${problem}.`, { cause });
}

function checkPair(folder: string, name: string, pem: string, keyName: string, keyPem: string): X509Certificate {
  const attempt = <T>(file: string, problem: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      throw damaged(folder, file, problem, error);
    }
  };
  const certificate = attempt(name, 'is not a certificate', () => new X509Certificate(pem));
  const key = attempt(keyName, 'is not a private key', () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(key)) throw damaged(folder, keyName, `does not belong to ${name}`);
  return certificate;
}

function checkKeyLength(folder: string, name: string, bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength === keyBytes) return bytes;
  throw damaged(folder, name, `holds ${bytes.byteLength} bytes instead of ${keyBytes}`);
}

function readNotice(folder: string, bytes: Buffer): SiteNotice {
  let notice: SiteNotice;
  try {
    notice = siteNoticeSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw damaged(folder, trustFiles.notice, `is not a site's notice`, error);
  }
  if (siteKeyId(Buffer.from(notice.key.publicKey, 'base64url')) === notice.key.id) return notice;
  throw damaged(folder, trustFiles.notice, 'names a key id that is not that of its public key');
}

/** Whether the site's private key is here. It may be gone on purpose, but it may not be another site's. */
async function checkSiteKey(folder: string, notice: SiteNotice): Promise<boolean> {
  let privateKey: Buffer;
  try {
    privateKey = await readFile(join(folder, trustFiles.siteKey));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw damaged(folder, trustFiles.siteKey, 'cannot be read', error);
  }
  checkKeyLength(folder, trustFiles.siteKey, privateKey);
  try {
    const publicKey = await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url'));
    await openIdentity(privateKey, await sealIdentity(publicKey, {}, 'check'), 'check');
  } catch (error) {
    throw damaged(folder, trustFiles.siteKey, `does not open what is sealed to ${trustFiles.notice}`, error);
  }
  return true;
}

/** A failure of the disk under the folder, as a Fault; anything else as it is. */
export function toDiskFault(folder: string, error: unknown): unknown {
  if (error instanceof Fault || !isSystemError(error)) return error;
  return new Fault('DATA_DIR_UNUSABLE', `${folder}: ${describeError(error)}.`, { cause: error });
}
