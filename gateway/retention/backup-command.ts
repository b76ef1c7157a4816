/** `backup` on the command line. */
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import type { Clock } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { makeBackup } from './backups.ts';
import { takeRetentionTurn } from './purging.ts';

export const backupHelp = `backup: copies what must not be lost, while the gateway serves.

  npm run -s gateway -- backup [--out FOLDER]

Store, register of cards, trust folder, rules, audit and the keys of written
lists, into FOLDER (which is made), or into a folder of the data directory that
is named by the time. There, purge and "person erase" work on it too. From a
copy that lies elsewhere nobody deletes: delete the copy itself when its days
are over. Keys that lie in clear (site.key) are left out: keep them apart.
`;

/** What the command is given by the program. */
export interface BackupSurroundings {
  readonly config: { readonly dataDir: string };
  readonly clock: Clock;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

/** Runs it; the exit code. Throws the Faults RETENTION_BUSY, BACKUP_FAILED and AUDIT_WRITE_FAILED. */
export async function runBackup(args: readonly string[], surroundings: BackupSurroundings): Promise<number> {
  const { config, clock, print, warn } = surroundings;
  const typed = readArguments(args);
  if (typeof typed === 'string') return refuseArguments(typed, 'gateway -- backup', warn);
  using _ = takeRetentionTurn(config.dataDir);
  const elsewhere = typed.out !== undefined;
  await openAudit(config.dataDir, { clock }).record({ action: 'backup.make', what: { elsewhere } });
  const folder = await makeBackup(config.dataDir, typed.out ?? null, clock.nowMs());
  await print([`The backup is in ${folder}. It lacks trust/site.key, which opens names: keep that apart.\n`]);
  return exitCode.ok;
}

function readArguments(args: readonly string[]) {
  const typed = parseCommandLine(args, { options: { out: { type: 'string' } } });
  if (typeof typed === 'string') return typed;
  const { values } = typed;
  return values.out === '' ? '--out is the folder to make.' : values;
}
