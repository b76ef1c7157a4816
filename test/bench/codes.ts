import { runProcess } from '../fakes/processes.ts';
import { atMost, type BenchOptions, type BenchResult, makeResult, median, percentile } from './result.ts';

const rounds = 200;

/** All rounds together may take this long, in milliseconds. */
const timeoutMs = 120_000;

/** From a frame's text to a code that is understood and, where it bears a signature, verified: for each file of the corpus. */
export async function benchCodes({ scale, progress }: BenchOptions): Promise<BenchResult> {
  const count = Math.max(1, Math.round(rounds * scale));
  progress(`${count} rounds through the corpus`);
  const ran = await runProcess(['test/bench/codes-reader.ts', String(count)], { deadlineMs: timeoutMs });
  if (ran.code !== 0) throw new Error(ran.stderr);
  const elapsedMs = Object.entries(JSON.parse(ran.stdout) as Record<string, number[]>);
  const slow = elapsedMs.map(([name, ms]) => ({ name: `${name}, p99`, value: percentile(ms, 0.99), unit: 'ms' }));
  const usual = elapsedMs.map(([name, ms]) => ({ name: `${name}, p50`, value: median(ms), unit: 'ms' }));
  return makeResult({
    name: 'codes',
    title: `reading and verifying a code, ${count} rounds through the corpus`,
    figures: usual.flatMap((figure, index) => [figure, ...slow.slice(index, index + 1)]),
    limits: slow.map((figure) => atMost(3, figure)),
  });
}
