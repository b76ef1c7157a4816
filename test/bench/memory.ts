import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../shared/system/clock.ts';
import { kioskNodeFlags } from '../../shared/system/memory.ts';
import { sleep } from '../../shared/time.ts';
import { freePort, type RunningProcess, startProcess } from '../fakes/processes.ts';
import { openPtyPair, type PtyPair } from '../fakes/pty.ts';
import { runLoad } from './load.ts';
import { atMost, type BenchOptions, type BenchResult, type Figure, makeResult } from './result.ts';
import { makeCard } from './rows.ts';
import { startSink } from './sink.ts';
import { makeSite, makeWorkplace, memoryOf, type Site, startGateway } from './site.ts';

const half = 100_000;
const loadKiosks = 50;
const inFlight = 10;

/** Memory is looked at this long after the last entry, in milliseconds: what is still being done is done by then. */
const settleMs = 5_000;

/** How long a program may take to start, in milliseconds. */
const startTimeoutMs = 30_000;

/** How long one half may take, in milliseconds. */
const halfTimeoutMs = 900_000;

/** Memory of one process, in MiB. */
interface MemoryCourse {
  readonly idle: number;
  readonly afterHalf: number;
  readonly afterAll: number;
  readonly peak: number;
}

/** Resident memory of both programs: idle, under load, after 100,000 and after 200,000 entries that went all the way upstream. */
export async function benchMemory({ scale, progress }: BenchOptions): Promise<BenchResult> {
  const entriesPerHalf = Math.ceil((half * scale) / loadKiosks) * loadKiosks;
  progress('the gateway, 50 kiosks');
  const gateway = await measureGateway(entriesPerHalf);
  progress('the kiosk, scans over a pty');
  const kiosk = await measureKiosk(entriesPerHalf);
  const [kioskFigures, gatewayFigures] = [figuresOf('kiosk', kiosk), figuresOf('gateway', gateway)];
  return makeResult({
    name: 'memory',
    title: `resident memory, ${2 * entriesPerHalf} entries`,
    figures: [...Object.values(kioskFigures), ...Object.values(gatewayFigures)],
    limits: [
      atMost(90, kioskFigures.idle),
      atMost(90, kioskFigures.afterAll),
      atMost(1.05, kioskFigures.growth),
      atMost(180, gatewayFigures.afterAll),
      atMost(260, gatewayFigures.peak),
      atMost(1.05, gatewayFigures.growth),
    ],
  });
}

function figuresOf(program: string, { idle, afterHalf, afterAll, peak }: MemoryCourse) {
  const figure = (name: string, value: number, unit = 'MiB'): Figure => ({ name: `${program}, ${name}`, value, unit });
  return {
    idle: figure('idle', idle),
    peak: figure('most under load', peak),
    afterHalf: figure('after the first half', afterHalf),
    afterAll: figure('after all', afterAll),
    growth: figure('after all / after the first half', afterAll / afterHalf, ''),
  };
}

async function measureGateway(entriesPerHalf: number): Promise<MemoryCourse> {
  using workplace = makeWorkplace('memory-gateway');
  const site = await makeSite(workplace.dir, loadKiosks);
  const port = await freePort();
  const { sink, url } = await startSink(entriesPerHalf);
  await using _sink = sink;
  const start = () => startGateway(site, { port, upstream: url, env: compileCacheIn(workplace.dir) });
  await stopAfterStart(await start());
  await using gateway = await start();
  const entriesPerKiosk = entriesPerHalf / loadKiosks;
  const load = () => runLoad(gateway, { port, credentialDirs: site.credentialDirs, entriesPerKiosk, inFlight });
  return await measure(gateway, sink, entriesPerHalf, load);
}

async function measureKiosk(entriesPerHalf: number): Promise<MemoryCourse> {
  using workplace = makeWorkplace('memory-kiosk');
  const site = await makeSite(workplace.dir, 1);
  const port = await freePort();
  const { sink, url } = await startSink(entriesPerHalf);
  await using _sink = sink;
  await using _gateway = await startGateway(site, { port, upstream: url });
  await using pty = await openPtyPair();
  const start = () => startKiosk(workplace.dir, site, port, pty);
  await stopAfterStart(await start());
  await using kiosk = await start();
  let card = 0;
  return await measure(kiosk, sink, entriesPerHalf, async () => {
    const lines = Array.from({ length: entriesPerHalf }, () => `${makeCard(card++)}\r`);
    await pty.write(lines.join(''));
  });
}

/** Starts the kiosk's program with a serial scanner and lights that nobody sees, and waits until it scans. */
async function startKiosk(dir: string, site: Site, port: number, pty: PtyPair): Promise<RunningProcess> {
  const lights = join(dir, 'leds');
  mkdirSync(lights, { recursive: true });
  const kiosk = await startProcess([...kioskNodeFlags, 'kiosk/main.ts'], {
    stdin: 'ignore',
    env: {
      RAVAO_DATA_DIR: join(dir, 'kiosk'),
      RAVAO_CREDENTIALS: site.credentialDirs[0] ?? '',
      RAVAO_GATEWAY_URL: `mqtts://127.0.0.1:${port}`,
      RAVAO_SCANNER: `serial:${pty.kioskPath}`,
      RAVAO_BOARD: `gpio-leds:${lights}`,
      ...compileCacheIn(dir),
    },
  });
  await kiosk.waitForLog('scanner.found', startTimeoutMs);
  return kiosk;
}

/** A program that was started before finds its compiled code here, as after a machine's first start. */
function compileCacheIn(dir: string): Record<string, string> {
  return { NODE_COMPILE_CACHE: join(dir, 'compile-cache') };
}

/** The first start fills the compile cache, which is written at the end; what it takes is not what a machine lives with. */
async function stopAfterStart(program: RunningProcess): Promise<void> {
  await program.kill('SIGTERM');
}

async function measure(
  program: RunningProcess,
  sink: RunningProcess,
  entriesPerHalf: number,
  load: () => Promise<unknown>,
): Promise<MemoryCourse> {
  const settled = async () => {
    await sleep(systemClock, settleMs);
    return memoryOf(program.pid).nowMiB;
  };
  const arrived = async (entries: number) => {
    const matches = ({ unique }: Readonly<Record<string, unknown>>) => Number(unique) >= entries;
    await sink.waitForLog('sink.received', halfTimeoutMs, { matches });
  };
  const idle = await settled();
  await load();
  await arrived(entriesPerHalf);
  const afterHalf = await settled();
  await load();
  await arrived(2 * entriesPerHalf);
  const afterAll = await settled();
  return { idle, afterHalf, afterAll, peak: memoryOf(program.pid).peakMiB };
}
