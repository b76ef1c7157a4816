import { startProcess } from '../fakes/processes.ts';
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

/** Puts the load of many kiosks on a broker, from a process of its own. */
export async function runLoad(plan: LoadPlan): Promise<LoadOutcome> {
  await using generator = await startProcess(['test/bench/load-generator.ts', JSON.stringify(plan)]);
  await generator.waitForLog('load.ready', loadTimeoutMs);
  generator.write('start\n');
  const done = await generator.waitForLog('load.done', loadTimeoutMs);
  const entries = Number(done.entries);
  return {
    entries,
    entriesPerSecond: entries / (Number(done.elapsedMs) / 1000),
    generatorCpuShare: Number(done.cpuShare),
  };
}
