/** What keeps a kiosk one of its site's over the years: the way to the gateway, and the keys and certificate in use. */
import type { KioskCondition, SiteNotice } from '../shared/entry.ts';
import { createSealer, type IdentitySealer } from '../shared/identity.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import type { Asker } from './asking.ts';
import type { Gate } from './gate-settings.ts';
import type { LinkStatus, TopicReader } from './gateway-link.ts';
import type { SubjectKeys } from './known-as.ts';
import { Leaving } from './leaving.ts';
import type { Outbox } from './outbox.ts';
import { Renewal } from './renewal.ts';
import { type Look, Road } from './road.ts';

export interface UpkeepOptions {
  readonly found: Pick<Gate, 'credentials' | 'gateway'>;
  /** Where the credentials lie, and what else the kiosk keeps. */
  readonly credentialsDir: string;
  readonly dataDir: string;
  readonly mayEnrol: boolean;
  readonly mdns: boolean;
  readonly outbox: Outbox;
  /** End the taking of scans, which `scanning` is, and the link. */
  readonly scans: AbortController;
  readonly scanning: () => Promise<void>;
  readonly network: AbortController;
  readonly asker: Asker;
  readonly onStateChanged: () => void;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

/** Starts to look after the certificate when it is made. Throws the Fault CREDENTIALS_INVALID. */
export class Upkeep implements AsyncDisposable {
  readonly road: Road;
  readonly #log: Log;
  readonly #renewal: Renewal;
  readonly #leaving: Leaving;
  /** Told with each state, so that two machines on one certificate are told from one that was started again. */
  readonly #instance: string;

  constructor(options: UpkeepOptions) {
    const { found, credentialsDir, mdns, chance, log } = options;
    this.#log = log;
    this.#instance = Buffer.from(chance.bytes(8)).toString('hex');
    const look = mdns ? lookOnNetwork(options) : null;
    this.road = new Road({ ...options, look, address: found.gateway, credentials: found.credentials });
    this.#renewal = new Renewal({ ...options, folder: credentialsDir, road: this.road });
    this.#leaving = new Leaving({
      ...options,
      kiosk: found.credentials.kiosk,
      stopScans: async () => {
        options.scans.abort();
        await options.scanning();
      },
      stopLink: () => options.network.abort(),
    });
  }

  /** What the kiosk says of these things. */
  get state(): Pick<KioskCondition, 'instance' | 'certificate'> {
    return { instance: this.#instance, certificate: this.#renewal.state };
  }

  /** Whether the gate has ended because the kiosk is to become a new one. */
  get hasLeft(): boolean {
    return this.#leaving.hasLeft;
  }

  /** Reads what the gateway orders beside what `reader` reads. */
  readWith(reader: TopicReader): TopicReader {
    const readers = [reader, this.#leaving];
    return {
      connected: (topics) => readers.forEach((one) => void one.connected(topics)),
      lost: () => readers.forEach((one) => void one.lost()),
      heard: (topic, payload) => readers.forEach((one) => void one.heard(topic, payload)),
    };
  }

  get subjectKeys(): SubjectKeys {
    const { subjectKey, formerSubjectKeys } = this.road.credentials;
    return [subjectKey, ...formerSubjectKeys];
  }

  /** Seals to the site's key that is in use at that moment. */
  makeSealer(): IdentitySealer {
    let { siteKey } = this.road.credentials;
    let sealer = createSealer(siteKey);
    return {
      seal: (identity, boundTo) => {
        const { siteKey: current } = this.road.credentials;
        if (current !== siteKey) sealer = createSealer(current);
        siteKey = current;
        return sealer.seal(identity, boundTo);
      },
    };
  }

  /** The site has spoken: there is a connection. What it announces proves nothing; a renewal brings what has changed. */
  noticed(notice: SiteNotice): void {
    const { siteKey, version } = this.road.credentials;
    const isToBeRenewed = notice.credentials !== undefined && notice.credentials !== version;
    if (notice.key.id !== siteKey.id && !isToBeRenewed)
      this.#log.warn('site.key-differs', { announced: notice.key.id, enrolled: siteKey.id });
    this.#renewal.noticed(notice);
  }

  /** The link has come up, or has gone. */
  linkChanged(status: LinkStatus): void {
    if (status === 'online') this.road.reached();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.road[Symbol.asyncDispose]();
    await this.#leaving[Symbol.asyncDispose]();
    await this.#renewal[Symbol.asyncDispose]();
  }
}

function lookOnNetwork(parts: { readonly clock: Clock; readonly log: Log }): Look {
  return async (sites, dial, signal) => {
    const { findGateway } = await import('./finding.ts');
    return findGateway({ ...parts, sites, dial }, signal);
  };
}
