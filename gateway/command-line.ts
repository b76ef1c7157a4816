/** The gateway's commands: arguments and environment in, exit code out. */
import { parseCommandLine } from '../shared/command-line.ts';
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
import { ownCommand, printAll, quietLog } from './own-commands.ts';
import { requireSite } from './site-here.ts';
import { openSqliteReader } from './store/sqlite.ts';
import type { StoreReader } from './store/store.ts';
import { openTrust } from './trust/authority.ts';

const help = `Ravao gateway: keeps the entries of a site's kiosks and forwards them.

  npm run -s gateway -- [serve]                        serve kiosks and forward, until SIGTERM or Ctrl-C
  npm run -s gateway -- entries [--format ndjson|csv]  print the stored entries, oldest first
  npm run -s gateway -- quarantine                     print what could not be understood, or was refused upstream
  npm run -s gateway -- check [--format text|json]     look for damage, gaps and tampering; exit 1 if any
  npm run -s gateway -- audit [--format text|csv|ndjson]
                                                       print who did what, when and why; a guard's card that is in
                                                       no register is marked there as unregistered
  npm run -s gateway -- enrol KIOSK --out DIR [--force]
                                                       write a kiosk's certificate and keys into DIR
  npm run -s gateway -- invite --gate NAME [...]       a code that enrols a new kiosk: see "invite --help"
  npm run -s gateway -- kiosks [--format text|json]    which kiosks there are, when each was here last, which gates are closed
  npm run -s gateway -- kiosks reset KIOSK             tell a kiosk to forget this site: see "kiosks --help"
  npm run -s gateway -- revoke KIOSK                   cut a kiosk off for good, also while it is connected
  npm run -s gateway -- keys [...]                     the site's keys, and changing one: see "keys --help"
  npm run -s gateway -- cards ...                      printed cards for people without a phone: see "cards help"
  npm run -s gateway -- rules ...                      who is barred or expected, passback, occupancy: see "rules --help"
  npm run -s gateway -- poster --text TEXT --out FILE  a site's poster, as PDF
  npm run -s gateway -- backfill ...                   take a written list into the entries: see "backfill --help"
  npm run -s gateway -- report ...                     counts of a day or a week for the authority: see "report --help"
  npm run -s gateway -- site-key ...                   the key that opens names: see "site-key --help"
  npm run -s gateway -- unseal ...                     who was there, with names, for the health officer: see "unseal --help"
  npm run -s gateway -- purge [...]                    delete what was kept long enough: see "purge --help"
  npm run -s gateway -- backup [--out FOLDER]          copy what must not be lost, while the gateway serves
  npm run -s gateway -- person export|correct|erase    what a person may ask for: see "person --help"
  npm run -s gateway -- incident ...                   a pack for the notice of a breach: see "incident --help"
  npm run -s gateway -- help                           this text

All but enrol work while the gateway serves, and so does enrol. Settings come from the environment:
RAVAO_DATA_DIR RAVAO_SITE RAVAO_SITE_KIND RAVAO_MQTT_HOST RAVAO_MQTT_PORT RAVAO_ENROL_PORT RAVAO_MDNS RAVAO_KEEP_DAYS
RAVAO_UPSTREAM_URL RAVAO_UPSTREAM_TOKEN RAVAO_UPSTREAM_CA RAVAO_UPSTREAM_CERT RAVAO_UPSTREAM_KEY RAVAO_LOG_LEVEL.
The README says what each means.
`;

const known = {
  format: { type: 'string' },
  out: { type: 'string' },
  force: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs one command. Throws a Fault for what a person must mend. */
export async function runCommand(
  args: readonly string[],
  environment: Environment,
  signal: AbortSignal,
): Promise<number> {
  const [first = '', ...rest] = args;
  const own = ownCommand(first);
  if (own !== null) return own(rest, environment, signal);
  const typed = parseCommandLine(args, { allowPositionals: true, options: known });
  if (typeof typed === 'string') return refuse(typed);
  const { values: options, positionals } = typed;
  const [word = 'serve', ...operands] = positionals;
  const command = options.help ? 'help' : word;
  const operandsWanted = command === 'enrol' || command === 'revoke' ? 1 : 0;
  if (operands.length !== operandsWanted)
    return refuse(`${command} takes ${operandsWanted || 'no'} name, not ${operands.length}.`);
  // A reader of the store says itself that there is none.
  await requireSite(command === 'audit' || command === 'revoke' ? 'trust' : 'nothing', [], environment);
  switch (command) {
    case 'serve':
      return serve(environment, signal);
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
      return enrol(environment, operands[0] ?? '', options.out, options.force);
    case 'revoke': {
      const { revokeKiosk } = await import('./enrol/kiosk-commands.ts');
      const parts = { clock: systemClock, log: quietLog() };
      await print([await revokeKiosk(operands[0] ?? '', readSiteConfig(environment), parts)]);
      return exitCode.ok;
    }
    case 'help':
      process.stdout.write(help);
      return exitCode.ok;
    default:
      return refuse(`There is no command ${JSON.stringify(command)}.`);
  }
}

function refuse(problem: string): number {
  process.stderr.write(`${problem}\n\n${help}`);
  return exitCode.usage;
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
