/** The site's private keys on this machine or beside it: where they are, and how they are opened. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import { createOpener, type IdentityOpener, publicKeyOf, siteKeyId } from '../../shared/identity.ts';
import type { Clock } from '../../shared/ports.ts';
import { isErrno } from '../../shared/system-error.ts';
import { counted } from '../counted.ts';
import { keyBytes, toDiskFault, trustFiles } from '../trust/trust-files.ts';
import { type Attempted, tryPassphrase } from './attempts.ts';
import type { PassphraseSource } from './passphrase-source.ts';
import { readWrappedKeys, type SiteSecret, unwrapKeys, type WrappedKeys, wrappedFileBytesMax } from './wrapped-key.ts';

/** How often a person is asked before a command gives up. */
export const triesMax = 3;

/** What opening keys takes. */
export interface KeyAccess {
  readonly dataDir: string;
  /** A wrapped file that lies elsewhere, on a stick; null: the one in the trust folder. */
  readonly keyFile: string | null;
  readonly passphrase: PassphraseSource;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Writes to standard error. */
  warn(text: string): void;
}

/** A file of wrapped keys and where it was found. */
export interface WrappedFile {
  readonly path: string;
  readonly keys: WrappedKeys;
}

/** Keys in clear, until they are disposed. */
export interface OpenedKeys extends Disposable {
  readonly secrets: readonly SiteSecret[];
}

/** Why keys were not opened, where nothing is broken. */
export type Unopened =
  /** There is none here: it was taken off the machine. */
  | 'elsewhere'
  | 'wrong-passphrase'
  /** The person gave up, or the program is stopping. */
  | 'cancelled';

/** What a person is told where the keys were not opened; the same for every command. */
export const whyUnopened: Readonly<Record<Unopened, string>> = {
  elsewhere:
    'The key that opens names is not on this machine. Name its file with --key-file, or put it back with "site-key import".\n',
  'wrong-passphrase': 'Nothing was opened.\n',
  cancelled: 'Nothing was opened.\n',
};

/** Holds keys in clear and overwrites them when they are disposed. */
export function holdKeys(secrets: readonly SiteSecret[]): OpenedKeys {
  return {
    secrets,
    [Symbol.dispose]() {
      for (const { privateKey } of secrets) privateKey.fill(0);
    },
  };
}

/** A private key that lies in clear on the disk. */
export interface PlainKey extends SiteSecret {
  readonly path: string;
}

/** What a key in clear is called while it is being erased: a power cut may leave it, with what it held or with zeros. */
export const erasingName = `.${trustFiles.siteKey}.erasing`;

/**
 * The keys that lie in the trust folder in clear, oldest first; also one whose erasing was cut off. Throws the Faults
 * TRUST_DAMAGED and DATA_DIR_UNUSABLE.
 */
export async function readPlainKeys(dataDir: string): Promise<readonly PlainKey[]> {
  const found: PlainKey[] = [];
  for (const folder of await siteKeyFolders(join(dataDir, 'trust'))) {
    for (const name of [trustFiles.siteKey, erasingName]) {
      const path = join(folder, name);
      const privateKey = await readKey(path);
      if (privateKey === null || (name === erasingName && privateKey.every((byte) => byte === 0))) continue;
      found.push({ id: siteKeyId(publicKeyOf(privateKey)), privateKey, path });
    }
  }
  return found;
}

/** Null where there is none. */
async function readKey(path: string): Promise<Buffer | null> {
  let privateKey: Buffer;
  try {
    privateKey = await readFile(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw toDiskFault(path, error);
  }
  if (privateKey.byteLength === keyBytes) return privateKey;
  throw new Fault('TRUST_DAMAGED', `${path} holds ${privateKey.byteLength} bytes instead of ${keyBytes}.`);
}

/** The first generation lies in the trust folder itself, later ones in `keys/site-2`, `keys/site-3`, … */
async function siteKeyFolders(trustFolder: string): Promise<readonly string[]> {
  const keys = join(trustFolder, 'keys');
  try {
    const later = (await readdir(keys)).filter((name) => /^site-\d+$/.test(name));
    const inOrder = later.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
    return [trustFolder, ...inOrder.map((name) => join(keys, name))];
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [trustFolder];
    throw toDiskFault(keys, error);
  }
}

/** Where the wrapped keys of a data directory lie. */
export function wrappedPath(dataDir: string): string {
  return join(dataDir, 'trust', trustFiles.wrappedSiteKeys);
}

/** A file of wrapped keys; null where there is none. Throws the Faults KEY_FILE_INVALID and KEY_FILE_NEWER. */
export async function readWrappedFile(path: string): Promise<WrappedFile | null> {
  let text: string;
  try {
    if ((await stat(path)).size > wrappedFileBytesMax) throw new Error('it is too long');
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw new Fault('KEY_FILE_INVALID', `File: ${path}: ${describeError(error)}.`, { cause: error });
  }
  return { path, keys: readWrappedKeys(text, path) };
}

/**
 * Opens every key that can be opened: those in clear, and, where a wrapped file holds more, those in it, for which the
 * passphrase is asked. Throws the Faults of reading them, and those of {@link tryPassphrase}.
 * @param purpose what for, for the audit of attempts.
 */
export async function openSiteKeys(purpose: string, access: KeyAccess): Promise<OpenedKeys | Unopened> {
  const plain = await readPlainKeys(access.dataDir);
  const path = access.keyFile ?? wrappedPath(access.dataDir);
  const wrapped = await readWrappedFile(path);
  if (wrapped === null && access.keyFile !== null)
    throw new Fault('KEY_FILE_INVALID', `File: ${path}: it is not there.`);
  const more = wrapped?.keys.keys.some(({ key }) => plain.every(({ id }) => id !== key)) ?? false;
  if (wrapped === null || !more) return plain.length === 0 ? 'elsewhere' : holdKeys(plain);
  const opened = await openWrapped(wrapped, purpose, access);
  if (typeof opened === 'string') return opened;
  return holdKeys([...plain, ...opened.secrets.filter(({ id }) => plain.every((one) => one.id !== id))]);
}

/** The same as openers of identities, by key id; the keys themselves are overwritten again. */
export async function openIdentities(
  purpose: string,
  access: KeyAccess,
): Promise<ReadonlyMap<string, IdentityOpener> | Unopened> {
  const keys = await openSiteKeys(purpose, access);
  if (typeof keys === 'string') return keys;
  using held = keys;
  const openers = await Promise.all(held.secrets.map(({ privateKey }) => createOpener(privateKey)));
  return new Map(openers.map((opener) => [opener.id, opener]));
}

/** What a file held, and what opened it. */
export interface OpenedFile {
  readonly secrets: readonly SiteSecret[];
  /** Normalised. */
  readonly passphrase: string;
}

/** Asks for the passphrase, at most {@link triesMax} times, and opens a file with it. */
export async function openWrapped(
  wrapped: WrappedFile,
  purpose: string,
  access: KeyAccess,
): Promise<OpenedFile | Exclude<Unopened, 'elsewhere'>> {
  const tries = access.passphrase.asksPerson ? triesMax : 1;
  for (let tried = 0; tried < tries; tried++) {
    const passphrase = await access.passphrase.ask('Passphrase of the health officer: ');
    // Nothing typed is nobody's passphrase, and so no attempt.
    if (passphrase === null || passphrase === '') return 'cancelled';
    const attempted = await tryOnce(wrapped, passphrase, purpose, access);
    if (attempted.type === 'stopped') return 'cancelled';
    if (attempted.type === 'right') {
      if (attempted.wrongBefore > 0)
        access.warn(
          `Wrong attempts since it was last right: ${attempted.wrongBefore}. If they were not yours, look at "audit".\n`,
        );
      return { secrets: attempted.value, passphrase };
    }
    access.warn(
      `That is not the passphrase. Wrong attempts: ${attempted.wrong}; the next waits ${describeWait(attempted.nextWaitMs)}.\n`,
    );
  }
  return 'wrong-passphrase';
}

function tryOnce(
  { keys, path }: WrappedFile,
  passphrase: string,
  purpose: string,
  { dataDir, clock, signal, warn }: KeyAccess,
): Promise<Attempted<readonly SiteSecret[]>> {
  const onWait = (wrong: number, waitMs: number) =>
    warn(`After ${counted(wrong, 'wrong attempt')} this one waits ${describeWait(waitMs)}.\n`);
  return tryPassphrase(purpose, { dataDir, clock, signal, onWait }, () => unwrapKeys(keys, passphrase, path));
}

function describeWait(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}
