import type { SeedResult } from './scenario.ts';

/** How many of the last lines of a trace a failure shows. */
const linesShown = 60;

/** What a person needs to know of a seed that failed: which promise was broken, how to see it again, what came before. */
export function describeFailure({ seed, failure, lines, digest }: SeedResult): string {
  return [
    ...lines.slice(-linesShown),
    '',
    `BROKEN: ${failure}`,
    `SEED=${seed}  trace ${digest.slice(0, 16)}`,
    `Replay: npm run sim -- --from ${seed} --seeds 1`,
  ].join('\n');
}
