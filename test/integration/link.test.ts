import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Aedes } from 'aedes';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  type Certified,
  makeAuthority,
  makeGatewayCertificate,
  makeKey,
  makeKioskCertificate,
} from '../../gateway/trust/certificate.ts';
import { dialTls } from '../../kiosk/dial.ts';
import { createLink, type Link } from '../../kiosk/link.ts';
import type { LinkLimits } from '../../kiosk/link-limits.ts';
import { type Outbox, openOutbox } from '../../kiosk/outbox.ts';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import { systemChance as chance } from '../../shared/system/chance.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import { entriesTopic } from '../../shared/topics.ts';
import { makeDraft } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';

const nowMs = clock.nowMs();
let authority: Certified;
let stranger: Certified;
let kiosk: Certified;

/** Quick enough for a test, and otherwise like the real ones. */
const limits: Partial<LinkLimits> = {
  retry: { firstMs: 20, factor: 2, maxMs: 100, jitter: 0.5 },
  connectTimeoutMs: 1_000,
  ackTimeoutMs: 1_000,
};

let dir: string;
let outbox: Outbox;
let log: RecordingLog;
let stop: AbortController;
let closing: (() => Promise<void>)[];
let seqs: number[];

beforeAll(async () => {
  authority = await makeAuthority('Nhà máy A', nowMs);
  stranger = await makeAuthority('Nhà máy A', nowMs);
  kiosk = await makeKioskCertificate(authority, 'gate-a', nowMs);
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-link-'));
  log = new RecordingLog();
  outbox = openOutbox({ dir, kiosk: 'gate-a', clock, chance, log: new RecordingLog() });
  stop = new AbortController();
  closing = [];
  seqs = [];
});

afterEach(async () => {
  stop.abort();
  for (const close of closing.reverse()) await close();
  await outbox[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

/** Listens on 127.0.0.1 and closes with everything connected to it. */
async function listen(server: Server, port = 0): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  closing.push(close);
  return { port: address.port, close };
}

interface GatewayChanges {
  readonly port?: number;
  readonly signedBy?: Certified;
  readonly names?: readonly string[];
  readonly onSocket?: (socket: TLSSocket) => void;
}

/** A broker behind mutual TLS, as the gateway's. Its certificate holds one name and no address. */
async function startGateway({
  port = 0,
  signedBy = authority,
  names = [gatewayServerName],
  onSocket,
}: GatewayChanges = {}) {
  const broker = await Aedes.createBroker();
  broker.authorizePublish = (_client, { topic, payload }, done) => {
    if (topic === entriesTopic('gate-a')) seqs.push(JSON.parse(payload.toString()).seq);
    done(null);
  };
  const key = makeKey();
  const cert = await makeGatewayCertificate(signedBy, key, names, nowMs);
  const server = createTlsServer(
    { key, cert, ca: authority.certPem, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
    (socket) => {
      socket.on('error', () => {});
      onSocket?.(socket);
      broker.handle(socket);
    },
  );
  server.on('tlsClientError', () => {});
  const listening = await listen(server, port);
  closing.push(() => new Promise<void>((resolve) => broker.close(() => resolve())));
  return listening;
}

function startLink(port: number, host = '127.0.0.1'): Link {
  const dial = dialTls({ host, port, caPem: authority.certPem, ...kiosk });
  const link = createLink({
    outbox,
    kiosk: 'gate-a',
    dial,
    clock,
    chance,
    log,
    limits,
    state: () => ({}),
    onStatus: () => {},
  });
  const ended = link.run(stop.signal);
  closing.push(() => ended);
  return link;
}

function append(count: number): void {
  for (let made = 0; made < count; made++) outbox.append(makeDraft(made));
}

function countTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

async function until(done: () => boolean, withinMs = 15_000): Promise<void> {
  const startedMs = clock.monotonicMs();
  while (!done()) {
    if (clock.monotonicMs() - startedMs > withinMs)
      expect.fail(`not in time; log: ${JSON.stringify(log.lines.slice(-20))}`);
    await sleep(clock, 5);
  }
}

function reasons(): string {
  return log.lines.map(({ fields }) => String(fields.reason)).join('\n');
}

it('delivers over mutual TLS 1.3 to a gateway whose certificate knows nothing of its address', async () => {
  const seen: { protocol: string | null; kiosk: unknown }[] = [];
  const onSocket = (socket: TLSSocket) => {
    seen.push({ protocol: socket.getProtocol(), kiosk: socket.getPeerCertificate().subject.CN });
  };
  const { port } = await startGateway({ onSocket });
  append(200);
  startLink(port, 'localhost');
  await until(() => outbox.depth() === 0);
  expect(seqs).toEqual(countTo(200));
  expect(seen).toEqual([{ protocol: 'TLSv1.3', kiosk: 'gate-a' }]);
});

it('tells nothing to a gateway of another authority, or with another name', async () => {
  append(1);
  const foreign = await startGateway({ signedBy: stranger });
  startLink(foreign.port);
  await until(() => log.events.filter((event) => event === 'link.retry').length > 3);
  expect(reasons()).toMatch(/certificate/);
  await foreign.close();
  const misnamed = await startGateway({ port: foreign.port, names: ['localhost', '127.0.0.1'] });
  await until(() => reasons().includes(gatewayServerName));
  expect([seqs, outbox.depth()]).toEqual([[], 1]);
  await misnamed.close();
  await startGateway({ port: foreign.port });
  await until(() => outbox.depth() === 0);
});

it('waits for a gateway that is not there yet, and survives its restarts in the middle of sending', async () => {
  const { port, close } = await startGateway();
  await close();
  const link = startLink(port);
  await until(() => log.events.includes('link.retry'));
  for (let round = 1; round <= 4; round++) {
    append(300);
    const before = new Set(seqs).size;
    const gateway = await startGateway({ port });
    link.wake();
    await until(() => new Set(seqs).size > before + 20);
    await gateway.close();
  }
  await startGateway({ port });
  await until(() => outbox.depth() === 0);
  expect([...new Set(seqs)].sort((one, other) => one - other)).toEqual(countTo(1_200));
});

it('gives up a peer that accepts TCP and never begins TLS', async () => {
  const silent = await listen(createTcpServer(() => {}));
  append(1);
  startLink(silent.port);
  await until(() => reasons().includes('did not answer in time'));
  await silent.close();
  await startGateway({ port: silent.port });
  await until(() => outbox.depth() === 0);
});

it('gives up a line that swallows what is sent, and sends it again on a new one', async () => {
  const { port } = await startGateway();
  let swallowing = false;
  const between = createTcpServer((kioskSide) => {
    const gatewaySide = connect(port, '127.0.0.1');
    kioskSide.on('data', (chunk) => swallowing || gatewaySide.write(chunk));
    gatewaySide.on('data', (chunk) => swallowing || kioskSide.write(chunk)).on('error', () => {});
    kioskSide.on('close', () => gatewaySide.destroy());
  });
  const line = await listen(between);
  const link = startLink(line.port);
  await until(() => log.events.includes('link.connected'));
  swallowing = true;
  append(5);
  link.wake();
  await until(() => log.events.includes('link.lost'));
  expect(outbox.depth()).toBe(5);
  swallowing = false;
  await until(() => outbox.depth() === 0);
  expect(new Set(seqs)).toEqual(new Set(countTo(5)));
});

it('refuses credentials that are none, or do not belong together, before anything is dialled', async () => {
  const target = { host: '127.0.0.1', port: 1, caPem: authority.certPem, ...kiosk };
  const wrong = [
    { keyPem: makeKey() },
    { keyPem: 'none' },
    { certPem: '' },
    { certPem: 'none' },
    { caPem: 'none' },
    { caPem: '' },
  ];
  for (const part of wrong) {
    expect(() => dialTls({ ...target, ...part }), JSON.stringify(Object.keys(part))).toThrow('CREDENTIALS_INVALID');
  }
});
