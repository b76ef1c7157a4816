/** Keeping the site's private keys: wrapping them, giving them another passphrase, taking them off the machine and back. */
import { strict as assert } from 'node:assert';
import { open, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import { syncFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { openAudit } from '../audit/audit.ts';
import { replaceFile, secretFileMode } from '../trust/durable-file.ts';
import { newest } from '../trust/grant.ts';
import { readTrustFolder } from '../trust/trust-files.ts';
import { type Attempts, lockTrust, readAttempts } from './attempts.ts';
import { openOutFile } from './out-file.ts';
import { weaknessOf } from './passphrase.ts';
import type { PassphraseSource } from './passphrase-source.ts';
import {
  erasingName,
  holdKeys,
  type KeyAccess,
  openWrapped,
  readPlainKeys,
  readWrappedFile,
  triesMax,
  type Unopened,
  type WrappedFile,
  wrappedPath,
} from './site-keys.ts';
import { readWrappedKeys, type ScryptCost, type SiteSecret, scryptCost, unwrapKeys, wrapKeys } from './wrapped-key.ts';

/** One command at a time changes how keys are kept: the other's passphrase would silently be the one that counts. */
export const keepingLock = 'keys.lock';

/** What keeping keys takes. */
export interface KeepingAccess extends KeyAccess {
  /** Where a new passphrase comes from. */
  readonly newPassphrase: PassphraseSource;
  /** What a guess is to cost; {@link scryptCost} unless told otherwise. */
  readonly cost?: ScryptCost;
}

/** Where the keys are. */
export interface KeyStatus {
  /** The id of the key that identities are sealed to now. */
  readonly current: string;
  readonly plain: readonly string[];
  /** Null where there is no wrapped file here. */
  readonly wrapped: readonly string[] | null;
  readonly attempts: Attempts;
}

/** Looks where the keys are; opens nothing. Throws the Faults of the trust folder and of the wrapped file. */
export async function readKeyStatus({ dataDir, clock }: Pick<KeyAccess, 'dataDir' | 'clock'>): Promise<KeyStatus> {
  using plain = holdKeys(await readPlainKeys(dataDir));
  const wrapped = await readWrappedFile(wrappedPath(dataDir));
  return {
    current: await currentKeyId(dataDir),
    plain: plain.secrets.map(({ id }) => id),
    wrapped: wrapped?.keys.keys.map(({ key }) => key) ?? null,
    attempts: await readAttempts(dataDir, clock.nowMs()),
  };
}

/** What became of keys that were to be protected. */
export type Protected =
  | { readonly type: 'protected'; readonly path: string; readonly removed: readonly string[] }
  /** There is no key here in clear. */
  | { readonly type: 'nothing-plain'; readonly isWrapped: boolean }
  | { readonly type: 'unopened'; readonly why: Exclude<Unopened, 'elsewhere'> };

/**
 * Wraps every key that lies here in clear, together with those that are wrapped already; proves that the new file opens; and
 * only then overwrites and removes what lay in clear. May be cut off anywhere and run again.
 * Throws the Faults of the files, of the passphrase and of the audit.
 */
export async function protectKeys(access: KeepingAccess): Promise<Protected> {
  const { dataDir } = access;
  using _ = lockTrust(dataDir, keepingLock);
  const plain = await readPlainKeys(dataDir);
  using _plain = holdKeys(plain);
  const wrapped = await readWrappedFile(wrappedPath(dataDir));
  if (plain.length === 0) return { type: 'nothing-plain', isWrapped: wrapped !== null };
  const before = wrapped === null ? null : await openWrapped(wrapped, 'site-key protect', access);
  if (typeof before === 'string') return { type: 'unopened', why: before };
  using _before = holdKeys(before?.secrets ?? []);
  const passphrase = before?.passphrase ?? (await choosePassphrase(access));
  if (passphrase === null) return { type: 'unopened', why: 'cancelled' };
  const audit = openAudit(dataDir, access);
  const what = { keys: [...new Set(plain.map(({ id }) => id))] };
  await audit.record({ action: 'key.protect', what });
  const known = before?.secrets ?? [];
  const secrets = [...new Map([...known, ...plain].map((secret) => [secret.id, secret])).values()];
  await replaceWrapped(wrappedPath(dataDir), secrets, passphrase, access);
  for (const { path } of plain) await eraseKey(path);
  await audit.record({ action: 'key.protected', what });
  return { type: 'protected', path: wrappedPath(dataDir), removed: plain.map(({ path }) => path) };
}

/**
 * Wraps the keys of the file anew under another passphrase. Copies that lie elsewhere keep the old one.
 * @returns null where it is done.
 */
export async function changePassphrase(access: KeepingAccess): Promise<Unopened | null> {
  const path = access.keyFile ?? wrappedPath(access.dataDir);
  using _lock = lockTrust(access.dataDir, keepingLock);
  const wrapped = await readWrappedFile(path);
  if (wrapped === null) return 'elsewhere';
  const opened = await openWrapped(wrapped, 'site-key change-passphrase', access);
  if (typeof opened === 'string') return opened;
  using _ = holdKeys(opened.secrets);
  const passphrase = await choosePassphrase(access);
  if (passphrase === null) return 'cancelled';
  await openAudit(access.dataDir, access).record({
    action: 'key.passphrase-changed',
    what: { keys: opened.secrets.map(({ id }) => id) },
  });
  await replaceWrapped(path, opened.secrets, passphrase, access);
  return null;
}

/** What became of an export. */
export type Exported =
  | { readonly type: 'exported'; readonly onSameDisk: boolean }
  /** There is no wrapped file here; `plain`: but a key in clear, which is to be wrapped first. */
  | { readonly type: 'nothing'; readonly plain: boolean };

/**
 * Copies the wrapped file to `out`, reads the copy back, and removes the one here unless it is to be kept.
 * Throws the Faults KEY_FILE_EXISTS, KEY_FILE_UNWRITTEN and those of the file here and of the audit.
 */
export async function exportKeys(access: KeyAccess, out: string, keep: boolean): Promise<Exported> {
  const { dataDir } = access;
  const here = wrappedPath(dataDir);
  using _ = lockTrust(dataDir, keepingLock);
  const wrapped = await readWrappedFile(here);
  using plain = holdKeys(await readPlainKeys(dataDir));
  if (wrapped === null || plain.secrets.length > 0) return { type: 'nothing', plain: plain.secrets.length > 0 };
  const text = await readFile(here, 'utf8');
  const audit = openAudit(dataDir, access);
  await audit.record({ action: 'key.export', what: { keep, keys: idsOf(wrapped) } });
  try {
    await using file = await openOutFile(out);
    await file.write(text);
    await file.finish();
    assert.equal(await readFile(out, 'utf8'), text, 'the copy is not what was written');
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    const code = isErrno(error, 'EEXIST') ? 'KEY_FILE_EXISTS' : 'KEY_FILE_UNWRITTEN';
    throw new Fault(code, `File: ${out}: ${describeError(error)}.`, { cause: error });
  }
  const onSameDisk = (await stat(out)).dev === (await stat(here)).dev;
  if (!keep) {
    await rm(here);
    syncFolder(dirname(here));
  }
  await audit.record({ action: 'key.exported', what: { keep, keys: idsOf(wrapped) } });
  return { type: 'exported', onSameDisk };
}

/**
 * Puts a wrapped file back that was exported. Throws the Faults KEY_FILE_INVALID, KEY_FILE_NEWER, KEY_FILE_FOREIGN,
 * KEY_FILE_EXISTS and KEY_FILE_UNWRITTEN, and those of the audit.
 */
export async function importKeys(access: KeyAccess, from: string): Promise<'imported' | 'there-before'> {
  const { dataDir } = access;
  using _ = lockTrust(dataDir, keepingLock);
  const wrapped = await readWrappedFile(from);
  if (wrapped === null) throw new Fault('KEY_FILE_INVALID', `File: ${from}: it is not there.`);
  const current = await currentKeyId(dataDir);
  if (!idsOf(wrapped).includes(current))
    throw new Fault('KEY_FILE_FOREIGN', `File: ${from}: it holds ${idsOf(wrapped).join(' ')}, not ${current}.`);
  const path = wrappedPath(dataDir);
  const there = await readWrappedFile(path);
  if (there?.keys.digest === wrapped.keys.digest) return 'there-before';
  if (there !== null) throw new Fault('KEY_FILE_EXISTS', `File: ${path}.`);
  await openAudit(dataDir, access).record({ action: 'key.import', what: { keys: idsOf(wrapped) } });
  const content = `${JSON.stringify(wrapped.keys)}\n`;
  await replaceDurably(path, content);
  return 'imported';
}

function idsOf({ keys }: WrappedFile): string[] {
  return keys.keys.map(({ key }) => key);
}

async function currentKeyId(dataDir: string): Promise<string> {
  const { sealingKeys } = await readTrustFolder(join(dataDir, 'trust'));
  return newest(sealingKeys).id;
}

/** Asks for a new passphrase, twice where a person types it. Null where the person gave up. */
async function choosePassphrase({ newPassphrase, warn }: KeepingAccess): Promise<string | null> {
  for (let tried = 0; tried < triesMax; tried++) {
    const passphrase = await newPassphrase.ask('New passphrase of the health officer: ');
    if (passphrase === null || passphrase === '') return null;
    const weakness = weaknessOf(passphrase);
    if (weakness !== null) {
      warn(`That is no good passphrase. ${weakness}\n`);
      if (!newPassphrase.asksPerson) return null;
      continue;
    }
    if (!newPassphrase.asksPerson) return passphrase;
    const again = await newPassphrase.ask('The same once more: ');
    if (again === passphrase) return passphrase;
    if (again === null) return null;
    warn('Those two are not the same.\n');
  }
  return null;
}

/** Wraps keys into a file and proves, from the disk, that the passphrase gives each of them back. */
async function replaceWrapped(
  path: string,
  secrets: readonly SiteSecret[],
  passphrase: string,
  { cost = scryptCost, warn }: Pick<KeepingAccess, 'cost' | 'warn'>,
): Promise<void> {
  warn(
    'Wrapping the key, and opening it twice to be sure. That takes some seconds, on a small machine half a minute.\n',
  );
  const text = await wrapKeys(secrets, passphrase, cost);
  await proveOpens(text, path, secrets, passphrase);
  await replaceDurably(path, text);
  await proveOpens(await readFile(path, 'utf8'), path, secrets, passphrase);
}

async function proveOpens(
  text: string,
  path: string,
  secrets: readonly SiteSecret[],
  passphrase: string,
): Promise<void> {
  const opened = await unwrapKeys(readWrappedKeys(text, path), passphrase, path);
  using held = holdKeys(opened ?? []);
  assert.deepEqual(
    held.secrets.map(({ id, privateKey }) => [id, Buffer.from(privateKey)]),
    secrets.map(({ id, privateKey }) => [id, Buffer.from(privateKey)]),
    'the wrapped file does not give back the keys that were put in',
  );
}

async function replaceDurably(path: string, content: string): Promise<void> {
  try {
    await replaceFile(dirname(path), { name: basename(path), content, mode: secretFileMode });
  } catch (error) {
    throw new Fault('KEY_FILE_UNWRITTEN', `File: ${path}: ${describeError(error)}.`, { cause: error });
  }
}

/**
 * Overwrites a key and removes it, first of all its name: a key of zeros under it would stop the gateway's next start. Flash
 * memory may keep what it held all the same.
 */
async function eraseKey(path: string): Promise<void> {
  const aside = join(dirname(path), erasingName);
  try {
    await rename(path, aside);
    syncFolder(dirname(path));
    const file = await open(aside, 'r+');
    try {
      await file.write(Buffer.alloc((await file.stat()).size), 0, null, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await unlink(aside);
    syncFolder(dirname(path));
  } catch (error) {
    throw new Fault('KEY_FILE_UNWRITTEN', `File: ${path} could not be erased: ${describeError(error)}.`, {
      cause: error,
    });
  }
}
