/** The gateway's commands that read their own arguments. Each is loaded when it runs: serving has no need of it. */
import type { Environment } from '../shared/environment.ts';
import { systemChance } from '../shared/system/chance.ts';
import { systemClock } from '../shared/system/clock.ts';
import { createLog } from '../shared/system/log.ts';
import { print } from '../shared/system/output.ts';
import { exitCode } from '../shared/system/program.ts';
import { readDoorConfig, readGatewayConfig, readSiteConfig } from './config.ts';
import { type Needed, requireSite } from './site-here.ts';

/** Arguments and environment in, exit code out. Throws a Fault for what a person must mend. */
export type Command = (args: readonly string[], environment: Environment, signal: AbortSignal) => Promise<number>;

/** A command, and what must be there before it runs. */
interface OwnCommand {
  readonly needed: Needed;
  readonly run: Command;
}

const ownCommands: Readonly<Record<string, OwnCommand>> = {
  backfill: { needed: 'trust', run: backfill },
  backup: { needed: 'store', run: backup },
  cards: { needed: 'trust', run: cards },
  incident: { needed: 'store', run: incident },
  invite: { needed: 'nothing', run: invite },
  keys: { needed: 'trust', run: keys },
  'site-key': { needed: 'trust', run: siteKey },
  kiosks: { needed: 'trust', run: kiosks },
  person: { needed: 'trust', run: person },
  poster: { needed: 'nothing', run: (args, ...program) => cards(['poster', ...args], ...program) },
  purge: { needed: 'store', run: purge },
  // It says itself that there is no store.
  report: { needed: 'nothing', run: report },
  rules: { needed: 'trust', run: rules },
  unseal: { needed: 'trust', run: unseal },
};

/** Their names. */
export const ownCommandNames: readonly string[] = Object.keys(ownCommands);

/** The command of that name, which runs only where what it needs is there: see `site-here.ts`. Null where there is none. */
export function ownCommand(name: string): Command | null {
  const own = Object.hasOwn(ownCommands, name) ? ownCommands[name] : undefined;
  if (own === undefined) return null;
  return async (args, environment, signal) => {
    await requireSite(own.needed, environment);
    return own.run(args, environment, signal);
  };
}

async function cards(args: readonly string[], environment: Environment, signal: AbortSignal): Promise<number> {
  const { dataDir, site } = readSiteConfig(environment);
  const log = quietLog();
  const { runCards } = await import('./cards/command.ts');
  const { createDesk } = await import('./officer/terminal.ts');
  const { ownStandardInput } = await import('./site-rules/standard-input.ts');
  using desk = createDesk(signal);
  const input = ownStandardInput(desk);
  const context = { dataDir, site, clock: systemClock, chance: systemChance, log, signal, desk, input, warn };
  return await runCards(args, { ...context, print: printAll });
}

async function backfill(args: readonly string[], environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readGatewayConfig(environment);
  const log = quietLog();
  const { runBackfill } = await import('./backfill/command.ts');
  return runBackfill(args, { config, clock: systemClock, log, signal, print, warn });
}

async function purge(args: readonly string[], environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readGatewayConfig(environment);
  const { runPurge } = await import('./retention/purge-command.ts');
  return runPurge(args, { config, clock: systemClock, signal, print, warn });
}

async function backup(args: readonly string[], environment: Environment): Promise<number> {
  const config = readSiteConfig(environment);
  const { runBackup } = await import('./retention/backup-command.ts');
  return runBackup(args, { config, clock: systemClock, print, warn });
}

async function person(args: readonly string[], environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readGatewayConfig(environment);
  const { runPerson } = await import('./retention/person-command.ts');
  const { createDesk } = await import('./officer/terminal.ts');
  using desk = createDesk(signal);
  const input = process.stdin.isTTY ? null : process.stdin;
  return await runPerson(args, { config, clock: systemClock, signal, desk, input, print, warn });
}

async function incident(args: readonly string[], environment: Environment): Promise<number> {
  const config = readGatewayConfig(environment);
  const { runIncident } = await import('./retention/incident-command.ts');
  return runIncident(args, { config, clock: systemClock, print, warn });
}

async function report(args: readonly string[], environment: Environment): Promise<number> {
  const config = readSiteConfig(environment);
  const { runReport } = await import('./report/command.ts');
  return runReport(args, { config, clock: systemClock, print, warn });
}

async function rules(args: readonly string[], environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readSiteConfig(environment);
  const log = quietLog();
  const { runRules } = await import('./site-rules/command.ts');
  const { createDesk } = await import('./officer/terminal.ts');
  const { ownStandardInput } = await import('./site-rules/standard-input.ts');
  using desk = createDesk(signal);
  return await runRules(args, { config, clock: systemClock, log, input: ownStandardInput(desk), print, warn });
}

async function invite(args: readonly string[], environment: Environment): Promise<number> {
  const log = quietLog();
  const { runInvite } = await import('./enrol/invite-command.ts');
  const parts = { clock: systemClock, chance: systemChance, log, print, warn, color: !environment.NO_COLOR };
  return runInvite(args, readDoorConfig(environment), parts);
}

async function keys(args: readonly string[], environment: Environment): Promise<number> {
  const config = readSiteConfig(environment);
  const log = quietLog();
  const { runKeys } = await import('./keys/command.ts');
  return runKeys(args, { config, clock: systemClock, log, print, warn });
}

async function siteKey(args: readonly string[], environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readSiteConfig(environment);
  const { runKey } = await import('./officer/site-key-command.ts');
  const { createDesk } = await import('./officer/terminal.ts');
  using desk = createDesk(signal);
  return await runKey(args, { config, clock: systemClock, signal, desk, print, warn });
}

async function unseal(args: readonly string[], environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readSiteConfig(environment);
  const { runUnseal } = await import('./officer/unseal-command.ts');
  const { createDesk } = await import('./officer/terminal.ts');
  const { openSqliteReader } = await import('./store/sqlite.ts');
  const { createTracing } = await import('./tracing/store-tracing.ts');
  using desk = createDesk(signal);
  const openStored = async () => {
    const store = await openSqliteReader({ dir: config.dataDir });
    return {
      tracing: createTracing(store),
      corrections: store,
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  };
  const input = process.stdin.isTTY ? null : process.stdin;
  return await runUnseal(args, { config, clock: systemClock, signal, desk, input, openStored, print, warn });
}

async function kiosks(args: readonly string[], environment: Environment): Promise<number> {
  const { runKiosks } = await import('./enrol/kiosks-command.ts');
  return runKiosks(args, readSiteConfig(environment), { clock: systemClock, log: quietLog(), print, warn });
}

/** Prints, and says that all is well. */
export async function printAll(pieces: AsyncIterable<string> | Iterable<string>): Promise<number> {
  await print(pieces);
  return exitCode.ok;
}

/** A command's log: what goes wrong meanwhile, beside the answer. */
export function quietLog() {
  return createLog('gateway', 'warn', process.stderr);
}

/** Says on standard error what is wrong, or how far it is. */
export function warn(text: string): void {
  process.stderr.write(text);
}
