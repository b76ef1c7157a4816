/** Wires the gateway's parts together and takes them apart in reverse. */
import { join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import type { Chance, Clock, Log } from '../shared/ports.ts';
import { startBroker } from './broker.ts';
import type { GatewayConfig } from './config.ts';
import { type Enrolling, openEnrolling } from './enrol/enrolling.ts';
import { createForwarder } from './forwarder.ts';
import { createIntake } from './intake.ts';
import { type RulesTelling, tellRules } from './site-rules/telling.ts';
import { openSqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { openTrust } from './trust/authority.ts';
import { keepRenewed } from './trust/renewal.ts';
import { watchRevocations } from './trust/revocations.ts';
import { openUpstream } from './upstream/open-upstream.ts';

export interface Gateway extends AsyncDisposable {
  /** The port it listens on. */
  readonly port: number;
  /** Where kiosks are enrolled; null where that port cannot be had. */
  readonly enrolPort: number | null;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Puts something between the gateway and its store: how tests make a commit fail, or end the process after one. */
  readonly wrapStore?: (store: Store) => Store;
}

/** Where a gateway keeps its certificate authority and keys. */
export function trustDir(config: { readonly dataDir: string }): string {
  return join(config.dataDir, 'trust');
}

/** Starts a gateway. Throws the Faults of its parts; then everything that had started is stopped again. */
export async function startGateway(config: GatewayConfig, surroundings: Surroundings): Promise<Gateway> {
  const { clock, chance, log, wrapStore = (store: Store) => store } = surroundings;
  await using started = new AsyncDisposableStack();
  const trust = await openTrust(trustDir(config), { site: config.site, clock, log });
  const store = wrapStore(started.use(await openSqliteStore({ dir: config.dataDir, log })));
  const upstreamSettings = {
    site: config.site,
    token: config.upstreamToken,
    tls: config.upstreamTls,
    version: manifest.version,
  };
  for (const target of config.upstreams) {
    const upstream = started.use(await openUpstream(target, { ...upstreamSettings, clock, log }));
    started.use(createForwarder({ store, upstream, clock, chance, log }));
  }
  const credentials = await trust.gatewayCredentials(config.host);
  const intake = started.use(createIntake({ store, clock, log }));
  const revocations = started.use(await watchRevocations(trustDir(config), { clock, log }));
  let enrolling: Enrolling | null = null;
  let rules: RulesTelling | null = null;
  const broker = started.use(
    await startBroker({
      host: config.host,
      port: config.port,
      credentials,
      revocations,
      accept: (sender, kiosk, payload) => intake.accept(sender, kiosk, payload),
      onState: (kiosk, state) => {
        log.debug('kiosk.state', { kiosk, state });
        enrolling?.noteState(kiosk, state);
        rules?.noteState(kiosk, state);
      },
      siteNotice: trust.notice,
      answers: {},
      clock,
      log,
    }),
  );
  const { dataDir } = config;
  rules = started.use(await tellRules({ dataDir, store, announcements: broker.announcements, clock, log }));
  const doors = { ...config, trustDir: trustDir(config), mqttPort: broker.port };
  enrolling = started.use(await openEnrolling({ ...doors, credentials, trust, clock, log }));
  started.use(
    keepRenewed({
      trust,
      listenHost: config.host,
      current: credentials,
      onRenewed: (next) => {
        broker.renew(next);
        enrolling.renew(next);
      },
      clock,
      log,
    }),
  );
  const parts = started.move();
  return { port: broker.port, enrolPort: enrolling.port, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
