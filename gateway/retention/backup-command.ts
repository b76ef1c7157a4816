/** `backup` on the command line. */
import { relative } from 'node:path';
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import type { Clock } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { holdKeys, readPlainKeys, readWrappedFile, wrappedPath } from '../officer/site-keys.ts';
import { trustFiles } from '../trust/trust-files.ts';
import { makeBackup } from './backups.ts';
import { takeRetentionTurn } from './purging.ts';
import { requireStore } from './store-there.ts';

export const backupHelp = `backup: copies what must not be lost, while the gateway serves.

  npm run -s gateway -- backup [--out FOLDER]

Store, register of cards, trust folder, rules, audit and the keys of written
lists, into FOLDER (which is made), or into a folder of the data directory that
is named by the time. There, purge and "person erase" work on it too. From a
copy that lies elsewhere nobody deletes: delete the copy itself when its days
are over. A key that opens names goes along only under a passphrase
(trust/site.key.wrapped); trust/site.key, in clear, is left out: keep it apart.
`;

/** What the command is given by the program. */
export interface BackupSurroundings {
  readonly config: { readonly dataDir: string };
  readonly clock: Clock;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

/**
 * Runs it; the exit code. Throws the Faults STORE_MISSING, DATA_DIR_UNUSABLE, RETENTION_BUSY, BACKUP_FAILED, AUDIT_WRITE_FAILED
 * and those of the keys.
 */
export async function runBackup(args: readonly string[], surroundings: BackupSurroundings): Promise<number> {
  const { config, clock, print, warn } = surroundings;
  const typed = readArguments(args);
  if (typeof typed === 'string') return refuseArguments(typed, 'gateway -- backup', warn);
  requireStore(config.dataDir);
  using _ = takeRetentionTurn(config.dataDir);
  const elsewhere = typed.out !== undefined;
  await openAudit(config.dataDir, { clock }).record({ action: 'backup.make', what: { elsewhere } });
  const folder = await makeBackup(config.dataDir, typed.out ?? null, clock.nowMs());
  await print([`The backup is in ${folder}. ${await describeKeys(config.dataDir, folder)}\n`]);
  return exitCode.ok;
}

/** Which of the keys that open names came along, and which did not. */
async function describeKeys(dataDir: string, backup: string): Promise<string> {
  const plain = await readPlainKeys(dataDir);
  using _ = holdKeys(plain);
  const wrapped = (await readWrappedFile(wrappedPath(backup))) !== null;
  const paths = plain.map(({ path }) => relative(dataDir, path)).join(' and ');
  return [
    ...(plain.length === 0 ? [] : [`It lacks ${paths}, which opens names: keep that apart.`]),
    ...(wrapped
      ? [`It holds trust/${trustFiles.wrappedSiteKeys}, which opens names with the officer's passphrase.`]
      : []),
    ...(plain.length === 0 && !wrapped ? ['No key that opens names is in it: that was taken off this machine.'] : []),
  ].join(' ');
}

function readArguments(args: readonly string[]) {
  const typed = parseCommandLine(args, { options: { out: { type: 'string' } } });
  if (typeof typed === 'string') return typed;
  const { values } = typed;
  return values.out === '' ? '--out is the folder to make.' : values;
}
