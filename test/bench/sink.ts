import { type RunningProcess, startProcess } from '../fakes/processes.ts';

/** How long the sink may take to start, in milliseconds. */
const startTimeoutMs = 10_000;

/** Starts an upstream in a process of its own that takes everything and says how much, every `reportEvery` events. */
export async function startSink(reportEvery: number): Promise<{ readonly sink: RunningProcess; readonly url: string }> {
  const sink = await startProcess(['test/bench/http-sink.ts', String(reportEvery)], { stdin: 'ignore' });
  const { port } = await sink.waitForLog('sink.ready', startTimeoutMs);
  return { sink, url: `http://127.0.0.1:${port}/` };
}
