import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProcess } from '../fakes/processes.ts';
import { copyPrograms, type Mutation, mutations, plant } from './mutations.ts';

/** The seeds that `npm test` runs; a bug that survives them would survive it. */
const seeds = 200;

/** How long all these seeds may take on a crowded machine, in milliseconds; a bug that is caught needs a few of them. */
const deadlineMs = 120_000;

/** Runs the simulation in a copy until the first seed that fails. */
async function simulate(dir: string, args: readonly string[]) {
  const { code, stdout, stderr } = await runProcess(['test/sim/main.ts', ...args], { cwd: dir, deadlineMs });
  const [, broken = null] = /^BROKEN: (.*)$/m.exec(stdout) ?? [];
  const [, seed = null] = /^SEED=(\d+)/m.exec(stdout) ?? [];
  return { code, broken, seed, output: `${stdout.slice(-4000)}${stderr}` };
}

describe('the simulation', () => {
  let sound: ReturnType<typeof copyPrograms>;
  beforeAll(() => {
    sound = copyPrograms();
  });
  afterAll(() => sound[Symbol.dispose]());

  it.each(mutations)(
    'finds out that $title',
    async (mutation) => {
      using copy = copyPrograms();
      plant(mutation, copy.dir);
      const { code, broken, seed, output } = await simulate(copy.dir, ['--seeds', String(seeds)]);
      expect({ code, seed, broken }, output).toEqual({
        code: 1,
        seed: expect.any(String),
        // A promise, and not that the bug is so rough that the program cannot run.
        broken: expect.not.stringContaining('crashed'),
      });
      const control = await simulate(sound.dir, ['--from', seed ?? '', '--seeds', '1']);
      expect({ code: control.code, broken: control.broken }, control.output).toEqual({ code: 0, broken: null });
    },
    2 * deadlineMs,
  );
});

describe('a mutation', () => {
  const [some] = mutations as readonly [Mutation];

  it('that no longer fits the programs says which file and what it looked for', () => {
    using copy = copyPrograms();
    plant(some, copy.dir);
    const [edit] = some.edits;
    expect(() => plant(some, copy.dir)).toThrow(
      `${edit?.path} holds 0 times, not once, what the mutation "${some.title}" replaces; mend test/sim/mutations.ts:\n${edit?.find}`,
    );
  });
});
