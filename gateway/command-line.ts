/** The gateway's commands: arguments and environment in, exit code out. */
import { asksForHelp, parseCommandLine, refuseArguments } from '../shared/command-line.ts';
import type { Environment } from '../shared/environment.ts';
import { systemChance } from '../shared/system/chance.ts';
import { systemClock } from '../shared/system/clock.ts';
import { createLog } from '../shared/system/log.ts';
import { print } from '../shared/system/output.ts';
import { exitCode } from '../shared/system/program.ts';
import { logAuditEnd, openAudit } from './audit/audit.ts';
import { auditFormats, listAudit } from './audit/listing.ts';
import { verifyAudit } from './audit/verify.ts';
import { type CheckFormat, check, checkFormats, entriesFormats, listEntries, listQuarantine } from './commands.ts';
import { readGatewayConfig, readSiteConfig } from './config.ts';
import { currentClones } from './enrol/clones.ts';
import { startGateway, trustDir } from './gateway.ts';
import { commandGroups, readHelp } from './help.ts';
import { ownCommand, printAll, quietLog, warn } from './own-commands.ts';
import { type Needed, requireSite } from './site-here.ts';
import { openSqliteReader } from './store/sqlite.ts';
import type { StoreReader } from './store/store.ts';
import { openTrust } from './trust/authority.ts';

const known = {
  format: { type: 'string' },
  out: { type: 'string' },
  force: { type: 'boolean' },
} as const;

/** How many names a command takes, which options, and what must be there. */
interface Rule {
  readonly names: number;
  readonly takes: readonly string[];
  readonly needed: Needed;
}

/** A reader of the store says itself that there is none. */
const commands: Readonly<Record<string, Rule>> = {
  serve: { names: 0, takes: [], needed: 'nothing' },
  entries: { names: 0, takes: ['format'], needed: 'nothing' },
  quarantine: { names: 0, takes: [], needed: 'nothing' },
  check: { names: 0, takes: ['format'], needed: 'nothing' },
  audit: { names: 0, takes: ['format'], needed: 'trust' },
  enrol: { names: 1, takes: ['out', 'force'], needed: 'nothing' },
  revoke: { names: 1, takes: [], needed: 'trust' },
};

/** What is wrong with what was typed, or null. */
function problemOf(command: string, rule: Rule, names: readonly string[], options: readonly string[]): string | null {
  if (names.length !== rule.names) return `${command} takes ${rule.names || 'no'} name, not ${names.length}.`;
  const foreign = options.find((name) => !rule.takes.includes(name));
  return foreign === undefined ? null : `${command} takes no --${foreign}.`;
}

/** Runs one command. Throws a Fault for what a person must mend. */
export async function runCommand(
  args: readonly string[],
  environment: Environment,
  signal: AbortSignal,
): Promise<number> {
  const [first = '', ...rest] = args;
  // Before anything else, so that it needs no setting.
  if (asksForHelp(args) || asksForHelp(rest) || (rest.length === 0 && commandGroups.includes(first)))
    return await printHelp(args);
  const own = ownCommand(first);
  if (own !== null) return own(rest, environment, signal);
  const typed = parseCommandLine(args, { allowPositionals: true, options: known });
  if (typeof typed === 'string') return refuse(typed);
  const { values: options, positionals } = typed;
  const [command = 'serve', ...operands] = positionals;
  const rule = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (rule === undefined) return refuse(`There is no command ${JSON.stringify(command)}.`);
  const problem = problemOf(command, rule, operands, Object.keys(options));
  if (problem !== null) return refuse(problem);
  await requireSite(rule.needed, environment);
  switch (command) {
    case 'entries': {
      const format = entriesFormats.find((name) => name === (options.format ?? 'ndjson'));
      if (format === undefined) return refuse(`--format is ${entriesFormats.join(' or ')}, not ${options.format}.`);
      return withReader(environment, (store) => printAll(listEntries(store, format)));
    }
    case 'quarantine':
      return withReader(environment, (store) => printAll(listQuarantine(store)));
    case 'check': {
      const format = checkFormats.find((name) => name === (options.format ?? 'text'));
      if (format === undefined) return refuse(`--format is ${checkFormats.join(' or ')}, not ${options.format}.`);
      return runCheck(environment, format);
    }
    case 'audit': {
      const format = auditFormats.find((name) => name === (options.format ?? 'text'));
      if (format === undefined) return refuse(`--format is ${auditFormats.join(' or ')}, not ${options.format}.`);
      return printAll(listAudit(readSiteConfig(environment).dataDir, format));
    }
    case 'enrol':
      if (options.out === undefined) return refuse('enrol needs --out: the folder to write.');
      return enrol(environment, operands[0] ?? '', options.out, options.force ?? false);
    case 'revoke': {
      const { revokeKiosk } = await import('./enrol/kiosk-commands.ts');
      const parts = { clock: systemClock, log: quietLog() };
      await print([await revokeKiosk(operands[0] ?? '', readSiteConfig(environment), parts)]);
      return exitCode.ok;
    }
    default:
      return serve(environment, signal);
  }
}

/** Of the first word that is neither `help` nor an option. */
async function printHelp(args: readonly string[]): Promise<number> {
  const command = args.find((word) => word !== 'help' && !word.startsWith('-')) ?? '';
  return await printAll([await readHelp(command)]);
}

function refuse(problem: string): number {
  return refuseArguments(problem, 'gateway --', warn);
}

async function serve(environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readGatewayConfig(environment);
  const log = createLog('gateway', config.logLevel);
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  {
    await using gateway = await startGateway(config, { clock: systemClock, chance: systemChance, log });
    logAuditEnd(config.dataDir, log);
    log.info('gateway.ready', { host: config.host, port: gateway.port, enrolPort: gateway.enrolPort });
    // `npm start` waits for this before it starts the kiosk.
    process.send?.({ port: gateway.port });
    await stopped;
    log.info('gateway.stopping');
  }
  logAuditEnd(config.dataDir, log);
  log.info('gateway.stopped');
  return exitCode.ok;
}

async function withReader(environment: Environment, read: (store: StoreReader) => Promise<number>): Promise<number> {
  await using store = await openSqliteReader({ dir: readSiteConfig(environment).dataDir });
  return await read(store);
}

function runCheck(environment: Environment, format: CheckFormat): Promise<number> {
  return withReader(environment, async (store) => {
    const { dataDir, upstreams } = readGatewayConfig(environment);
    const names = upstreams.map(({ name }) => name);
    const clones = await currentClones(dataDir);
    const { text, sound } = await check(store, verifyAudit(dataDir), format, clones, names);
    await print([text]);
    return sound ? exitCode.ok : exitCode.failed;
  });
}

async function enrol(environment: Environment, kiosk: string, outDir: string, force: boolean): Promise<number> {
  const config = readSiteConfig(environment);
  const trust = await openTrust(trustDir(config), { site: config.site, clock: systemClock, log: quietLog() });
  const audit = openAudit(config.dataDir);
  await audit.record({ action: 'kiosk.enrol', what: { kiosk, force } });
  const { serial, notAfter } = await trust.enrol(kiosk, outDir, { force });
  await audit.record({ action: 'kiosk.enrolled', what: { kiosk, serial, notAfter } });
  process.stdout.write(`${kiosk} is enrolled: copy ${outDir} to the kiosk and name it in RAVAO_CREDENTIALS.\n`);
  return exitCode.ok;
}
