/**
 * What `npm test` runs: lint, types and every test. All three run even when one fails, so that one run shows every
 * failure; the last line sums up. Arguments go to vitest: `npm test -- test/unit/shared`.
 */
import { spawnSync } from 'node:child_process';

const steps: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['lint', 'biome', ['check', '.']],
  ['types', 'tsc', ['--noEmit']],
  ['tests', 'vitest', ['run', ...process.argv.slice(2)]],
];

const failed = steps.filter(([, command, args]) => spawnSync(command, args, { stdio: 'inherit' }).status !== 0);
const summary = steps.map((step) => `${step[0]} ${failed.includes(step) ? 'FAILED' : 'passed'}`).join(', ');
process.stdout.write(`\nSummary: ${summary}.\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
