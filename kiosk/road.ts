/**
 * The way to the gateway: at which address, and with which credentials, the next connection is tried. Where the gateway is
 * not at its address for a while, it is looked for on the local network; an address that worked is remembered.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { z } from 'zod';
import { describeError } from '../shared/fault.ts';
import { siteFingerprint } from '../shared/gateway-name.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { syncFolder } from '../shared/system/durable.ts';
import type { Credentials } from './credentials.ts';
import { dialTls } from './dial.ts';

const addressSchema = z.object({ host: z.string().min(1).max(255), port: z.int().min(1).max(65_535) });
export type Address = Readonly<z.infer<typeof addressSchema>>;

/** The file in the data directory that remembers where the gateway was found. */
export const foundFileName = 'gateway.json';

export interface RoadLimits {
  /** How long the gateway must have been away before it is looked for, in milliseconds. */
  readonly lookAfterMs: number;
  /** How often it is looked for, in milliseconds. */
  readonly lookEveryMs: number;
}

const roadLimits: RoadLimits = { lookAfterMs: 60_000, lookEveryMs: 300_000 };

/** Looks once; see `findGateway`. */
export type Look = (
  sites: readonly string[],
  dial: (address: Address) => TLSSocket,
  signal: AbortSignal,
) => Promise<Address | null>;

export interface RoadOptions {
  /** As configured, or as the invitation said. */
  readonly address: Address;
  readonly credentials: Credentials;
  readonly dataDir: string;
  /** Null: it is never looked for. */
  readonly look: Look | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<RoadLimits>;
}

/** Dials with the credentials, and at the address, of that moment. */
export class Road implements AsyncDisposable {
  readonly #options: RoadOptions;
  readonly #limits: RoadLimits;
  readonly #stop = new AbortController();
  #credentials: Credentials;
  /** The configured one, and the one that was found. */
  #addresses: Address[];
  #at: number;
  #prepared: { readonly address: Address; readonly credentials: Credentials; readonly open: () => TLSSocket };
  #isTrying = false;
  #awaySinceMs: number | null = null;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | null = null;

  /** Throws the Fault CREDENTIALS_INVALID. */
  constructor(options: RoadOptions) {
    this.#options = options;
    this.#limits = { ...roadLimits, ...options.limits };
    this.#credentials = options.credentials;
    const found = readFound(options.dataDir);
    this.#addresses = found === null || isSame(found, options.address) ? [options.address] : [options.address, found];
    this.#at = this.#addresses.length - 1;
    this.#prepared = this.#prepare();
  }

  /** Those in use. */
  get credentials(): Credentials {
    return this.#credentials;
  }

  /** The one that is tried next, or that worked last. */
  get address(): Address {
    return this.#addresses[this.#at] ?? this.#options.address;
  }

  readonly dial = (): TLSSocket => {
    if (this.#isTrying) this.#failed();
    this.#isTrying = true;
    const { address, credentials } = this.#prepared;
    if (address !== this.address || credentials !== this.#credentials) this.#prepared = this.#prepare();
    return this.#prepared.open();
  };

  /** Dials once with other credentials. Throws the Fault CREDENTIALS_INVALID. */
  readonly dialWith = (credentials: Credentials): TLSSocket => dialTls({ ...this.address, ...credentials })();

  /** The next connection is made with these. */
  adopt(credentials: Credentials): void {
    this.#credentials = credentials;
  }

  /** The connection that was dialled last is up. */
  reached(): void {
    this.#isTrying = false;
    this.#awaySinceMs = null;
    const { dataDir, log, address: configured } = this.#options;
    const [, found] = this.#addresses;
    if (found === undefined) return;
    try {
      if (isSame(this.address, configured)) {
        this.#addresses = [configured];
        this.#at = 0;
        rmSync(join(dataDir, foundFileName), { force: true });
      } else if (!isSame(readFound(dataDir) ?? configured, found)) {
        void keepFound(dataDir, found).catch((error: unknown) =>
          log.warn('finding.unkept', { error: describeError(error) }),
        );
      }
    } catch (error) {
      log.warn('finding.unkept', { error: describeError(error) });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  /** Reading the keys costs more than dialling, so it is done once for all attempts that use them. */
  #prepare() {
    const { address, credentials } = this;
    return { address, credentials, open: dialTls({ ...address, ...credentials }) };
  }

  #failed(): void {
    const { clock, look } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#awaySinceMs ??= nowMs;
    // Another may have been found while this one was being tried.
    if (this.#prepared.address === this.address) this.#at = (this.#at + 1) % this.#addresses.length;
    const isDue =
      nowMs - this.#awaySinceMs >= this.#limits.lookAfterMs && nowMs - this.#lookedMs >= this.#limits.lookEveryMs;
    if (look === null || !isDue || this.#looking !== null) return;
    this.#lookedMs = nowMs;
    this.#looking = this.#look(look).finally(() => {
      this.#looking = null;
    });
  }

  async #look(look: Look): Promise<void> {
    const { log, address: configured } = this.#options;
    try {
      const dialAt = (address: Address) => dialTls({ ...address, ...this.#credentials })();
      const found = await look(sitesOf(this.#credentials), dialAt, this.#stop.signal);
      if (found === null || this.#stop.signal.aborted || this.#addresses.some((one) => isSame(one, found))) return;
      log.warn('finding.found', {
        gateway: `${found.host} ${found.port}`,
        instead: `${configured.host} ${configured.port}`,
      });
      this.#addresses = [configured, found];
      this.#at = 1;
    } catch (error) {
      log.warn('finding.failed', { error: describeError(error) });
    }
  }
}

function isSame(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port;
}

function readFound(dataDir: string): Address | null {
  try {
    return addressSchema.parse(JSON.parse(readFileSync(join(dataDir, foundFileName), 'utf8')));
  } catch {
    return null;
  }
}

async function keepFound(dataDir: string, found: Address): Promise<void> {
  const { writeWhole } = await import('./enrol/new-credentials.ts');
  writeWhole(dataDir, foundFileName, `${JSON.stringify(found)}\n`);
  syncFolder(dataDir);
}

/** What the gateways of the kiosk's site say of themselves. */
function sitesOf({ caPem }: Credentials): readonly string[] {
  const found = caPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.map((pem) => siteFingerprint(createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')));
}
