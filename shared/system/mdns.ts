/**
 * Names on the local network (mDNS and DNS-SD, RFC 6762 and 6763): a gateway says where it is, a kiosk looks for it.
 * Anybody on the network can say anything here, so nothing that is heard is believed: it is somewhere to try. The library
 * is loaded when it is used.
 */
import type { EventEmitter } from 'node:events';
import { networkInterfaces } from 'node:os';
import { describeError } from '../fault.ts';
import type { Clock, Log } from '../ports.ts';
import { sleep } from '../time.ts';

/** The service's type: `_ravao._tcp`. */
const type = 'ravao';

/** More packets than this within `packetWindowMs` milliseconds are passed over: a flood must not cost the gateway its time. */
export const packetsPerWindowMax = 50;
const packetWindowMs = 1_000;

/** When a kiosk asks the network, in milliseconds from the beginning: a packet may be lost. */
const askAtMs = [0, 1_000, 3_000] as const;

/** How long saying goodbye may take, in milliseconds. */
const goodbyeMs = 500;

/** Where packets go; a test keeps them on its own machine. */
export interface MdnsPlace {
  /** The address of the interface. */
  readonly interface: string;
  readonly port: number;
}

const mdnsPort = 5_353;

/** So many interfaces are used. */
const interfacesMax = 4;

/**
 * The machine's own interfaces, by their IPv4 addresses. Each is used by itself: left to choose, the system takes the one
 * of the default route, and none on a network that leads nowhere.
 */
export function mdnsPlaces(): readonly MdnsPlace[] {
  const found = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  const own = found.filter(({ family, internal }) => family === 'IPv4' && !internal);
  return own.slice(0, interfacesMax).map(({ address }) => ({ interface: address, port: mdnsPort }));
}

export interface MdnsParts {
  readonly clock: Clock;
  readonly log: Log;
  /** See `mdnsPlaces`. */
  readonly places: readonly MdnsPlace[];
}

/** What somebody says of a gateway. */
export interface Heard {
  /** The fingerprint that is claimed, if any. */
  readonly site: string | null;
  /** Whose packet it was. */
  readonly from: string;
  /** Where a gateway is said to be; first the address that the packet came from, as that one is near. */
  readonly hosts: readonly string[];
  readonly port: number;
}

/** Says where a gateway is, until disposed. What fails is logged: kiosks then keep to the addresses that they know. */
export async function advertise(
  { name, port, site }: { readonly name: string; readonly port: number; readonly site: string },
  parts: MdnsParts,
): Promise<AsyncDisposable> {
  const opened = await Promise.all(parts.places.map((place) => open(place, parts)));
  // No probing: a neighbour that claims the name could keep the gateway from saying where it is.
  for (const bonjour of opened) bonjour.publish({ name, type, port, txt: { v: '1', site }, probe: false });
  const close = async (bonjour: (typeof opened)[number]) => {
    const gone = new Promise<void>((resolve) => bonjour.unpublishAll(() => resolve()));
    await Promise.race([gone, sleep(parts.clock, goodbyeMs)]);
    await new Promise<void>((resolve) => bonjour.destroy(() => resolve()));
  };
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.splice(0).map(close));
    },
  };
}

/** Asks where gateways are, and tells of each that answers, until disposed. */
export async function browse(onHeard: (heard: Heard) => void, parts: MdnsParts): Promise<AsyncDisposable> {
  const opened = await Promise.all(parts.places.map((place) => open(place, parts)));
  const stop = new AbortController();
  const browsers = opened.map((bonjour) =>
    bonjour.find({ type }, (service) => {
      const from = service.referer?.address ?? '';
      const site = typeof service.txt?.site === 'string' ? service.txt.site : null;
      const hosts = [from, ...(service.addresses ?? [])].filter((host) => host !== '');
      onHeard({ site, from, hosts: [...new Set(hosts)], port: service.port });
    }),
  );
  const ask = () => {
    for (const browser of browsers) browser.update();
  };
  const asking = askAgain(ask, parts.clock, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await asking;
      for (const browser of browsers) browser.stop();
      await Promise.all(
        opened.splice(0).map((bonjour) => new Promise<void>((resolve) => bonjour.destroy(() => resolve()))),
      );
    },
  };
}

async function askAgain(ask: () => void, clock: Clock, signal: AbortSignal): Promise<void> {
  for (const [index, atMs] of askAtMs.entries()) {
    if (index === 0) continue; // the library has asked already
    await sleep(clock, atMs - (askAtMs[index - 1] ?? 0), signal);
    if (signal.aborted) return;
    ask();
  }
}

/**
 * The library throws what a packet makes it throw, and what its socket meets, at the whole process; so both stop here. It
 * offers no other way to its socket.
 */
async function open(place: MdnsPlace, { clock, log }: MdnsParts) {
  const { Bonjour } = await import('bonjour-service');
  const note = (error: unknown) => log.debug('mdns.failed', { error: describeError(error) });
  // Bound to all, because what is sent to the group reaches no socket that is bound to one address.
  const bonjour = new Bonjour({ ...place, bind: '0.0.0.0' } as object, note);
  const { mdns } = (bonjour as unknown as { readonly server: { readonly mdns: EventEmitter } }).server;
  mdns.on('error', (error) => log.warn('mdns.unavailable', { error: describeError(error) }));
  mdns.on('warning', note);
  const emit = mdns.emit.bind(mdns);
  let windowFromMs = clock.monotonicMs();
  let packets = 0;
  mdns.emit = (event: string, ...args: unknown[]) => {
    if (event === 'packet') {
      const nowMs = clock.monotonicMs();
      if (nowMs - windowFromMs >= packetWindowMs) [windowFromMs, packets] = [nowMs, 0];
      packets++;
    }
    if ((event === 'query' || event === 'response') && packets > packetsPerWindowMax) return false;
    try {
      return emit(event, ...args);
    } catch (error) {
      note(error);
      return false;
    }
  };
  return bonjour;
}
