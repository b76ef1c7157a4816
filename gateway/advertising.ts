/** Says on the local network where the gateway is, so that kiosks find it when its address has changed. */
import { createHash, X509Certificate } from 'node:crypto';
import { siteFingerprint } from '../shared/gateway-name.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import type { MdnsPlace } from '../shared/system/mdns.ts';
import { isLoopback } from './enrol/gateway-addresses.ts';

export interface AdvertisingOptions {
  /** `auto`: unless only this machine can reach the gateway. */
  readonly mdns: 'auto' | 'on' | 'off';
  readonly host: string;
  /** Where kiosks send their entries. */
  readonly port: number;
  /** The authority that the gateway shows, in PEM; the first where there are several. */
  readonly caPem: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly place?: MdnsPlace;
}

/** Starts to say so, where it is wanted. A network that cannot be used is logged and no reason to stop. */
export async function startAdvertising(options: AdvertisingOptions): Promise<AsyncDisposable> {
  const { mdns, host, port, caPem, chance, log } = options;
  const isWanted = mdns === 'on' || (mdns === 'auto' && !isLoopback({ host, port }));
  if (!isWanted) return { [Symbol.asyncDispose]: async () => {} };
  const hash = createHash('sha256').update(new X509Certificate(caPem).raw).digest('hex');
  const site = siteFingerprint(hash);
  // Several gateways of a site, or one that was started again, must not claim one name.
  const name = `ravao-${site.slice(0, 8)}-${Buffer.from(chance.bytes(3)).toString('hex')}`;
  const { advertise } = await import('../shared/system/mdns.ts');
  const advertised = await advertise({ name, port, site }, options);
  log.info('mdns.advertised', { name, port });
  return advertised;
}
