/** Peers without a certificate, against a real gateway at work: what they cost it, and what kiosks notice of them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../shared/system/clock.ts';
import { gatewayNodeFlags } from '../../shared/system/memory.ts';
import { sleep } from '../../shared/time.ts';
import { memoryOf } from '../bench/site.ts';
import { CustodyClient } from '../fakes/custody-client.ts';
import { type RunningProcess, startProcess } from '../fakes/processes.ts';
import { SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import type { StrangersPlan } from '../fakes/strangers.ts';

/** The limits: how much the gateway's memory may rise, and how long an enrolled kiosk may wait for a PUBACK. */
const riseMiBMax = 20;
const pubackMsMax = 250;

/** A kiosk that connects meanwhile has its first PUBACK within this time, in milliseconds: what its link gives a connection. */
const newcomerMsMax = 10_000;

/** An entry is offered this often, in milliseconds. */
const probeEveryMs = 20;

const deadlineMs = 60_000;
const mebibyte = 1024 * 1024;
const addresses = Array.from({ length: 50 }, (_, number) => `127.0.1.${number + 1}`);

let folder: SiteFolder;
let calmFolder: SiteFolder;
let gateway: RunningProcess;
let port: number;
let probe: CustodyClient;
/** A second gateway, that nobody troubles, and its kiosk: what they are late by is this machine's doing. */
let calm: RunningProcess;
let control: CustodyClient;

function client(kiosk: string, windowMax: number): CustodyClient {
  return new CustodyClient({ kiosk, port, credentialsDir: folder.credentialsDir(kiosk), windowMax });
}

beforeAll(async () => {
  folder = new SiteFolder();
  await folder.enrol('gate-a');
  await folder.enrol('gate-b');
  gateway = await startProcess([...gatewayNodeFlags, 'gateway/main.ts'], { env: folder.gatewayEnv(), stdin: 'ignore' });
  port = Number((await gateway.waitForLog('gateway.ready', startDeadlineMs)).port);
  calmFolder = new SiteFolder();
  await calmFolder.enrol('gate-a');
  const calmly = await calmFolder.startGateway();
  calm = calmly.gateway;
  const credentialsDir = calmFolder.credentialsDir('gate-a');
  control = new CustodyClient({ kiosk: 'gate-a', port: calmly.port, credentialsDir, windowMax: 16 });
  // What the gateway takes for its own kiosks under full load is not the strangers' doing.
  const load = Array.from({ length: 4 }, () => client('gate-b', 100));
  for (const kiosk of load) kiosk.offer(8_000);
  await Promise.all(load.map((kiosk) => kiosk.drains(deadlineMs)));
  for (const kiosk of load) kiosk[Symbol.dispose]();
  probe = client('gate-a', 16);
}, deadlineMs);

afterAll(async () => {
  probe?.[Symbol.dispose]();
  control?.[Symbol.dispose]();
  await calm?.[Symbol.asyncDispose]();
  calmFolder?.[Symbol.dispose]();
  await gateway?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

beforeEach(async () => {
  for (const kiosk of [probe, control]) {
    kiosk.offer(100);
    await kiosk.drains(deadlineMs);
    kiosk.slowestMs = 0;
  }
});

/** What a kiosk and the gateway's memory noticed of strangers. */
interface Noticed {
  readonly strangers: Readonly<Record<string, unknown>>;
  readonly riseMiB: number;
  readonly pubackMs: number;
  /** The same at the gateway that nobody troubles. */
  readonly calmPubackMs: number;
  readonly probes: number;
  readonly newcomerMs: number;
  readonly newcomers: number;
}

/** Lets strangers loose, and meanwhile publishes an entry every 20 ms and connects one new kiosk after the other. */
async function endure(plan: Omit<StrangersPlan, 'port'>): Promise<Noticed> {
  const before = memoryOf(gateway.pid).peakMiB;
  const offeredBefore = probe.offered.size;
  await using strangers = await startProcess(['test/fakes/strangers.ts', JSON.stringify({ ...plan, port })]);
  const done = new AbortController();
  const [newcomers] = await Promise.all([
    connectInTurn(done.signal),
    (async () => {
      while (!done.signal.aborted) {
        probe.offer(1);
        control.offer(1);
        await sleep(systemClock, probeEveryMs, done.signal);
      }
    })(),
    strangers.waitForLog('strangers.done', deadlineMs).finally(() => done.abort()),
  ]);
  await probe.drains(deadlineMs);
  return {
    strangers: strangers.logs.at(-1) ?? {},
    riseMiB: memoryOf(gateway.pid).peakMiB - before,
    pubackMs: probe.slowestMs,
    calmPubackMs: control.slowestMs,
    probes: probe.offered.size - offeredBefore,
    newcomerMs: Math.max(...newcomers),
    newcomers: newcomers.length,
  };
}

async function connectInTurn(signal: AbortSignal): Promise<number[]> {
  const tookMs: number[] = [];
  while (!signal.aborted) {
    const startedMs = systemClock.monotonicMs();
    using newcomer = client('gate-b', 1);
    newcomer.offer(1);
    await newcomer.drains(deadlineMs);
    tookMs.push(systemClock.monotonicMs() - startedMs);
    await sleep(systemClock, 10 * probeEveryMs, signal);
  }
  return tookMs;
}

function expectUnmoved(noticed: Noticed): void {
  expect.soft(noticed.riseMiB, 'MiB more than under full load').toBeLessThan(riseMiBMax);
  const delayMs = noticed.pubackMs - noticed.calmPubackMs;
  expect
    .soft(delayMs, `ms until the slowest PUBACK, beyond ${noticed.calmPubackMs} elsewhere`)
    .toBeLessThan(pubackMsMax);
  expect.soft(noticed.newcomerMs, 'ms for the slowest new kiosk').toBeLessThan(newcomerMsMax);
  expect.soft(noticed.newcomers).toBeGreaterThan(0);
  expect(probe.connections, 'connections of a kiosk that was there before').toBe(1);
  expect(gateway.exit).toBeNull();
}

describe('a gateway that serves kiosks hardly notices strangers who', () => {
  it('stream 256 MiB at it, as HTTP, MQTT, TLS records, greetings and a client without a certificate', async () => {
    const noticed = await endure({ kind: 'stream', bytes: 256 * mebibyte });
    expect(noticed.strangers.sent).toBeGreaterThanOrEqual(256 * mebibyte);
    expectUnmoved(noticed);
  });

  it('open 10,000 connections from its own address, 1,000 at a time, silent or stuck in a handshake', async () => {
    const noticed = await endure({ kind: 'crowd', connections: 10_000, together: 1_000, holdMs: 500 });
    expect(noticed.strangers.connections).toBe(10_000);
    expect(noticed.probes).toBeGreaterThan(50);
    expectUnmoved(noticed);
  });

  it('open 5,000 connections from fifty addresses', async () => {
    const noticed = await endure({ kind: 'crowd', connections: 5_000, together: 1_000, holdMs: 500, addresses });
    expect(noticed.strangers.connections).toBe(5_000);
    expectUnmoved(noticed);
  });

  it('dribble one byte a second over 600 connections, and closes them after 10 s', async () => {
    const noticed = await endure({ kind: 'dribble', connections: 600, addresses });
    expect(noticed.strangers.sent).toBeLessThan(20);
    expectUnmoved(noticed);
  });
});
