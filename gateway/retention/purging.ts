/** One purge of a data directory: the store, the files of its own upstreams, and the backups that lie in it. */
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import { isOperatingError } from '../process-lock.ts';
import { cursorStart, type PurgeOrder, type StoreRemover, type UpstreamPlace } from '../store/remover.ts';
import { openCopyRemover, openSqliteRemover } from '../store/sqlite-remover.ts';
import type { Removals } from '../store/store.ts';
import { tryTurn } from '../store/turn.ts';
import type { UpstreamTarget } from '../upstream/upstream-url.ts';
import { type Backup, listBackups, removeBackup } from './backups.ts';
import { dropPastDays } from './expected-lists.ts';
import { tidyForwardedFiles } from './forwarded-files.ts';

/** A day, in milliseconds. */
export const dayMs = 86_400_000;

/** Between two slices others get their turn for so long, in milliseconds: commits of entries come first. */
const slicePauseMs = 50;

/** Whose data is kept for how long. */
export interface Keeping {
  readonly dataDir: string;
  readonly keepDays: number;
  readonly upstreams: readonly UpstreamTarget[];
}

export interface PurgeParts {
  readonly clock: Clock;
  /** Ends it after the slice under way; what was deleted stays so. */
  readonly signal?: AbortSignal;
  /** Whether the gateway runs in this process. */
  readonly isServing?: boolean;
}

/** What a purge did. */
export interface PurgeReport extends Removals {
  readonly beforeMs: number;
  /** Lines taken out of files of entries in the data directory. */
  readonly lines: number;
  readonly backupsRemoved: number;
  /** Entries and things in quarantine that were taken out of backups that are younger. */
  readonly inBackups: number;
  /** What could not be done, for a person: files, and what is wrong with each. */
  readonly problems: readonly string[];
  /** Upstreams that hold back what is old enough. */
  readonly holdingBack: readonly UpstreamPlace[];
  /** Whether it came to its end. */
  readonly complete: boolean;
}

/** One at a time purges, erases or makes a backup. Throws the Faults RETENTION_BUSY and DATA_DIR_UNUSABLE. */
export function takeRetentionTurn(dataDir: string): Disposable {
  let turn: Disposable | null;
  try {
    turn = tryTurn(join(dataDir, 'retention.lock'));
  } catch (error) {
    if (!isOperatingError(error)) throw error;
    throw new Fault('DATA_DIR_UNUSABLE', `Directory: ${dataDir}`, { cause: error });
  }
  if (turn === null) throw new Fault('RETENTION_BUSY', `Directory: ${dataDir}`);
  return turn;
}

/** What may go now. */
export function purgeOrder({ keepDays, upstreams }: Keeping, nowMs: number): PurgeOrder {
  return { beforeMs: nowMs - keepDays * dayMs, upstreams: upstreams.map(({ name }) => name) };
}

/**
 * Purges, also beside a gateway that serves, and after a purge that was killed at any moment. Throws the Faults
 * RETENTION_BUSY and those of the store.
 */
export async function purgeAll(keeping: Keeping, parts: PurgeParts): Promise<PurgeReport> {
  const { dataDir, upstreams } = keeping;
  const { clock, signal, isServing = false } = parts;
  using _ = takeRetentionTurn(dataDir);
  const nowMs = clock.nowMs();
  const order = purgeOrder(keeping, nowMs);
  await using remover = await openSqliteRemover({ dir: dataDir, clock, isServing });
  await remover.noteTaken(order.upstreams, nowMs);
  const done = await purgeStore(remover, order, parts);
  const paths = upstreams.flatMap((target) => (target.type === 'file' && target.inBase ? [target.path] : []));
  const files = await tidyForwardedFiles(dataDir, paths, { beforeMs: order.beforeMs, words: [] }, clock);
  const backups = await purgeBackups(dataDir, order, parts);
  const expected = await dropPastDays(dataDir, nowMs);
  return {
    ...done,
    ...backups,
    beforeMs: order.beforeMs,
    lines: files.lines,
    problems: [
      ...files.busy.map((path) => `${path} is being written: its old lines go next time`),
      ...backups.problems,
      ...(expected === null ? [] : [expected]),
    ],
    holdingBack: await remover.holdingBack(order),
    complete: !signal?.aborted,
  };
}

async function purgeStore(remover: StoreRemover, order: PurgeOrder, { clock, signal }: PurgeParts): Promise<Removals> {
  let entries = 0;
  let quarantined = 0;
  for (let from: typeof cursorStart | null = cursorStart; from !== null && !signal?.aborted; ) {
    const slice = await remover.purge(order, from);
    entries += slice.entries;
    quarantined += slice.quarantined;
    from = slice.next;
    if (from !== null) await sleep(clock, slicePauseMs, signal);
  }
  if (!signal?.aborted) await remover.endPurge(order);
  // Also when nothing was deleted: the one before may have been killed.
  if (!signal?.aborted) await remover.settle();
  return { entries, quarantined };
}

/** Backups that are as old as what may go are removed whole; in the others the same is deleted as was here. */
async function purgeBackups(dataDir: string, order: PurgeOrder, parts: PurgeParts) {
  let backupsRemoved = 0;
  let inBackups = 0;
  const problems: string[] = [];
  for (const backup of await listBackups(dataDir)) {
    if (parts.signal?.aborted) break;
    if (backup.atMs <= order.beforeMs) {
      await removeBackup(backup);
      backupsRemoved++;
      continue;
    }
    try {
      inBackups += await purgeBackup(backup, order, parts);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      problems.push(`${backup.path}: ${describeError(error)}`);
    }
  }
  return { backupsRemoved, inBackups, problems };
}

/** Its own marks say what was taken then. */
async function purgeBackup({ path }: Backup, order: PurgeOrder, parts: PurgeParts): Promise<number> {
  await using remover = await openCopyRemover({ dir: path, clock: parts.clock });
  const { entries, quarantined } = await purgeStore(remover, order, parts);
  return entries + quarantined;
}
