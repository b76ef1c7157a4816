/**
 * Looks on the local network for a gateway whose address has changed. What answers is only tried: it is the gateway where
 * it shows a certificate of the site, and lets the kiosk in by its own.
 */
import type { TLSSocket } from 'node:tls';
import type { Clock, Log } from '../shared/ports.ts';
import { browse, type Heard, type MdnsPlace, mdnsPlaces } from '../shared/system/mdns.ts';
import { sleep } from '../shared/time.ts';
import { probeGateway } from './probe.ts';
import type { Address } from './road.ts';

/** How long answers are listened for, in milliseconds. */
const listenMs = 5_000;

/** So many addresses are tried in one look, and so many of one neighbour: a hostile one costs time and nothing else. */
export const triesMax = 24;
export const triesPerNeighbourMax = 8;

export interface FindingParts {
  /** Of the authorities that the kiosk believes, see `siteFingerprint`: others' gateways are passed over. */
  readonly sites: readonly string[];
  readonly dial: (address: Address) => TLSSocket;
  readonly clock: Clock;
  readonly log: Log;
  /** In the place of the machine's own. */
  readonly places?: readonly MdnsPlace[];
}

/** The first address at which the gateway let the kiosk in; null where there was none, or where `signal` aborted first. */
export async function findGateway(parts: FindingParts, signal: AbortSignal): Promise<Address | null> {
  const { dial, clock, sites, log } = parts;
  const tries: Promise<void>[] = [];
  const tried = new Set<string>();
  const perNeighbour = new Map<string, number>();
  const done = new AbortController();
  const end = () => done.abort();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  let found: Address | null = null;
  const attempt = async (address: Address) => {
    const { outcome } = await probeGateway(() => dial(address), clock);
    if (outcome !== 'accepted' || found !== null) return;
    found = address;
    end();
  };
  const heard = ({ site, hosts, port, from }: Heard) => {
    if (site === null || !sites.includes(site) || !Number.isInteger(port) || port < 1 || port > 65_535) return;
    for (const host of hosts.filter((one) => !/^fe[89ab]/i.test(one))) {
      const count = perNeighbour.get(from) ?? 0;
      if (tried.size >= triesMax || count >= triesPerNeighbourMax || tried.has(`${host} ${port}`)) continue;
      tried.add(`${host} ${port}`);
      perNeighbour.set(from, count + 1);
      tries.push(attempt({ host, port }));
    }
  };
  const browsing = await browse(heard, { places: mdnsPlaces(), ...parts });
  await sleep(clock, listenMs, done.signal);
  await browsing[Symbol.asyncDispose]();
  // Each has a time-out of its own.
  const ended = new Promise<void>((resolve) => {
    done.signal.addEventListener('abort', () => resolve(), { once: true });
    if (done.signal.aborted) resolve();
  });
  await Promise.race([Promise.all(tries), ended]);
  signal.removeEventListener('abort', end);
  log.info('finding.looked', { tried: tried.size, found: found !== null });
  return found;
}
