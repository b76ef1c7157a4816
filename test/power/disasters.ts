/** What is done to a custodian's disk, each repeatable by its seed. Each throws what it finds. */
import assert from 'node:assert/strict';
import { Fault } from '../../shared/fault.ts';
import { collect } from './collect.ts';
import { Bench, type Custodian, type Life } from './custody.ts';

/** How much is tried with one seed. */
export interface Extent {
  /** The work that is done before. */
  readonly life: Life;
  /** States after a power cut. */
  readonly cuts: number;
}

/** Tries one kind of disaster with one seed; returns how many states of the disk were opened. */
export type Disaster = (custodian: Custodian, seed: number, extent: Extent) => Promise<number>;

export const disasters: Readonly<Record<string, Disaster>> = {
  'the power fails at any moment': async (custodian, seed, { life, cuts }) => {
    using bench = new Bench(custodian);
    await bench.live(seed, life);
    return await count(bench.cut(seed, cuts));
  },

  'its process was killed in the middle of a commit, went on, and the power fails': async (custodian, seed, extent) => {
    using bench = new Bench(custodian);
    await bench.live(seed, { ...extent.life, sessions: 1, endSync: '1' });
    await bench.live(seed + 1, { ...extent.life, sessions: 1 });
    return await count(bench.cut(seed, extent.cuts / 2));
  },

  'its process was killed while it made its files, was started again, and the power fails': async (
    custodian,
    seed,
    extent,
  ) => {
    const { syncs, renames } = custodian.making;
    const deaths = Array.from({ length: renames }, (_, index) => `r${index + 1}`);
    let states = 0;
    for (const startSync of [String(1 + (seed % syncs)), ...deaths]) {
      using bench = new Bench(custodian);
      await bench.live(seed, { sessions: 1, operations: 1, startSync });
      await bench.live(seed + 1, { sessions: 1, operations: 2 });
      states += await count(bench.cut(seed, extent.cuts / 10));
    }
    return states;
  },

  'the power fails again while it recovers': async (custodian, seed, { life, cuts }) => {
    using first = new Bench(custodian);
    await first.live(seed, life);
    let states = 0;
    for (const { image, said } of await collect(first.cut(seed + 1, 3))) {
      using second = new Bench(custodian, { image, said });
      await second.live(seed + 2, { sessions: 1, operations: 2 });
      states += await count(second.cut(seed, cuts / 10));
    }
    return states;
  },

  'the power cuts its log at any page': async (custodian, seed, { life, cuts }) => {
    using bench = new Bench(custodian);
    await bench.live(seed, life);
    return await bench.cutLogs(Math.ceil(cuts / 100));
  },

  'its disk loses a write that it had synced': async (custodian, seed, { life, cuts }) => {
    using bench = new Bench(custodian);
    await bench.live(seed, life);
    return await refused(custodian, bench.lies(seed, cuts / 3));
  },

  'its disk loses the end of a file': async (custodian, seed, { life }) => {
    using bench = new Bench(custodian);
    await bench.live(seed, life);
    return await refused(custodian, bench.cutDatabases());
  },
};

async function count(states: AsyncIterable<unknown>): Promise<number> {
  let counted = 0;
  for await (const _ of states) counted++;
  return counted;
}

/** Some of the states must be refused, and all of those with the one fault that tells what to do. */
async function refused({ damage }: Custodian, states: AsyncIterable<'whole' | Fault>): Promise<number> {
  const outcomes = await collect(states);
  const faults = outcomes.filter((outcome) => outcome instanceof Fault);
  assert(faults.length > 0, 'nothing was refused');
  for (const fault of faults) assert.equal(fault.code, damage, fault.message);
  return outcomes.length;
}
