/** Puts a kiosk together from its configuration and runs it until aborted. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import type { Environment } from '../shared/environment.ts';
import { createSealer } from '../shared/identity.ts';
import type { Chance, Clock, Indicator, Log, Scanner } from '../shared/ports.ts';
import { exitCode } from '../shared/system/program.ts';
import { sleep } from '../shared/time.ts';
import { stayMsMax } from './admission.ts';
import { type HardwareParsers, readKioskConfig } from './config.ts';
import type { Credentials } from './credentials.ts';
import { dialTls } from './dial.ts';
import { prepareGate } from './gate-settings.ts';
import { Kiosk } from './kiosk.ts';
import { createKnowledge } from './knowledge.ts';
import { createLink } from './link.ts';
import { openOutbox, outboxFileName } from './outbox.ts';
import { describeSamples } from './samples.ts';
import { openSiteRules } from './site-rules.ts';
import { watchTimeSync } from './time-sync.ts';

/** How long the lights tell of a start that failed, in milliseconds. */
const faultShownMs = 2_000;

/** The devices of a kiosk, given by `main.ts`; a test gives its own. */
export interface Hardware<ScannerSetting, BoardSetting> {
  readonly parsers: HardwareParsers<ScannerSetting, BoardSetting>;
  /** The board's setting is given because `auto` must not take the board for a scanner. */
  openScanner(setting: ScannerSetting, board: BoardSetting, surroundings: Surroundings): Promise<Scanner>;
  openIndicator(setting: BoardSetting, surroundings: Surroundings): Indicator;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

/**
 * Runs a kiosk until `signal` aborts, also when its scanner has ended before (the end of standard input). Throws the Faults
 * of its parts at the start; afterwards it only says what is wrong.
 */
export async function runKiosk<ScannerSetting, BoardSetting>(
  hardware: Hardware<ScannerSetting, BoardSetting>,
  environment: Environment,
  createLog: (level: 'debug' | 'info' | 'warn' | 'error') => Log,
  { clock, chance }: Pick<Surroundings, 'clock' | 'chance'>,
  signal: AbortSignal,
): Promise<number> {
  const config = readKioskConfig(environment, hardware.parsers);
  const log = createLog(config.logLevel);
  const surroundings = { clock, chance, log };
  await using parts = new AsyncDisposableStack();
  const indicator = parts.use(hardware.openIndicator(config.board, surroundings));
  try {
    const openScanner = () => hardware.openScanner(config.scanner, config.board, surroundings);
    const found = await prepareGate(config, { openScanner, indicator, ...surroundings, signal });
    if (found === null) return exitCode.ok;
    const { credentials, scanner } = found;
    const place = { dir: config.dataDir, kiosk: credentials.kiosk, gate: found.gate, ...surroundings };
    if (scanner.name === 'stdin' && isFirstStart(config)) process.stderr.write(describeSamples());
    const outbox = parts.use(openOutbox(place));
    const onStateChanged = () => link.stateChanged();
    const timeSync = parts.use(watchTimeSync(clock, chance));
    const rules = parts.use(await openSiteRules({ ...place, timeSync, onStateChanged }));
    const link = parts.use(
      createLink({
        outbox,
        kiosk: credentials.kiosk,
        dial: dialTls({ ...found.gateway, ...credentials }),
        reader: rules.reader,
        state: () => ({ version: manifest.version, rules: rules.state, ...kiosk.state() }),
        onSite: (notice) => noteSite(notice.key.id, credentials, log),
        onStatus: (status) => kiosk.linkChanged(status),
        ...surroundings,
      }),
    );
    const kiosk = parts.use(
      new Kiosk({
        scanner,
        indicator,
        outbox,
        onRecorded: () => link.wake(),
        onStateChanged,
        station: { direction: found.direction, repeatWindowMs: config.repeatWindowMs, stayMsMax },
        known: createKnowledge({ ...config, clock, clockSynced: timeSync.synced, cards: rules.cards }),
        gateRules: rules.gateRules,
        subjectKey: credentials.subjectKey,
        sealer: createSealer(credentials.siteKey),
        timeSync,
        ...place,
      }),
    );
    log.info('kiosk.ready', { kiosk: credentials.kiosk, scanner: scanner.name, unsent: outbox.depth() });
    await Promise.all([kiosk.run(signal), link.run(signal)]);
    log.info('kiosk.stopped', { unsent: outbox.depth() });
    return exitCode.ok;
  } catch (error) {
    await showFault(indicator, clock, signal);
    throw error;
  }
}

/** The lights are all that people at the gate can see, and systemd will start this again and again. */
async function showFault(indicator: Indicator, clock: Clock, signal: AbortSignal): Promise<void> {
  indicator.show('fault');
  await sleep(clock, faultShownMs, signal);
}

function isFirstStart({ dataDir }: { readonly dataDir: string }): boolean {
  return !existsSync(join(dataDir, outboxFileName));
}

/** Identities go on being sealed to the key that came with the credentials: what is announced later proves nothing. */
function noteSite(keyId: string, { siteKey }: Credentials, log: Log): void {
  if (keyId !== siteKey.id) log.warn('site.key-differs', { announced: keyId, enrolled: siteKey.id });
}
