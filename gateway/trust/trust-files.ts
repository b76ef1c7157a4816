/** The trust folder: what it holds, how it is made, and how it is read back with every part checked against the others. */
import { createHash, createHmac, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type SiteNotice, siteNoticeSchema } from '../../shared/entry.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import { generateSiteKey, importSiteKey, openIdentity, sealIdentity, siteKeyId } from '../../shared/identity.ts';
import { isErrno, isSystemError } from '../../shared/system-error.ts';
import { type FileDraft, makeFolder, publicFileMode, removeFolder, secretFileMode } from './durable-file.ts';
import { type Generation, readKeyHistory } from './key-ledger.ts';

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
  used: 'used.jsonl',
} as const;

/** The length of `subject.key` and `site.key`, raw bytes. */
export const keyBytes = 32;

/** A generation of the site's authority, with the gateway's certificate by it. */
export interface Authority extends Generation {
  /** 16 hex digits of the SHA-256 of its certificate. */
  readonly id: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly gatewayPem: string;
  readonly gatewayKeyPem: string;
}

/** A generation of the key that identities are sealed to. */
export interface SealingKey extends Generation {
  /** The key id that sealed identities carry. */
  readonly id: string;
  readonly notice: SiteNotice;
  /** Whether the private key lies on this machine for everybody to use: not wrapped. */
  readonly isPrivateKeyHere: boolean;
}

/** A generation of the key of the pseudonyms. */
export interface SubjectKey extends Generation {
  /** Tells it from others, and tells nothing of the key. */
  readonly id: string;
  readonly key: Uint8Array;
}

/** What the folder holds, read and checked; of each kind the oldest first. */
export interface TrustContents {
  /** Those that are believed. */
  readonly authorities: readonly Authority[];
  /** The one whose certificate the gateway shows. */
  readonly serving: Authority;
  readonly sealingKeys: readonly SealingKey[];
  readonly subjectKeys: readonly SubjectKey[];
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
  return makeFolder(folder, [
    ...(await draftAuthority(site, names, nowMs)),
    ...(await draftSealingKey(site)),
    ...draftSubjectKey(),
  ]);
}

/** The files of a new authority. @param site what it is called. */
export async function draftAuthority(site: string, names: readonly string[], nowMs: number): Promise<FileDraft[]> {
  const { makeAuthority, makeGatewayCertificate, makeKey } = await import('./certificate.ts');
  const authority = await makeAuthority(site, nowMs);
  const gatewayKeyPem = makeKey();
  return [
    open(trustFiles.authority, authority.certPem),
    secret(trustFiles.authorityKey, authority.keyPem),
    open(trustFiles.gateway, await makeGatewayCertificate(authority, gatewayKeyPem, names, nowMs)),
    secret(trustFiles.gatewayKey, gatewayKeyPem),
  ];
}

/** The files of a new key to seal identities to. */
export async function draftSealingKey(site: string): Promise<FileDraft[]> {
  const { publicKey, privateKey } = await generateSiteKey();
  const key = { id: siteKeyId(publicKey), publicKey: Buffer.from(publicKey).toString('base64url') };
  const notice: SiteNotice = { v: 1, site, key };
  return [open(trustFiles.notice, `${JSON.stringify(notice)}\n`), secret(trustFiles.siteKey, privateKey)];
}

/** The file of a new key of the pseudonyms. */
export function draftSubjectKey(): FileDraft[] {
  return [secret(trustFiles.subjectKey, randomBytes(keyBytes))];
}

function open(name: string, content: string): FileDraft {
  return { name, content, mode: publicFileMode };
}

function secret(name: string, content: string | Uint8Array): FileDraft {
  return { name, content, mode: secretFileMode };
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
  const history = readKeyHistory(folder);
  const { authority, site, subject } = history.generations;
  const authorities = await Promise.all(authority.filter(({ isRetired }) => !isRetired).map(readAuthority));
  const serving = authorities.find(({ number }) => number === history.servingAuthority);
  if (serving === undefined) throw damaged(folder, 'keys.jsonl', 'says that the authority in use is believed no more');
  return {
    authorities,
    serving,
    sealingKeys: await Promise.all(site.map(readSealingKey)),
    subjectKeys: await Promise.all(subject.map(readSubjectKey)),
  };
}

async function read(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    throw damaged(folder, name, isErrno(error, 'ENOENT') ? 'is missing' : 'cannot be read', error);
  }
}

async function readAuthority(generation: Generation): Promise<Authority> {
  const { folder } = generation;
  const certPem = (await read(folder, trustFiles.authority)).toString();
  const keyPem = (await read(folder, trustFiles.authorityKey)).toString();
  const gatewayPem = (await read(folder, trustFiles.gateway)).toString();
  const gatewayKeyPem = (await read(folder, trustFiles.gatewayKey)).toString();
  const authority = checkPair(folder, trustFiles.authority, certPem, trustFiles.authorityKey, keyPem);
  const gateway = checkPair(folder, trustFiles.gateway, gatewayPem, trustFiles.gatewayKey, gatewayKeyPem);
  if (!gateway.verify(authority.publicKey)) {
    throw damaged(folder, trustFiles.gateway, `was not signed by ${trustFiles.authority}`);
  }
  const id = createHash('sha256').update(authority.raw).digest('hex').slice(0, 16);
  return { ...generation, id, certPem, keyPem, gatewayPem, gatewayKeyPem };
}

async function readSealingKey(generation: Generation): Promise<SealingKey> {
  const { folder } = generation;
  const notice = readNotice(folder, await read(folder, trustFiles.notice));
  const isPrivateKeyHere = await checkSiteKey(folder, notice);
  return { ...generation, id: notice.key.id, notice, isPrivateKeyHere };
}

async function readSubjectKey(generation: Generation): Promise<SubjectKey> {
  const { folder } = generation;
  const key = checkKeyLength(folder, trustFiles.subjectKey, await read(folder, trustFiles.subjectKey));
  const id = createHmac('sha256', key).update('ravao subject key id v1').digest('base64url').slice(0, 16);
  return { ...generation, id, key };
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
