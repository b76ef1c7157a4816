import { freePort } from '../fakes/processes.ts';
import { runLoad } from './load.ts';
import { atLeast, type BenchOptions, type BenchResult, makeResult } from './result.ts';
import { startSink } from './sink.ts';
import { makeSite, makeWorkplace, startGateway } from './site.ts';

const kiosks = 20;
const backlog = 200_000;

/** How long the backlog may take, in milliseconds. */
const timeoutMs = 300_000;

/** A backlog, as after a day without a line, to an HTTP upstream on this machine: entries a second that it has taken. */
export async function benchForwarding({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('forwarding');
  const site = await makeSite(workplace.dir, kiosks);
  const port = await freePort();
  const entriesPerKiosk = Math.ceil((backlog * scale) / kiosks);
  const entries = entriesPerKiosk * kiosks;
  progress(`filling the store with ${entries} entries`);
  {
    await using filling = await startGateway(site, { port, upstream: `http://127.0.0.1:${await freePort()}/` });
    await runLoad(filling, { port, credentialDirs: site.credentialDirs, entriesPerKiosk, inFlight: 20 });
    await filling.kill('SIGTERM');
  }
  progress('forwarding');
  const { sink, url } = await startSink(entries);
  await using _sink = sink;
  await using _gateway = await startGateway(site, { port, upstream: url });
  const { unique, elapsedMs } = await sink.waitForLog('sink.received', timeoutMs);
  if (unique !== entries) throw new Error(`the upstream received ${unique} different entries of ${entries}`);
  const forwarded = { name: 'forwarded', value: entries / (Number(elapsedMs) / 1000), unit: 'entries/s' };
  return makeResult({
    name: 'forwarding',
    title: `a backlog of ${entries} to an HTTP upstream on this machine`,
    figures: [forwarded],
    limits: [atLeast(10_000, forwarded)],
  });
}
