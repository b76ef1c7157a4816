import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../shared/system/clock.ts';
import { gatewayNodeFlags, kioskNodeFlags } from '../../shared/system/memory.ts';
import { sleep } from '../../shared/time.ts';
import { freePort, type LogFields, type RunningProcess, startProcess } from '../fakes/processes.ts';
import { atMost, type BenchOptions, type BenchResult, type Figure, makeResult } from './result.ts';
import { makeSite, makeWorkplace, memoryOf, type Site } from './site.ts';

const cards = 1_000_000;
const lookups = 20_000;

/** Memory is looked at this long after the last thing that happened, in milliseconds. */
const settleMs = 5_000;

/** How long anything may take, in milliseconds. */
const timeoutMs = 120_000;

/** What one gateway and one kiosk with so many cards take. */
interface Course {
  readonly gateway: { readonly toldMs: number; readonly rssMiB: number };
  /** From the connection to the last item. */
  readonly fetchMs: number;
  /** From the revocation of one card more until it is held. */
  readonly revokeMs: number;
  readonly afterFetchMiB: number;
  readonly peakMiB: number;
  readonly afterRestartMiB: number;
}

/** A million revoked cards and as many issued numbers, at the real kiosk's program: memory, time to fetch, to load, to look up. */
export async function benchRules({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('rules');
  const site = await makeSite(workplace.dir, 1);
  const count = Math.ceil(cards * scale);
  await measure(workplace.dir, site, 'warm-up', 0);
  progress('no cards');
  const without = await measure(workplace.dir, site, 'without', 0);
  progress(`${count} cards`);
  const full = await measure(workplace.dir, site, 'with', count);
  progress(`${lookups} lookups`);
  await using program = await startProcess([
    'test/bench/rules-lookup.ts',
    join(workplace.dir, 'with'),
    `${count}`,
    `${lookups}`,
  ]);
  const looked = await program.waitForLog('bench.lookups', timeoutMs);
  return describe(count, without, full, looked);
}

function describe(count: number, without: Course, full: Course, looked: LogFields): BenchResult {
  const figure = (name: string, value: unknown, unit: string): Figure => ({ name, value: Number(value), unit });
  const kiosk = figure('kiosk, more after fetching', full.afterFetchMiB - without.afterFetchMiB, 'MiB');
  const restarted = figure('kiosk, more after a restart', full.afterRestartMiB - without.afterRestartMiB, 'MiB');
  const gateway = figure('gateway, more', full.gateway.rssMiB - without.gateway.rssMiB, 'MiB');
  const lookup = figure('lookup of a card and a number, p99', looked.p99, 'ms');
  const revoke = figure('from a revocation to a kiosk that holds it', full.revokeMs, 'ms');
  return makeResult({
    name: 'rules',
    title: `${count} revoked cards and as many issued numbers`,
    figures: [
      kiosk,
      restarted,
      figure('kiosk, most while fetching, more', full.peakMiB - without.peakMiB, 'MiB'),
      gateway,
      figure('gateway, from its start until all is told', full.gateway.toldMs, 'ms'),
      figure('fetching all over loopback', full.fetchMs, 'ms'),
      revoke,
      figure('loading all at a start', looked.loadMs, 'ms'),
      figure('lookup of a card and a number, p50', looked.p50, 'ms'),
      lookup,
      figure('the longest lookup', looked.max, 'ms'),
    ],
    limits: [atMost(40, kiosk), atMost(40, restarted), atMost(20, gateway), atMost(1, lookup), atMost(5_000, revoke)],
  });
}

async function measure(dir: string, site: Site, name: string, count: number): Promise<Course> {
  const port = await freePort();
  const startedMs = systemClock.monotonicMs();
  await using gateway = await startProcess(
    [...gatewayNodeFlags, 'test/bench/rules-gateway.ts', site.dataDir, `${port}`, `${count}`],
    {},
  );
  await gateway.waitForLog('rules.told', timeoutMs);
  const toldMs = systemClock.monotonicMs() - startedMs;
  await sleep(systemClock, settleMs);
  const gatewayMiB = memoryOf(gateway.pid).nowMiB;
  const start = () => startKiosk(join(dir, name), dir, site, port);
  await using kiosk = await start();
  const held = await heldBy(kiosk, count);
  const connected = await kiosk.waitForLog('link.connected', timeoutMs);
  await sleep(systemClock, settleMs);
  const fetched = memoryOf(kiosk.pid);
  const revokedMs = systemClock.monotonicMs();
  gateway.write('revoke\n');
  await heldBy(kiosk, count + 1);
  const revokeMs = systemClock.monotonicMs() - revokedMs;
  await kiosk.kill('SIGTERM');
  await using again = await start();
  await again.waitForLog('link.connected', timeoutMs);
  await sleep(systemClock, settleMs);
  return {
    gateway: { toldMs, rssMiB: gatewayMiB },
    fetchMs: timeOf(held) - timeOf(connected),
    revokeMs,
    afterFetchMiB: fetched.nowMiB,
    peakMiB: fetched.peakMiB,
    afterRestartMiB: memoryOf(again.pid).nowMiB,
  };
}

function heldBy(kiosk: RunningProcess, count: number): Promise<LogFields> {
  return kiosk.waitForLog('rules.held', timeoutMs, { matches: ({ revoked }) => revoked === count });
}

/** When the program wrote a line. */
function timeOf({ time }: LogFields): number {
  return Date.parse(String(time));
}

async function startKiosk(dataDir: string, dir: string, site: Site, port: number): Promise<RunningProcess> {
  const lights = join(dir, 'leds');
  mkdirSync(lights, { recursive: true });
  const env = {
    RAVAO_DATA_DIR: dataDir,
    RAVAO_CREDENTIALS: site.credentialDirs[0] ?? '',
    RAVAO_GATEWAY_URL: `mqtts://127.0.0.1:${port}`,
    RAVAO_SCANNER: 'stdin',
    RAVAO_BOARD: `gpio-leds:${lights}`,
    NODE_COMPILE_CACHE: join(dir, 'compile-cache'),
  };
  return startProcess([...kioskNodeFlags, 'kiosk/main.ts'], { env, stdin: 'ignore' });
}
