import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { kioskNodeFlags } from '../../shared/system/memory.ts';
import { freePort, startProcess } from '../fakes/processes.ts';
import { atMost, type BenchOptions, type BenchResult, makeResult, median } from './result.ts';
import { makeCard } from './rows.ts';
import { makeSite, makeWorkplace } from './site.ts';

const warmStarts = 9;

/** A start may take this long, in milliseconds. */
const startTimeoutMs = 30_000;

/**
 * From starting the kiosk's program to its first scan on disk. The scan waits in standard input from the start, no
 * gateway answers, and lights are driven by files. Warm: Node's compile cache holds the program from an earlier start.
 */
export async function benchStart({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('start');
  const site = await makeSite(workplace.dir, 1);
  const lights = join(workplace.dir, 'leds');
  mkdirSync(lights);
  const env = {
    RAVAO_DATA_DIR: join(workplace.dir, 'kiosk'),
    RAVAO_CREDENTIALS: site.credentialDirs[0] ?? '',
    RAVAO_GATEWAY_URL: `mqtts://127.0.0.1:${await freePort()}`,
    RAVAO_SCANNER: 'stdin',
    RAVAO_BOARD: `gpio-leds:${lights}`,
    NODE_COMPILE_CACHE: join(workplace.dir, 'compile-cache'),
  };
  progress('one cold start');
  const coldMs = await startAndScan(env, 0);
  const warmMs: number[] = [];
  for (let start = 1; start <= Math.max(3, Math.round(warmStarts * scale)); start++) {
    progress(`warm start ${start}`);
    warmMs.push(await startAndScan(env, start));
  }
  const warm = { name: 'start to first scan on disk, warm (median)', value: median(warmMs), unit: 'ms' };
  return makeResult({
    name: 'start',
    title: 'the start of a kiosk',
    figures: [
      warm,
      { name: 'the slowest warm start', value: Math.max(...warmMs), unit: 'ms' },
      { name: 'cold, with an empty compile cache', value: coldMs, unit: 'ms' },
    ],
    limits: [atMost(700, warm)],
  });
}

async function startAndScan(env: Readonly<Record<string, string>>, card: number): Promise<number> {
  const startedNs = process.hrtime.bigint();
  await using kiosk = await startProcess([...kioskNodeFlags, 'kiosk/main.ts'], { env });
  kiosk.write(`${makeCard(card)}\n`);
  await kiosk.waitForLog('scan.recorded', startTimeoutMs);
  const elapsedMs = Number(process.hrtime.bigint() - startedNs) / 1e6;
  await kiosk.kill('SIGTERM'); // the compile cache is written at the end
  return elapsedMs;
}
