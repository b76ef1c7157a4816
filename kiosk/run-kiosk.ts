/** Puts a kiosk together from its configuration and runs it until aborted. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import type { Environment } from '../shared/environment.ts';
import type { Chance, Clock, Indicator, Log, Scanner } from '../shared/ports.ts';
import { exitCode } from '../shared/system/program.ts';
import { type TimeSync, watchTimeSync } from '../shared/system/time-sync.ts';
import { sleep } from '../shared/time.ts';
import { stayMsMax } from './admission.ts';
import { type HardwareParsers, type KioskConfig, readKioskConfig } from './config.ts';
import { type Gate, prepareGate } from './gate-settings.ts';
import { AskedTime } from './gateway-time.ts';
import { Kiosk } from './kiosk.ts';
import { createKnowledge } from './knowledge.ts';
import { finishLeaving } from './leaving.ts';
import { createLink, type Link } from './link.ts';
import { openOutbox, outboxFileName } from './outbox.ts';
import { describeSamples } from './samples.ts';
import { openSiteRules } from './site-rules.ts';
import { Upkeep } from './upkeep.ts';

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

/** What a program gives; a test may give its own way to know whether the clock is right. */
interface Given extends Pick<Surroundings, 'clock' | 'chance'> {
  readonly watchSync?: (clock: Clock, chance: Chance) => TimeSync;
}

/**
 * Runs a kiosk until `signal` aborts, also when its scanner has ended before (the end of standard input). Throws the Faults
 * of its parts at the start; afterwards it only says what is wrong.
 */
export async function runKiosk<ScannerSetting, BoardSetting>(
  hardware: Hardware<ScannerSetting, BoardSetting>,
  environment: Environment,
  createLog: (level: 'debug' | 'info' | 'warn' | 'error') => Log,
  { clock, chance, watchSync = watchTimeSync }: Given,
  signal: AbortSignal,
): Promise<number> {
  const config = readKioskConfig(environment, hardware.parsers);
  const log = createLog(config.logLevel);
  const surroundings = { clock, chance, log };
  await using parts = new AsyncDisposableStack();
  const indicator = parts.use(hardware.openIndicator(config.board, surroundings));
  try {
    const timeSync = parts.use(watchSync(clock, chance));
    const openScanner = () => hardware.openScanner(config.scanner, config.board, surroundings);
    // Once, unless the gateway makes this kiosk a new one.
    for (;;) {
      if (config.mayEnrol) await finishLeaving(config.dataDir, surroundings);
      const found = await prepareGate(config, { openScanner, indicator, ...surroundings, signal });
      if (found === null) return exitCode.ok;
      const end = await runGate(found, config, { indicator, timeSync, ...surroundings }, signal);
      if (end === 'stopped') return exitCode.ok;
    }
  } catch (error) {
    await showFault(indicator, clock, signal);
    throw error;
  }
}

/** What a gate at work has around it. */
interface GateSurroundings extends Surroundings {
  readonly indicator: Indicator;
  readonly timeSync: TimeSync;
}

/** From everything that a gate needs to the end of its work: it was stopped, or is to leave its site. */
async function runGate(
  found: Gate,
  config: KioskConfig,
  { indicator, timeSync, ...surroundings }: GateSurroundings,
  signal: AbortSignal,
): Promise<'stopped' | 'left'> {
  const { credentials, scanner } = found;
  const { log } = surroundings;
  const [scans, network] = [endingWith(signal), endingWith(signal)];
  await using parts = new AsyncDisposableStack();
  const asker = { ask: (...question: Parameters<Link['ask']>) => link.ask(...question) };
  const gatewayTime = parts.use(new AskedTime({ asker, timeSync, ...surroundings }));
  const time = { ...surroundings, timeSync, gatewayTime };
  const place = { dir: config.dataDir, kiosk: credentials.kiosk, gate: found.gate, ...surroundings };
  if (scanner.name === 'stdin' && isFirstStart(config)) process.stderr.write(describeSamples());
  const outbox = parts.use(openOutbox(place));
  const onStateChanged = () => link.stateChanged();
  const rules = parts.use(await openSiteRules({ ...place, time, onStateChanged }));
  const upkeep: Upkeep = parts.use(
    new Upkeep({
      ...{ found, ...config, outbox, asker, onStateChanged, ...surroundings },
      ...{ scans, network, scanning: () => scanning },
    }),
  );
  const link: Link = parts.use(
    createLink({
      outbox,
      kiosk: credentials.kiosk,
      dial: upkeep.road.dial,
      reader: upkeep.readWith(rules.reader),
      state: () => ({ version: manifest.version, rules: rules.state, ...upkeep.state, ...kiosk.state() }),
      onSite: (notice) => upkeep.noticed(notice),
      onStatus: (status) => {
        upkeep.linkChanged(status);
        kiosk.linkChanged(status);
        gatewayTime.linkChanged(status === 'online');
      },
      ...surroundings,
    }),
  );
  const kiosk = parts.use(
    new Kiosk({
      ...{ scanner, indicator, outbox, onStateChanged, ...time },
      onRecorded: () => link.wake(),
      gate: found.gate,
      gateRules: rules.gateRules,
      station: { direction: found.direction, repeatWindowMs: config.repeatWindowMs, stayMsMax },
      known: createKnowledge({ ...config, ...time, ...place, cards: rules.cards }),
      get subjectKeys() {
        return upkeep.subjectKeys;
      },
      sealer: upkeep.makeSealer(),
    }),
  );
  log.info('kiosk.ready', { kiosk: credentials.kiosk, scanner: scanner.name, unsent: outbox.depth() });
  const scanning: Promise<void> = kiosk.run(scans.signal);
  await Promise.all([scanning, link.run(network.signal)]);
  log.info('kiosk.stopped', { unsent: outbox.depth() });
  return upkeep.hasLeft ? 'left' : 'stopped';
}

/** Aborts when `signal` does. Not AbortSignal.any: see `GatewayLink.run`. */
function endingWith(signal: AbortSignal): AbortController {
  const ending = new AbortController();
  signal.addEventListener('abort', () => ending.abort(), { once: true });
  if (signal.aborted) ending.abort();
  return ending;
}

/** The lights are all that people at the gate can see, and systemd will start this again and again. */
async function showFault(indicator: Indicator, clock: Clock, signal: AbortSignal): Promise<void> {
  indicator.show('fault');
  await sleep(clock, faultShownMs, signal);
}

function isFirstStart({ dataDir }: { readonly dataDir: string }): boolean {
  return !existsSync(join(dataDir, outboxFileName));
}
