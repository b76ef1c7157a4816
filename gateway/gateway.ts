/** Wires the gateway's parts together and takes them apart in reverse. */
import { join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import type { SiteNotice } from '../shared/entry.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import { startAdvertising } from './advertising.ts';
import { type Broker, startBroker } from './broker.ts';
import { keepControlAudit } from './cards/control-audit.ts';
import type { GatewayConfig } from './config.ts';
import { type Enrolling, openEnrolling } from './enrol/enrolling.ts';
import { tellResets } from './enrol/resets.ts';
import { createForwarder } from './forwarder.ts';
import { createIntake, type TimeOf } from './intake.ts';
import { CertificateUses } from './keys/certificate-uses.ts';
import { followKeys } from './keys/following.ts';
import { makeAnswers } from './questions.ts';
import { keepRetention } from './retention/keeping.ts';
import { type RulesTelling, tellRules } from './site-rules/telling.ts';
import { openSqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { openTimes } from './times-file.ts';
import { keepIndexed } from './tracing/indexing.ts';
import { type GatewayCredentials, openTrust, type Trust } from './trust/authority.ts';
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
  started.use(keepRetention(config, { clock, log }));
  started.use(keepControlAudit({ store, dataDir: config.dataDir, clock, log }));
  const credentials = await trust.gatewayCredentials(config.host);
  const { keeper } = started.use(await openTimes(config.dataDir, { clock, chance, log }));
  const timeOf: TimeOf = (sender, kiosk, entry) => keeper.timeOf(sender, kiosk, entry);
  let enrolling: Enrolling | null = null;
  const onReused = (kiosk: string) => enrolling?.noteReuse(kiosk);
  const intake = started.use(createIntake({ store, clock, log, timeOf, onReused }));
  started.use(keepIndexed({ store, clock, log }));
  const uses = started.use(await CertificateUses.open(trust, clock, log));
  const revocations = started.use(await watchRevocations(trustDir(config), { clock, log }));
  let rules: RulesTelling | null = null;
  const broker = started.use(
    await startBroker({
      host: config.host,
      port: config.port,
      credentials,
      revocations,
      onAdmitted: (kiosk, serial) => uses.note(kiosk, serial),
      accept: (sender, kiosk, payload) => intake.accept(sender, kiosk, payload),
      onState: (kiosk, state, connection) => {
        log.debug('kiosk.state', { kiosk, state });
        keeper.noteState(kiosk, state, connection);
        enrolling?.noteState(kiosk, state, connection);
        rules?.noteState(kiosk, state);
      },
      siteNotice: trust.notice,
      answers: makeAnswers({ dataDir: config.dataDir, trust, keeper, clock, chance, log }),
      clock,
      log,
    }),
  );
  const { dataDir } = config;
  rules = started.use(await tellRules({ dataDir, store, announcements: broker.announcements, clock, log }));
  started.use(tellResets({ dataDir, announcements: broker.announcements, clock, log }));
  started.use(await startAdvertising({ ...config, port: broker.port, caPem: () => trust.caPem, clock, chance, log }));
  const doors = { ...config, trustDir: trustDir(config), mqttPort: broker.port };
  enrolling = started.use(await openEnrolling({ ...doors, credentials, trust, clock, log }));
  started.use(await followTrust({ trust, broker, enrolling, uses, credentials, config, clock, log }));
  const parts = started.move();
  return { port: broker.port, enrolPort: enrolling.port, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

interface Followed extends Pick<Surroundings, 'clock' | 'log'> {
  readonly trust: Trust;
  readonly broker: Broker;
  readonly enrolling: Enrolling;
  readonly uses: CertificateUses;
  readonly credentials: GatewayCredentials;
  readonly config: GatewayConfig;
}

/** Shows and tells what the trust folder says, however it changes. */
async function followTrust({ trust, broker, enrolling, uses, credentials, config, clock, log }: Followed) {
  const onRenewed = (next: GatewayCredentials) => {
    broker.renew(next);
    enrolling.renew(next);
  };
  const onChanged = (next: GatewayCredentials, notice: SiteNotice) => {
    onRenewed(next);
    // It fails only when the broker closes.
    broker.announcements.tellSite(notice).catch(() => {});
  };
  await using started = new AsyncDisposableStack();
  const watching = { trust, clock, log };
  started.use(keepRenewed({ ...watching, listenHost: config.host, current: credentials, onRenewed }));
  started.use(await followKeys({ ...watching, ...config, trustDir: trustDir(config), uses, onChanged }));
  return started.move();
}
