/** Copies of all that a gateway must not lose, made while it serves; and which there are in its data directory. */
import { randomUUID } from 'node:crypto';
import { chmod, copyFile, cp, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import { makeDurableFolder, syncFile, syncFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { lockAudit } from '../audit/audit.ts';
import { auditPaths } from '../audit/audit-file.ts';
import { registerFileName, registerPath } from '../cards/register-file.ts';
import { siteRulesDir } from '../site-rules/site-rules-files.ts';
import { storeFileName, storePath } from '../store/connection.ts';
import { copyDatabase } from '../store/copying.ts';
import { secretFolderMode } from '../trust/durable-file.ts';
import { trustFiles } from '../trust/trust-files.ts';

/** The folder of backups in the data directory. */
const backupsName = 'backups';

/** A backup under way; one that a killed process left is removed by the next. */
const makingEnding = '.making';

/** A backup of this data directory. */
export interface Backup {
  readonly path: string;
  /** When it was begun, milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/**
 * Makes a backup: the store and the register of cards as each is at one moment, the trust folder without the private keys
 * that open identities, the audit with its head, the site's rules, and the keys of written lists. Whole or not there. Resolves with its
 * folder. Throws the Fault BACKUP_FAILED.
 * @param out the folder to make; null: one in the data directory, named by the time.
 */
export async function makeBackup(dataDir: string, out: string | null, nowMs: number): Promise<string> {
  const target = out === null ? join(resolve(dataDir), backupsName, nameOf(nowMs)) : resolve(out);
  const making = out === null ? target + makingEnding : `${target}.${randomUUID()}${makingEnding}`;
  try {
    if (await exists(target)) throw new Error('it is there already');
    makeDurableFolder(dirname(target));
    await mkdir(making, { mode: secretFolderMode });
    await copyDatabase(storePath(dataDir), join(making, storeFileName));
    if (await exists(registerPath(dataDir))) await copyDatabase(registerPath(dataDir), join(making, registerFileName));
    await copyFolder(join(dataDir, 'trust'), join(making, 'trust'));
    if (await exists(join(dataDir, 'backfill'))) await copyFolder(join(dataDir, 'backfill'), join(making, 'backfill'));
    for (const name of ['settings.json', 'barred.json']) await copyRule(dataDir, making, name);
    await copyAudit(dataDir, making);
    await syncAll(making);
    await rename(making, target);
    syncFolder(dirname(target));
    return target;
  } catch (error) {
    // Of whatever fails here the first error tells more.
    await rm(making, { recursive: true, force: true }).catch(() => undefined);
    // Goes only where it is empty, so where it was made for this one.
    if (out === null) await rmdir(dirname(target)).catch(() => undefined);
    throw new Fault('BACKUP_FAILED', `Folder: ${target}: ${describeError(error)}.`, { cause: error });
  }
}

/** Who is expected on a day is of no use later. */
async function copyRule(dataDir: string, making: string, name: string): Promise<void> {
  const from = join(siteRulesDir(dataDir), name);
  if (!(await exists(from))) return;
  await mkdir(siteRulesDir(making), { recursive: true, mode: secretFolderMode });
  await copyFile(from, join(siteRulesDir(making), name));
}

/** The backups in a data directory, oldest first; what was never finished is removed. Throws what the system says. */
export async function listBackups(dataDir: string): Promise<readonly Backup[]> {
  const folder = join(resolve(dataDir), backupsName);
  const backups: Backup[] = [];
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (name.endsWith(makingEnding)) {
      await rm(path, { recursive: true, force: true });
      continue;
    }
    const found = await stat(path);
    if (!found.isDirectory()) continue;
    backups.push({ path, atMs: timeOf(name) ?? found.mtimeMs });
  }
  return backups.sort((a, b) => a.atMs - b.atMs);
}

/** Removes a backup with all that is in it. */
export async function removeBackup({ path }: Backup): Promise<void> {
  await rm(path, { recursive: true, force: true });
  syncFolder(dirname(path));
}

/** `2026-11-20T08-31-04.123Z`: sorts by time, and no file system minds it. */
function nameOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(':', '-');
}

function timeOf(name: string): number | null {
  const found = /^(\d{4}-\d{2}-\d{2}T\d{2})-(\d{2})-(\d{2}\.\d{3}Z)$/.exec(name);
  return found === null ? null : Date.parse(`${found[1]}:${found[2]}:${found[3]}`);
}

/** A private key that opens identities is kept apart from them; one that is wrapped by a passphrase may go along. */
async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !path.endsWith('.tmp') && !path.endsWith(`/${trustFiles.siteKey}`),
  });
  await chmod(to, secretFolderMode);
}

async function copyAudit(dataDir: string, to: string): Promise<void> {
  using _ = lockAudit(dataDir);
  const { file, head } = auditPaths(dataDir);
  if (await exists(file)) await copyFile(file, auditPaths(to).file);
  if (await exists(head)) await copyFile(head, auditPaths(to).head);
}

async function syncAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncAll(path);
    else if (entry.isFile()) syncFile(path);
  }
  syncFolder(folder);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
