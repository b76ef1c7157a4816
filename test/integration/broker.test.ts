import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Broker, startBroker } from '../../gateway/broker.ts';
import type { BrokerOptions } from '../../gateway/broker-options.ts';
import { goodbyeMs, toldMax } from '../../gateway/cut-off.ts';
import { openTrust, type Trust } from '../../gateway/trust/authority.ts';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import { entriesTopic, stateTopic } from '../../shared/topics.ts';
import { credentialsIn } from '../fakes/kiosk-hello.ts';
import { runProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

const machine = () => ({ hostname: 'cong-truoc', addresses: ['127.0.0.1'] });

let root: string;
let log: RecordingLog;
let trust: Trust;
let accepted: string[];
let accept: () => Promise<void>;
let broker: Broker;
const clients: MqttClient[] = [];
const sockets: Socket[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravao-broker-'));
  log = new RecordingLog();
  accepted = [];
  accept = async () => undefined;
  trust = await openTrust(join(root, 'trust'), { site: 'Nhà máy A', clock: systemClock, log, machine });
  await trust.enrol('gate-a', join(root, 'gate-a'));
  broker = await start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  for (const socket of sockets.splice(0)) socket.destroy();
  await broker[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

async function start(changes: Partial<BrokerOptions> = {}): Promise<Broker> {
  return startBroker({
    host: '127.0.0.1',
    port: 0,
    credentials: await trust.gatewayCredentials('127.0.0.1'),
    accept: (_sender, kiosk, payload) => {
      accepted.push(`${kiosk}: ${Buffer.from(payload)}`);
      return accept();
    },
    onState: () => undefined,
    siteNotice: trust.notice,
    clock: systemClock,
    log,
    ...changes,
  });
}

/** What a kiosk connects with. */
const credentials = (folder = join(root, 'gate-a')) => credentialsIn(folder);

async function connect(options: IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect(`mqtts://127.0.0.1:${broker.port}`, {
    ...credentials(),
    servername: gatewayServerName,
    reconnectPeriod: 0,
    ...options,
  });
  clients.push(client);
  client.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('close', () => reject(new Error('refused')));
  });
  return client;
}

/** Whether a peer with these credentials is still connected when it has been told something or cut off. */
async function isLetIn(options: ConnectionOptions): Promise<boolean> {
  const socket: TLSSocket = connectTls({
    host: '127.0.0.1',
    port: broker.port,
    servername: gatewayServerName,
    ...options,
  });
  sockets.push(socket);
  return new Promise((resolve) => {
    socket.on('error', () => resolve(false)).on('close', () => resolve(false));
    // With TLS 1.3 a client believes it is connected before its certificate was looked at: only an answer tells.
    socket.once('secureConnect', () => socket.write(Buffer.from('101000044d5154540402003c000461626364', 'hex')));
    socket.once('data', () => resolve(true));
  });
}

describe('over mutual TLS', () => {
  it('an enrolled kiosk publishes, and hears the PUBACK only when the intake has the entry', async () => {
    const onDisk = Promise.withResolvers<void>();
    accept = () => onDisk.promise;
    const client = await connect();
    const acknowledged = vi.fn();
    const done = client.publishAsync(entriesTopic('gate-a'), 'x', { qos: 1 }).then(acknowledged);
    await vi.waitFor(() => expect(accepted).toEqual(['gate-a: x']));
    // A round trip on the same connection: a PUBACK would have been here before it.
    await connect({ clientId: 'another' });
    expect(acknowledged).not.toHaveBeenCalled();
    onDisk.resolve();
    await done;
    expect(acknowledged).toHaveBeenCalled();
  });

  it('an enrolled kiosk is let in, whichever of its names the gateway is called by', async () => {
    for (const servername of [gatewayServerName, 'localhost', 'cong-truoc.local']) {
      expect(await isLetIn({ ...credentials(), servername }), servername).toBe(true);
    }
  });

  it('nobody without a certificate of this site is let in', async () => {
    const own = credentials();
    const other = await openTrust(join(root, 'other'), { site: 'B', clock: systemClock, log, machine });
    await other.enrol('gate-a', join(root, 'other-gate-a'));
    const foreign = credentials(join(root, 'other-gate-a'));
    const gateway = await trust.gatewayCredentials('127.0.0.1');
    const authority = { cert: trust.caPem, key: await readFile(join(root, 'trust', 'ca.key.pem')) };
    expect(await isLetIn({ ...own })).toBe(true);
    expect(await isLetIn({ ca: own.ca }), 'no certificate').toBe(false);
    expect(await isLetIn({ ...foreign, ca: own.ca }), 'of another site').toBe(false);
    expect(await isLetIn({ ca: own.ca, cert: gateway.certPem, key: gateway.keyPem }), "the gateway's").toBe(false);
    expect(await isLetIn({ ca: own.ca, ...authority }), "the authority's, self-signed").toBe(false);
    expect(await isLetIn({ ...own, maxVersion: 'TLSv1.2' }), 'TLS 1.2').toBe(false);
    expect(log.events).toContain('broker.handshake-failed');
    expect(await isLetIn({ ...own })).toBe(true);
  });

  it('trouble with one peer is logged once a minute, however often it comes', async () => {
    const { ca } = credentials();
    for (let number = 0; number < 5; number++) await isLetIn({ ca });
    expect(log.events.filter((event) => event === 'broker.handshake-failed')).toHaveLength(1);
  });

  it("a kiosk's connection survives the renewal of the certificate, and the next one sees the new", async () => {
    const client = await connect();
    const before = (client.stream as TLSSocket).getPeerX509Certificate()?.serialNumber;
    const renewed = await trust.gatewayCredentials('127.0.0.9');
    broker.renew(renewed);
    const next = await connect({ clientId: 'next' });
    expect((next.stream as TLSSocket).getPeerX509Certificate()?.serialNumber).not.toBe(before);
    await client.publishAsync(entriesTopic('gate-a'), 'x', { qos: 1 });
    expect(await isLetIn({ ca: credentials().ca })).toBe(false);
    expect(await isLetIn({ ...credentials(), maxVersion: 'TLSv1.2' })).toBe(false);
  });

  it('a session that is resumed has the same identity and the same rules', async () => {
    const own = { ...credentials(), host: '127.0.0.1', port: broker.port, servername: gatewayServerName };
    const first = connectTls(own);
    sockets.push(first);
    const [session] = (await once(first, 'session')) as [Buffer];
    const client = await connect({ session } as IClientOptions);
    expect((client.stream as TLSSocket).isSessionReused()).toBe(true);
    await client.publishAsync(entriesTopic('gate-a'), 'x', { qos: 1 });
    client.publish(stateTopic('gate-b'), '{}', { qos: 1 });
    await new Promise<void>((resolve) => client.once('close', () => resolve()));
  });
});

describe('a peer that misbehaves', () => {
  for (const packet of ['connect', 'publish']) {
    it(`with a ${packet.toUpperCase()} of 150 MB is cut off, and costs no memory`, async () => {
      // Warm: what the first connections allocate is not what is measured.
      for (let number = 0; number < 3; number++) await isLetIn(credentials());
      const beforeBytes = process.memoryUsage().rss;
      let peakBytes = beforeBytes;
      const ended = new AbortController();
      const watching = (async () => {
        while (!ended.signal.aborted) {
          peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
          await sleep(systemClock, 5, ended.signal);
        }
      })();
      const script = 'test/fakes/flooding-client.ts';
      const ran = await runProcess([script, String(broker.port), join(root, 'gate-a'), packet]);
      ended.abort();
      await watching;
      expect(ran.code).toBe(0);
      expect(peakBytes - beforeBytes).toBeLessThan(20 * 1024 * 1024);
      const reasons = log.lines
        .filter(({ event }) => event === 'broker.disconnected')
        .map(({ fields }) => fields.reason);
      expect(reasons).toContain('packet-too-long');
    });
  }

  it('that says nothing is cut off, before and after its handshake', async () => {
    await broker[Symbol.asyncDispose]();
    broker = await start({ limits: { handshakeTimeoutMs: 200, connectTimeoutMs: 200 } });
    const silent = connectTcp({ host: '127.0.0.1', port: broker.port });
    sockets.push(silent);
    await once(silent.resume(), 'close');
    const own = { ...credentials(), host: '127.0.0.1', port: broker.port, servername: gatewayServerName };
    const mute = connectTls(own);
    sockets.push(mute);
    await once(mute.resume(), 'close');
    await vi.waitFor(() => expect(broker.connections).toBe(0));
  });

  it('that says nothing gives way when one more comes than may be in their handshake', async () => {
    await broker[Symbol.asyncDispose]();
    broker = await start({ limits: { handshakesMax: 2 } });
    const open: Socket[] = [];
    for (let number = 0; number < 3; number++) {
      const socket = connectTcp({ host: '127.0.0.1', port: broker.port });
      open.push(socket);
      sockets.push(socket);
      await once(socket.resume(), 'connect');
    }
    const [oldest, ...younger] = open;
    if (oldest?.destroyed === false) await once(oldest, 'close');
    expect(log.events).toContain('broker.handshakes-full');
    expect(younger.filter((socket) => !socket.destroyed)).toHaveLength(2);
    expect(await isLetIn(credentials())).toBe(true);
  });

  it('that begins a handshake and leaves it at that gives way to a kiosk, however many of its kind there are', async () => {
    await broker[Symbol.asyncDispose]();
    const limits = { handshakesPerAddressMax: 8, handshakesBegunMax: 4, handshakePatienceMs: 50 };
    broker = await start({ limits });
    // The head of a TLS record that never goes on.
    const head = Uint8Array.from([0x16, 3, 1, 2, 0]);
    for (let number = 0; number < 20; number++) {
      const socket = connectTcp({ host: '127.0.0.1', port: broker.port }, () => socket.write(head));
      sockets.push(socket.on('error', () => undefined));
      await once(socket, 'connect');
    }
    expect(await isLetIn(credentials())).toBe(true);
  });

  it('that is one kiosk too many is closed after its handshake', async () => {
    await broker[Symbol.asyncDispose]();
    broker = await start({ limits: { connectionsMax: 2 } });
    await connect({ clientId: 'first' });
    await connect({ clientId: 'second' });
    expect(await isLetIn(credentials())).toBe(false);
    expect(log.events).toContain('broker.connections-full');
  });

  it('that is cut off is told so, some at a time, and none may stay', async () => {
    await broker[Symbol.asyncDispose]();
    const clock = new VirtualClock();
    broker = await start({ clock, revocations: { has: () => true, onGrowth: () => undefined } });
    const asked = mqtt.connect(`mqtts://127.0.0.1:${broker.port}`, {
      ...{ ...(await credentials()), servername: gatewayServerName, reconnectPeriod: 0, protocolVersion: 4 },
    });
    clients.push(asked);
    const refusal = await new Promise((resolve) => asked.once('error', resolve));
    expect(refusal).toMatchObject({ code: 5 });

    // Those that say nothing are ended; of more than so many none is even heard.
    const connection = {
      host: '127.0.0.1',
      port: broker.port,
      servername: gatewayServerName,
      ...(await credentials()),
    };
    const silent = Array.from({ length: toldMax }, () => connectTls(connection).on('error', () => undefined));
    sockets.push(...silent);
    await Promise.all(silent.map((socket) => once(socket, 'session')));
    expect(await isLetIn(await credentials())).toBe(false);
    const ended = Promise.all(silent.map((socket) => once(socket.resume(), 'close')));
    await clock.advance(goodbyeMs);
    await ended;
    expect(await isLetIn(await credentials())).toBe(true);
    expect(log.events).not.toContain('broker.connected');
  });
});

describe('the listener', () => {
  it('that cannot listen is a fault that names the address', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(start({ port })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    await expect(start({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    other.close();
  });

  it('stops while kiosks are connected and others are in their handshake, and frees its port', async () => {
    const client = await connect();
    const half = connectTcp({ host: '127.0.0.1', port: broker.port });
    sockets.push(half);
    await once(half, 'connect');
    const onDisk = Promise.withResolvers<void>();
    accept = () => onDisk.promise;
    const acknowledged = client.publishAsync(entriesTopic('gate-a'), 'x', { qos: 1 });
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    const { port } = broker;
    const stopped = broker[Symbol.asyncDispose]();
    onDisk.resolve();
    await acknowledged;
    await stopped;
    broker = await start({ port });
    expect(broker.port).toBe(port);
  });
});
