/**
 * Runs seeds until one fails: `npm run sim -- --seeds 10000 [--from SEED] [--trace]`. A failure names its seed and the
 * command that replays it, shows the end of the trace, and exits 1. `--trace` prints every line of each seed.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/system/clock.ts';
import { exitCode } from '../../shared/system/program.ts';
import { describeFailure } from './failure.ts';
import { faultNames } from './faults.ts';
import { runSeed } from './scenario.ts';

const progressEveryMs = 1_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const [count, from] = [Number(values.seeds), Number(values.from)];
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(from) || from < 0) {
  process.stderr.write('Say --seeds with a number from 1 on, and --from with a number from 0 on.\n');
  process.exitCode = exitCode.usage;
} else {
  process.exitCode = await runAll();
}

async function runAll(): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  let toldMs = startedMs;
  let entries = 0;
  const faults = new Map<string, number>();
  for (let seed = from; seed < from + count; seed++) {
    const result = await runSeed(seed, { keepTrace: values.trace });
    if (values.trace) process.stdout.write(`${result.lines.join('\n')}\n`);
    if (result.failure !== null) {
      process.stdout.write(`\n${describeFailure(result)}\n`);
      return exitCode.failed;
    }
    entries += result.entries;
    for (const [name, times] of result.faults) faults.set(name, (faults.get(name) ?? 0) + times);
    if (systemClock.monotonicMs() - toldMs < progressEveryMs && seed + 1 < from + count) continue;
    toldMs = systemClock.monotonicMs();
    const seconds = ((toldMs - startedMs) / 1000).toFixed(1);
    const total = [...faults.values()].reduce((sum, times) => sum + times, 0);
    process.stdout.write(
      `${process.stdout.isTTY ? '\r' : ''}${seed + 1 - from} of ${count} seeds, ${entries} entries, ${total} faults, ${seconds} s${process.stdout.isTTY ? '' : '\n'}`,
    );
  }
  const rows = faultNames.map((name) => `  ${String(faults.get(name) ?? 0).padStart(7)} ${name}`);
  process.stdout.write(
    `\nNothing lost, nothing doubled, in ${count} seeds. Faults that took effect:\n${rows.join('\n')}\n`,
  );
  return exitCode.ok;
}
