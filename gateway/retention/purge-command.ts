/** `purge` on the command line. */
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import { Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { counted } from '../counted.ts';
import { formatMoment } from '../moment.ts';
import type { UpstreamPlace } from '../store/remover.ts';
import { openCopyRemover, openSqliteRemover } from '../store/sqlite-remover.ts';
import { listBackups } from './backups.ts';
import { type Keeping, type PurgeReport, purgeAll, purgeOrder, takeRetentionTurn } from './purging.ts';
import { requireStore } from './store-there.ts';

export const purgeHelp = `purge: deletes for good what was kept long enough. The gateway does the same by
itself once a day.

  npm run -s gateway -- purge [--dry-run] [--forget-upstream NAME]

What goes: entries that every upstream took RAVAO_KEEP_DAYS days ago or longer,
what lies in quarantine for as long, and both in the backups in the data
directory. --dry-run only counts. An upstream that is set up no more holds
entries back for ever: --forget-upstream ends that; should it come back, it gets
everything that is still here.
`;

/** What the command is given by the program. */
export interface PurgeSurroundings {
  readonly config: Keeping;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

/** Runs it, also while the gateway serves; the exit code: 1 where something is left that should be gone. Throws Faults. */
export async function runPurge(args: readonly string[], surroundings: PurgeSurroundings): Promise<number> {
  const { config, clock, signal, print, warn } = surroundings;
  const typed = readArguments(args, config);
  if (typeof typed === 'string') return refuseArguments(typed, 'gateway -- purge', warn);
  if (typed['dry-run']) {
    await print(await describeDryRun(config, clock));
    return exitCode.ok;
  }
  requireStore(config.dataDir);
  const audit = openAudit(config.dataDir, { clock });
  const forgotten = typed['forget-upstream'];
  if (forgotten !== undefined) {
    await audit.record({ action: 'upstream.forget', what: { upstream: forgotten } });
    await forgetUpstream(config, forgotten, clock);
  }
  await audit.record({ action: 'retention.purge', what: { days: config.keepDays } });
  const report = await purgeAll(config, { clock, signal });
  const { entries, quarantined, lines, backupsRemoved, inBackups, complete } = report;
  const what = { entries, quarantined, lines, backupsRemoved, inBackups, complete };
  await audit.record({
    action: 'retention.purged',
    what: { ...what, before: new Date(report.beforeMs).toISOString() },
  });
  await print(describe(report));
  return complete && report.problems.length === 0 ? exitCode.ok : exitCode.failed;
}

function readArguments(args: readonly string[], { upstreams }: Keeping) {
  const typed = parseCommandLine(args, {
    options: {
      'dry-run': { type: 'boolean', default: false },
      'forget-upstream': { type: 'string' },
    },
  });
  if (typeof typed === 'string') return typed;
  const { values } = typed;
  const forgotten = values['forget-upstream'];
  if (forgotten !== undefined && values['dry-run']) return '--dry-run forgets no upstream.';
  if (upstreams.some(({ name }) => name === forgotten))
    return `${forgotten} is set up: take it out of RAVAO_UPSTREAM_URL, restart the gateway, then forget it.`;
  return values;
}

async function forgetUpstream({ dataDir }: Keeping, upstream: string, clock: Clock): Promise<void> {
  using _ = takeRetentionTurn(dataDir);
  await using remover = await openSqliteRemover({ dir: dataDir, clock });
  if (!(await remover.forgetUpstream(upstream)))
    throw new Fault('UPSTREAM_UNKNOWN', `There is no upstream ${JSON.stringify(upstream)}.`);
  for (const { path } of await listBackups(dataDir)) {
    await using copy = await openCopyRemover({ dir: path, clock });
    await copy.forgetUpstream(upstream);
  }
}

async function describeDryRun(config: Keeping, clock: Clock): Promise<readonly string[]> {
  const order = purgeOrder(config, clock.nowMs());
  await using remover = await openSqliteRemover({ dir: config.dataDir, clock });
  const { entries, quarantined } = await remover.countPurgeable(order);
  return [
    `Would go: ${describeRemovals(entries, quarantined)}, from before ${formatMoment(order.beforeMs)}.\n`,
    ...describeHeld(await remover.holdingBack(order)),
  ];
}

function describe(report: PurgeReport): readonly string[] {
  const { entries, quarantined, beforeMs, lines, backupsRemoved, inBackups, problems, holdingBack } = report;
  return [
    `Deleted: ${describeRemovals(entries, quarantined)}, from before ${formatMoment(beforeMs)}.\n`,
    `From files of entries in the data directory: ${counted(lines, 'line')}. Backups removed: ${backupsRemoved}; deleted in others: ${inBackups}.\n`,
    ...problems.map((problem) => `NOT DONE: ${problem}.\n`),
    ...describeHeld(holdingBack),
    ...(report.complete ? [] : ['It was stopped before the end: run it again.\n']),
  ];
}

function describeRemovals(entries: number, quarantined: number): string {
  return `${counted(entries, 'entry', 'entries')} and ${counted(quarantined, 'thing')} in quarantine`;
}

function describeHeld(holding: readonly UpstreamPlace[]): readonly string[] {
  return holding.map(
    ({ upstream, holding }) =>
      `Older entries that stay, as ${upstream} has not taken them: ${holding}. Is it gone for good? See "purge --help".\n`,
  );
}
