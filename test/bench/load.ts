import { type RunningProcess, startProcess } from '../fakes/processes.ts';
import type { LoadPlan } from './load-generator.ts';

/** What a broker did under load. */
export interface LoadOutcome {
  readonly entries: number;
  readonly entriesPerSecond: number;
  /** The part of one processor that the load generator took: well below 1, or it was the bottleneck. */
  readonly generatorCpuShare: number;
}

/** Encoding the packets beforehand may take this long, and so may the load itself, in milliseconds. */
const loadTimeoutMs = 600_000;

/** How much of a broker's output is shown when it ends. */
const outputCharsShown = 4_000;

/** Puts the load of many kiosks on a broker, from a process of its own. Rejects with the broker's output when that ends. */
export async function runLoad(broker: RunningProcess, plan: LoadPlan): Promise<LoadOutcome> {
  await using generator = await startProcess(['test/bench/load-generator.ts', JSON.stringify(plan)]);
  const brokerEnded = broker.exited.then(() => {
    throw new Error(
      `the broker ended under load (${JSON.stringify(broker.exit)}):\n${broker.output().slice(-outputCharsShown)}`,
    );
  });
  const run = async () => {
    await generator.waitForLog('load.ready', loadTimeoutMs);
    generator.write('start\n');
    return generator.waitForLog('load.done', loadTimeoutMs);
  };
  const done = await Promise.race([run(), brokerEnded]);
  const entries = Number(done.entries);
  return {
    entries,
    entriesPerSecond: entries / (Number(done.elapsedMs) / 1000),
    generatorCpuShare: Number(done.cpuShare),
  };
}
