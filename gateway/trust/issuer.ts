/**
 * Who issues printed cards: the site's own key, and the issuers of other places whose cards are taken here. All lies in
 * the trust folder, which must be there ({@link openTrust} makes it).
 */
import { createPrivateKey, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { exportIssuerKey, importIssuerKey, issuerIdOf } from '../../shared/card.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { type FileDraft, publicFileMode, putFile, replaceFile, secretFileMode } from './durable-file.ts';
import { type Generation, readKeyHistory } from './key-ledger.ts';
import { toDiskFault } from './trust-files.ts';

/** The issuer's files in the trust folder: the private key (PKCS #8), what others may know, and the others. */
export const issuerFiles = { key: 'issuer.key.pem', notice: 'issuer.json', others: 'issuers' } as const;

/** How many issuers of other places a site takes. */
export const otherIssuersMax = 64;

/** An issuer's file is far smaller. */
const fileBytesMax = 16 * 1024;

const noticeSchema = z.looseObject({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  name: z.string().min(1).max(200),
  publicKey: z.string().regex(/^[\w-]{43}$/),
});

/** What others may know of an issuer. Sites exchange it as a JSON file. */
export interface IssuerNotice {
  /** The key id that its cards carry. */
  readonly id: string;
  readonly name: string;
  /** Ed25519, 32 raw bytes, base64url. */
  readonly publicKey: string;
}

/** One generation of the site's own issuer. */
export interface IssuerKey {
  readonly notice: IssuerNotice;
  readonly privateKey: KeyObject;
  /** For the digests by which a person is found again: 32 bytes that follow from the private key (HKDF-SHA256). */
  readonly personKey: Uint8Array;
}

/** The site's own issuer: the key that new cards are signed with. */
export interface Issuer extends IssuerKey {
  /** The keys before it whose cards are still taken, newest first. */
  readonly former: readonly IssuerKey[];
}

/**
 * Opens the site's issuer and makes it where there is none. Nothing is ever made anew over itself: a new key would make
 * every card foreign. Throws the Faults ISSUER_DAMAGED, TRUST_DAMAGED and DATA_DIR_UNUSABLE.
 * @param name the site's; it goes onto every card, and into the public file when it was changed.
 */
export async function openIssuer(folder: string, name: string): Promise<Issuer> {
  try {
    if (!hasIssuer(folder)) await makeKey(folder);
    const keys: IssuerKey[] = [];
    for (const generation of issuerGenerations(folder)) keys.push(await openKey(generation.folder, name));
    const [newest, ...former] = keys.reverse();
    if (newest === undefined) throw new Fault('ISSUER_DAMAGED', `${folder}: the newest key is not taken any more.`);
    return { ...newest, former };
  } catch (error) {
    throw toDiskFault(folder, error);
  }
}

/** The generations whose cards are taken, oldest first. */
function issuerGenerations(folder: string): readonly Generation[] {
  return readKeyHistory(folder).generations.issuer.filter(({ isRetired }) => !isRetired);
}

async function openKey(folder: string, name: string): Promise<IssuerKey> {
  const privateKey = readPrivateKey(folder);
  const notice = noticeOf(privateKey, name);
  await keepNotice(folder, notice);
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' });
  return { notice, privateKey, personKey: new Uint8Array(hkdfSync('sha256', secret, '', 'ravao card people v1', 32)) };
}

function noticeOf(privateKey: KeyObject, name: string): IssuerNotice {
  const publicKey = exportIssuerKey(privateKey);
  return { id: issuerIdOf(publicKey), name, publicKey: Buffer.from(publicKey).toString('base64url') };
}

/** The files of a new key to sign cards with. */
export function draftIssuer(name: string): FileDraft[] {
  const { privateKey } = generateKeyPairSync('ed25519');
  const content = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return [
    { name: issuerFiles.key, content, mode: secretFileMode },
    { name: issuerFiles.notice, content: toFile(noticeOf(privateKey, name)), mode: publicFileMode },
  ];
}

/** Whether the site has a key to issue cards with, or had one. */
export function hasIssuer(folder: string): boolean {
  return [issuerFiles.key, issuerFiles.notice].some((name) => isThere(join(folder, name)));
}

/** Makes a key; where another process was faster, theirs is the key. */
async function makeKey(folder: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const content = privateKey.export({ type: 'pkcs8', format: 'pem' });
  await putFile(folder, { name: issuerFiles.key, content, mode: secretFileMode });
}

function readPrivateKey(folder: string): KeyObject {
  const path = join(folder, issuerFiles.key);
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (error) {
    const problem = isErrno(error, 'ENOENT') ? 'is missing' : 'is not a private key';
    throw new Fault('ISSUER_DAMAGED', `${path} ${problem}.`, { cause: error });
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new Fault('ISSUER_DAMAGED', `${path} is not an Ed25519 key.`);
}

/** Writes the public file where it is missing (a crash after the key) or the site has another name now. */
async function keepNotice(folder: string, notice: IssuerNotice): Promise<void> {
  const kept = readOwn(folder);
  if (kept !== null && kept.id !== notice.id) {
    throw new Fault('ISSUER_DAMAGED', `${join(folder, issuerFiles.notice)} does not belong to ${issuerFiles.key}.`);
  }
  if (kept?.name !== notice.name) {
    await replaceFile(folder, { name: issuerFiles.notice, content: toFile(notice), mode: publicFileMode });
  }
}

/** An issuer's public file, as text. */
export function toFile({ id, name, publicKey }: IssuerNotice): string {
  return `${JSON.stringify({ id, name, publicKey })}\n`;
}

/** The key ids with which the site itself has ever signed: they alone make control cards. Throws as {@link readIssuers} does. */
export function readOwnIssuerIds(folder: string): readonly string[] {
  return readOwns(folder).map(({ id }) => id);
}

/**
 * Whose cards are taken here: the site's own first, where it has issued any, the newest key before those that it took the
 * place of; then those of other places by their id. Throws the Faults ISSUER_DAMAGED, TRUST_DAMAGED and
 * ISSUER_FILE_INVALID, which name the file.
 */
export function readIssuers(folder: string): readonly IssuerNotice[] {
  const own = readOwns(folder);
  const others = readOthers(folder).filter(({ id }) => own.every((one) => one.id !== id));
  return [...own, ...others];
}

function readOwns(folder: string): readonly IssuerNotice[] {
  const own = readOwnIssuers(folder).reverse();
  return own.map(({ number: _, ...notice }) => notice);
}

/** The site's own whose cards are taken, oldest first, each with the number of its generation. Throws as {@link readIssuers}. */
export function readOwnIssuers(folder: string): (IssuerNotice & { readonly number: number })[] {
  return issuerGenerations(folder).flatMap(({ folder: place, number }) => {
    const own = readOwn(place);
    return own === null ? [] : [{ ...own, number }];
  });
}

function readOwn(folder: string): IssuerNotice | null {
  const path = join(folder, issuerFiles.notice);
  return isThere(path) ? readNotice(path, 'ISSUER_DAMAGED') : null;
}

function readOthers(folder: string): readonly IssuerNotice[] {
  const others = join(folder, issuerFiles.others);
  if (!isThere(others)) return [];
  const names = readdirSync(others).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  if (names.length > otherIssuersMax) {
    throw new Fault('ISSUER_FILE_INVALID', `${others} holds ${names.length} issuers, ${otherIssuersMax} are allowed.`);
  }
  const notices = names.map((name) => readNotice(join(others, name), 'ISSUER_FILE_INVALID'));
  return [...new Map(notices.map((notice) => [notice.id, notice])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What became of another place's issuer. `own`: it is this site's. `conflict`: another key has the same id already. */
export interface Trusting {
  readonly issuer: IssuerNotice;
  readonly outcome: 'new' | 'known' | 'renamed' | 'own' | 'conflict' | 'too-many';
}

/**
 * Takes the cards of another place's issuer from now on. Throws the Faults ISSUER_FILE_INVALID, ISSUER_DAMAGED and
 * DATA_DIR_UNUSABLE.
 * @param path the public file that the other place's `cards issuer` printed.
 * @param before called when something is about to change; what it throws stops it.
 */
export async function trustIssuer(
  folder: string,
  path: string,
  before: (trusting: Trusting) => Promise<void> = async () => {},
): Promise<Trusting> {
  const issuer = readNotice(path, 'ISSUER_FILE_INVALID');
  const known = readIssuers(folder);
  const same = known.find(({ id }) => id === issuer.id);
  if (same !== undefined && same.publicKey !== issuer.publicKey) return { issuer, outcome: 'conflict' };
  if (same !== undefined && readOwns(folder).some(({ id }) => id === issuer.id)) return { issuer, outcome: 'own' };
  const others = join(folder, issuerFiles.others);
  if (same?.name === issuer.name) return { issuer, outcome: 'known' };
  if (same === undefined && readOthers(folder).length >= otherIssuersMax) return { issuer, outcome: 'too-many' };
  const trusting: Trusting = { issuer, outcome: same === undefined ? 'new' : 'renamed' };
  await before(trusting);
  try {
    makeDurableFolder(others);
    await replaceFile(others, { name: `${issuer.id}.json`, content: toFile(issuer), mode: publicFileMode });
  } catch (error) {
    throw toDiskFault(others, error);
  }
  return trusting;
}

function readNotice(path: string, code: 'ISSUER_DAMAGED' | 'ISSUER_FILE_INVALID'): IssuerNotice {
  let notice: IssuerNotice;
  try {
    const bytes = statSync(path).size;
    if (bytes > fileBytesMax) throw new Error(`it has ${bytes} bytes, ${fileBytesMax} are allowed`);
    // Nothing else of it: what a file of another place says of itself beyond that must not reach a kiosk.
    const { id, name, publicKey } = noticeSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    notice = { id, name, publicKey };
    importIssuerKey(Buffer.from(notice.publicKey, 'base64url'));
  } catch (error) {
    throw new Fault(code, `${path} is not an issuer's public file: ${describeError(error)}.`, { cause: error });
  }
  if (issuerIdOf(Buffer.from(notice.publicKey, 'base64url')) === notice.id) return notice;
  throw new Fault(code, `${path} names a key id that is not that of its public key.`);
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
