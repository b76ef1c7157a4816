/**
 * Fuzzes for as long as it is told: `npm run fuzz -- [--only framer,broker] [--seed N] [--rounds N]`.
 * A round runs every fuzzer with one seed, ten times as often as `npm test` does; the next round has the next seed.
 * Ends with 1 at the first failure, and with the command that repeats it.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/system/clock.ts';
import { fuzzers } from './fuzzers.ts';

const runsFactor = 10;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: fuzzers.map(({ name }) => name).join(',') },
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '10' },
  },
});

async function fuzzAll(names: readonly string[], firstSeed: number, rounds: number): Promise<boolean> {
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
    for (const fuzzer of fuzzers.filter(({ name }) => names.includes(name))) {
      const runs = fuzzer.runs * runsFactor;
      const startedMs = systemClock.monotonicMs();
      try {
        await fuzzer.fuzz({ seed, runs });
      } catch (error) {
        process.stdout.write(`${fuzzer.name}: SEED=${seed} BREAKS IT\n${String(error)}\n`);
        process.stdout.write(`Again: npm run fuzz -- --only ${fuzzer.name} --seed ${seed} --rounds 1\n`);
        return false;
      }
      process.stdout.write(`${fuzzer.name}: seed ${seed}, ${runs} runs, ${systemClock.monotonicMs() - startedMs} ms\n`);
    }
  }
  return true;
}

const names = values.only.split(',');
const unknown = names.filter((name) => !fuzzers.some((fuzzer) => fuzzer.name === name));
if (unknown.length > 0) {
  process.stderr.write(`There is no fuzzer ${unknown.join(', ')}: ${fuzzers.map(({ name }) => name).join(' ')}\n`);
  process.exitCode = 64;
} else if (!(await fuzzAll(names, Number(values.seed), Number(values.rounds)))) {
  process.exitCode = 1;
}
