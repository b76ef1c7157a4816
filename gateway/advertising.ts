/** Says on the local network where the gateway is, so that kiosks find it when its address has changed. */
import { createHash, X509Certificate } from 'node:crypto';
import { describeError } from '../shared/fault.ts';
import { siteFingerprint } from '../shared/gateway-name.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import type { MdnsPlace } from '../shared/system/mdns.ts';
import { sleep } from '../shared/time.ts';
import { isLoopback } from './enrol/gateway-addresses.ts';

/** How often it is looked whether the machine has other addresses, or the site another authority, in milliseconds. */
const lookEveryMs = 15_000;

export interface AdvertisingOptions {
  /** `auto`: unless only this machine can reach the gateway. */
  readonly mdns: 'auto' | 'on' | 'off';
  readonly host: string;
  /** Where kiosks send their entries. */
  readonly port: number;
  /** The authority that the gateway shows, in PEM; the first where there are several. */
  readonly caPem: () => string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** In the place of the machine's own. */
  readonly places?: () => readonly MdnsPlace[];
}

/** Starts to say so, where it is wanted. A network that cannot be used is logged and no reason to stop. */
export async function startAdvertising(options: AdvertisingOptions): Promise<AsyncDisposable> {
  const { mdns, host, port, caPem, chance, log } = options;
  const isWanted = mdns === 'on' || (mdns === 'auto' && !isLoopback({ host, port }));
  if (!isWanted) return { [Symbol.asyncDispose]: async () => {} };
  // Several gateways of a site, or one that was started again, must not claim one name.
  const name = `ravao-${siteOf(caPem()).slice(0, 8)}-${Buffer.from(chance.bytes(3)).toString('hex')}`;
  const { advertise, mdnsPlaces } = await import('../shared/system/mdns.ts');
  const { places = mdnsPlaces, clock } = options;
  const stop = new AbortController();
  const keepUp = async () => {
    let advertised: AsyncDisposable | null = null;
    let told = '';
    while (!stop.signal.aborted) {
      const now = { site: siteOf(caPem()), places: places() };
      if (JSON.stringify(now) !== told) {
        await advertised?.[Symbol.asyncDispose]();
        advertised = await advertise({ name, port, site: now.site }, { places: now.places, clock, log });
        told = JSON.stringify(now);
        log.info('mdns.advertised', { name, port, interfaces: now.places.length });
      }
      await sleep(clock, lookEveryMs, stop.signal);
    }
    await advertised?.[Symbol.asyncDispose]();
  };
  const running = keepUp().catch((error: unknown) => log.warn('mdns.unavailable', { error: describeError(error) }));
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

function siteOf(caPem: string): string {
  return siteFingerprint(createHash('sha256').update(new X509Certificate(caPem).raw).digest('hex'));
}
