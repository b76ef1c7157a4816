/** A gateway whose address has changed is found again on the local network; neighbours who lie cost time and nothing else. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startAdvertising } from '../../gateway/advertising.ts';
import { type Broker, startBroker } from '../../gateway/broker.ts';
import { openTrust, type Trust } from '../../gateway/trust/authority.ts';
import { type Credentials, readCredentials } from '../../kiosk/credentials.ts';
import { dialTls } from '../../kiosk/dial.ts';
import { findGateway, triesMax, triesPerNeighbourMax } from '../../kiosk/finding.ts';
import { createLink } from '../../kiosk/link.ts';
import { openOutbox } from '../../kiosk/outbox.ts';
import { type Address, foundFileName, type Look, Road } from '../../kiosk/road.ts';
import { systemChance as chance } from '../../shared/system/chance.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { advertise, browse, type MdnsPlace, packetsPerWindowMax } from '../../shared/system/mdns.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { until } from '../fakes/until.ts';

const deadlineMs = 30_000;

let dir: string;
let parts: AsyncDisposableStack;
let log: RecordingLog;
let trust: Trust;
let credentials: Credentials;
let places: readonly MdnsPlace[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-finding-'));
  parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(dir, { recursive: true }));
  log = new RecordingLog();
  trust = await openTrust(join(dir, 'trust'), { site: 'Nhà máy A', clock, log });
  await trust.enrol('gate-a', join(dir, 'gate-a'));
  credentials = await readCredentials(join(dir, 'gate-a'));
  // A port of its own keeps a test out of others' packets, and the loopback interface keeps it off the network.
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  places = [{ interface: '127.0.0.1', port: socket.address().port }];
  await new Promise<void>((resolve) => socket.close(() => resolve()));
});
afterEach(() => parts.disposeAsync());

async function startGateway(port = 0): Promise<Broker> {
  return parts.use(
    await startBroker({
      ...{ host: '127.0.0.1', port, clock, log, siteNotice: trust.notice },
      credentials: await trust.gatewayCredentials('127.0.0.1'),
      accept: async () => undefined,
      onState: () => undefined,
    }),
  );
}

async function announce(broker: Broker, mdns: 'auto' | 'on' | 'off' = 'on'): Promise<void> {
  const { caPem } = trust;
  parts.use(
    await startAdvertising({
      mdns,
      host: '127.0.0.1',
      port: broker.port,
      caPem: () => caPem,
      clock,
      chance,
      log,
      places: () => places,
    }),
  );
  const advertised = () => log.events.includes('mdns.advertised');
  if (mdns === 'on') await until('the gateway to say where it is', deadlineMs, advertised);
}

/** As the kiosk does, and says which addresses were dialled. */
async function find(): Promise<{ found: Address | null; dialled: Address[] }> {
  const dialled: Address[] = [];
  const dial = (address: Address) => {
    dialled.push(address);
    return dialTls({ ...address, ...credentials })();
  };
  const found = await findGateway({ sites: [siteOf(trust)], dial, clock, log, places }, new AbortController().signal);
  return { found, dialled };
}

function siteOf(its: Trust): string {
  const [, site = ''] = seenBy(its);
  return site;
}

/** The fingerprint as the two programs compute it, each by itself. */
function seenBy({ caPem }: { readonly caPem: string }): [string, string] {
  const sites: string[] = [];
  const look: Look = async (found) => {
    sites.push(...found);
    return null;
  };
  const road = new Road({
    address: { host: '127.0.0.1', port: 1 },
    credentials: { ...credentials, caPem },
    dataDir: dir,
    look,
    clock,
    log,
    limits: { lookAfterMs: 0 },
  });
  for (let time = 0; time < 2; time++) road.dial().on('error', () => undefined);
  return ['', sites[0] ?? ''];
}

/** Says that a gateway of that site is at a port where something else is. */
async function lie(port: number, site = siteOf(trust)): Promise<AsyncDisposable> {
  return parts.use(await advertise({ name: `liar-${port}`, port, site }, { clock, log, places }));
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  parts.defer(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

it('a gateway is found where it is, and only where it wants to be', async () => {
  const broker = await startGateway();
  await announce(broker, 'auto');
  await announce(broker, 'off');
  expect(log.events).not.toContain('mdns.advertised');
  await announce(broker);
  expect((await find()).found).toEqual({ host: '127.0.0.1', port: broker.port });
});

it('neighbours who claim to be it are tried and not believed; the gateway is found among them', async () => {
  const broker = await startGateway();
  const other = await openTrust(join(dir, 'other'), { site: 'Nhà máy A', clock, log });
  const shown = await other.gatewayCredentials('127.0.0.1');
  const relay = createServer((socket) => {
    // Passes everything on to the true gateway until TLS is made, and then falls silent: it can neither read nor say anything.
    const onward = connectTcp(broker.port, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    socket.once('data', (chunk) => onward.write(chunk));
  });
  const liars = [
    createServer((socket) => void socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\n\r\n')),
    createTls({ cert: shown.certPem, key: shown.keyPem }, (socket) => void socket.on('error', () => undefined)),
    relay,
  ];
  const told: AsyncDisposable[] = [];
  for (const liar of liars) told.push(await lie(await listen(liar.on('error', () => undefined))));
  await lie(broker.port, 'f'.repeat(16));
  expect((await find()).found).toBeNull();
  // All of them speak from one address here, which may name only so many places: two fall silent.
  for (const liar of told.slice(0, 2)) await liar[Symbol.asyncDispose]();
  await announce(broker);
  const { found, dialled } = await find();
  expect(found).toEqual({ host: '127.0.0.1', port: broker.port });
  expect(new Set(dialled.map(({ port }) => port)).size).toBeGreaterThan(1);
});

it('a neighbour may name so many places and no more, whatever it says', async () => {
  for (let port = 1; port <= 12; port++) await lie(port);
  const { found, dialled } = await find();
  expect(found).toBeNull();
  expect(dialled.length).toBe(triesPerNeighbourMax);
  expect(triesMax).toBeGreaterThan(triesPerNeighbourMax);
});

it('bytes that are no packet, and a flood of packets, hurt nobody', async () => {
  const heard: unknown[] = [];
  const browsing = parts.use(await browse((one) => heard.push(one), { clock, log, places }));
  const socket = createSocket('udp4');
  parts.defer(() => void socket.close());
  const send = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => socket.send(bytes, places[0]?.port, '127.0.0.1', () => resolve()));
  for (let round = 0; round < 200; round++) await send(chance.bytes(1 + Math.floor(chance.fraction() * 300)));
  // A response whose records say that they are of other lengths than they are.
  await send(Buffer.from('000084000000000100000000055f7261766f0000210001ffffffff0002abcd', 'hex'));
  await until('what is no packet to be noticed', deadlineMs, () => log.events.includes('mdns.failed'));
  expect(heard).toEqual([]);
  await browsing[Symbol.asyncDispose]();
  expect(packetsPerWindowMax).toBeLessThan(200);
});

it('a kiosk goes after its gateway, remembers where it was, and comes back when it is where it was told', async () => {
  const first = await startGateway();
  const { port } = first;
  await first[Symbol.asyncDispose]();
  const second = await startGateway();
  await announce(second);
  const dataDir = join(dir, 'kiosk');
  const outbox = parts.use(openOutbox({ dir: dataDir, kiosk: 'gate-a', clock, chance, log }));
  const look: Look = (sites, dial, signal) => findGateway({ sites, dial, clock, log, places }, signal);
  const run = () => {
    const address = { host: '127.0.0.1', port };
    const road = new Road({
      ...{ address, credentials, dataDir, look, clock, log },
      limits: { lookAfterMs: 50, lookEveryMs: 50 },
    });
    const stop = new AbortController();
    let isOnline = false;
    const link = createLink({
      ...{ outbox, kiosk: 'gate-a', clock, chance, log, dial: road.dial, state: () => ({}) },
      limits: { retry: { firstMs: 20, factor: 2, maxMs: 200, jitter: 0.5 } },
      onStatus: (status) => {
        isOnline = status === 'online';
        if (isOnline) road.reached();
      },
    });
    const running = link.run(stop.signal);
    return {
      road,
      online: () => isOnline,
      async [Symbol.asyncDispose]() {
        stop.abort();
        await running;
        await road[Symbol.asyncDispose]();
      },
    };
  };
  const remembered = () => existsSync(join(dataDir, foundFileName));
  {
    await using kiosk = run();
    await until('the gateway at its new place', deadlineMs, () => kiosk.online() && remembered());
    expect(kiosk.road.address.port).toBe(second.port);
  }
  expect(JSON.parse(readFileSync(join(dataDir, foundFileName), 'utf8'))).toEqual({
    host: '127.0.0.1',
    port: second.port,
  });
  log.lines.splice(0);
  {
    await using kiosk = run();
    await until('the remembered place', deadlineMs, kiosk.online);
    expect(kiosk.road.address.port).toBe(second.port);
    expect(log.events).not.toContain('finding.looked');
    await second[Symbol.asyncDispose]();
    await startGateway(port);
    await until('the gateway where it was told', deadlineMs, () => kiosk.online() && kiosk.road.address.port === port);
    await until('the place to be forgotten', deadlineMs, () => !remembered());
  }
});
