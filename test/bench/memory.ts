import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import { freePort, type RunningProcess, startProcess } from '../fakes/processes.ts';
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
  progress('the kiosk, scans from standard input');
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
  await using gateway = await startGateway(site, { port, upstream: url });
  const entriesPerKiosk = entriesPerHalf / loadKiosks;
  const load = () => runLoad(gateway, { port, credentialDirs: site.credentialDirs, entriesPerKiosk, inFlight });
  return measure(gateway, sink, entriesPerHalf, load);
}

async function measureKiosk(entriesPerHalf: number): Promise<MemoryCourse> {
  using workplace = makeWorkplace('memory-kiosk');
  const site = await makeSite(workplace.dir, 1);
  const port = await freePort();
  const { sink, url } = await startSink(entriesPerHalf);
  await using _sink = sink;
  await using _gateway = await startGateway(site, { port, upstream: url });
  await using kiosk = await startKiosk(workplace.dir, site, port);
  let card = 0;
  return measure(kiosk, sink, entriesPerHalf, async () => {
    const lines = Array.from({ length: entriesPerHalf }, () => `${makeCard(card++)}\n`);
    kiosk.write(lines.join(''));
  });
}

/** Starts the kiosk's program, quiet, with scans from standard input and lights that nobody sees. */
async function startKiosk(dir: string, site: Site, port: number): Promise<RunningProcess> {
  const lights = join(dir, 'leds');
  mkdirSync(lights);
  const kiosk = await startProcess(['kiosk/main.ts'], {
    env: {
      RAVAO_DATA_DIR: join(dir, 'kiosk'),
      RAVAO_CREDENTIALS: site.credentialDirs[0] ?? '',
      RAVAO_GATEWAY_URL: `mqtts://127.0.0.1:${port}`,
      RAVAO_SCANNER: 'stdin',
      RAVAO_BOARD: `gpio-leds:${lights}`,
      RAVAO_LOG_LEVEL: 'warn',
    },
  });
  return kiosk;
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
