import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, runProcess, startProcess } from '../fakes/processes.ts';
import { runLoad } from './load.ts';
import { atLeast, type BenchOptions, type BenchResult, makeResult } from './result.ts';
import { makeSite, makeWorkplace, startGateway } from './site.ts';

const kiosks = 50;
const inFlight = 10;
const entries = 60_000;
const singleCommits = 400;
const slowerByMs = 10;

/** How long the gateway, or the commits one by one, may take, in milliseconds. */
const timeoutMs = 120_000;

/** What committing in groups gains on a disk as slow as an SD card: every fsync takes 10 ms longer. */
export async function benchSlowDisk({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('slow-disk');
  const env = await buildShim(workplace.dir);
  const site = await makeSite(workplace.dir, kiosks);
  const port = await freePort();
  progress('one commit a message');
  const single = await commitOneByOne(workplace.dir, env, Math.ceil(singleCommits * scale));
  progress('commits in groups');
  await using gateway = await startGateway(site, { port, upstream: `http://127.0.0.1:${await freePort()}/`, env });
  const entriesPerKiosk = Math.ceil((entries * scale) / kiosks);
  const load = await runLoad(gateway, { port, credentialDirs: site.credentialDirs, entriesPerKiosk, inFlight });
  await gateway.kill('SIGKILL');
  const gain = { name: 'gateway / a commit a message', value: load.entriesPerSecond / single, unit: '' };
  return makeResult({
    name: 'slow-disk',
    title: `fsync slowed by ${slowerByMs} ms; ${kiosks} kiosks × ${inFlight} in flight`,
    figures: [
      { name: 'gateway, committed', value: load.entriesPerSecond, unit: 'entries/s' },
      { name: 'a commit a message, bare', value: single, unit: 'entries/s' },
      gain,
    ],
    limits: [atLeast(50, gain)],
  });
}

/** Builds the shim; returns the environment that loads it into a program. */
async function buildShim(dir: string): Promise<Record<string, string>> {
  const source = fileURLToPath(new URL('slow-fsync.c', import.meta.url));
  const library = join(dir, 'slow-fsync.so');
  const args = ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'];
  const { code, stderr } = await runProcess(args, { command: 'gcc' });
  if (code !== 0) throw new Error(`gcc failed: ${stderr}`);
  return { LD_PRELOAD: library, SLOW_FSYNC_US: String(slowerByMs * 1000) };
}

async function commitOneByOne(dir: string, env: Record<string, string>, count: number): Promise<number> {
  await using program = await startProcess(['test/bench/single-commits.ts', dir, String(count)], { env });
  const { perSecond } = await program.waitForLog('commits.done', timeoutMs);
  return Number(perSecond);
}
