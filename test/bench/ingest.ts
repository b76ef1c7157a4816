import { freePort, type RunningProcess } from '../fakes/processes.ts';
import { BareTable } from './bare-table.ts';
import { type LoadOutcome, runLoad } from './load.ts';
import { startMosquitto } from './mosquitto.ts';
import { atLeast, type BenchOptions, type BenchResult, makeResult, median } from './result.ts';
import { makeRows } from './rows.ts';
import { countEntries, makeSite, makeWorkplace, type Site, startGateway } from './site.ts';

const kiosks = 50;
const inFlight = 10;
const rounds = 3;
const entriesPerRound = 100_000;
const rowsPerBatch = 200;

/**
 * 50 kiosks with 10 entries in flight each, over mutual TLS: committed and acknowledged entries a second, beside
 * mosquitto under the same load and beside bare inserts of the same rows. The three take turns, so that a busy moment of
 * the machine hits all of them; the median of the rounds counts.
 */
export async function benchIngest({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('ingest');
  const site = await makeSite(workplace.dir, kiosks);
  const entriesPerKiosk = Math.ceil((entriesPerRound * scale) / kiosks);
  // Nobody listens upstream: as on a site whose line is down, so that only the ingest is measured.
  const upstream = `http://127.0.0.1:${await freePort()}/`;
  const ports = { gateway: await freePort(), mosquitto: await freePort(), forwarding: await freePort() };
  const load = (broker: RunningProcess, port: number) =>
    runLoad(broker, { port, credentialDirs: site.credentialDirs, entriesPerKiosk, inFlight });
  const gatewayRounds: LoadOutcome[] = [];
  const mosquittoRounds: LoadOutcome[] = [];
  const bareRounds: number[] = [];
  {
    await using gateway = await startGateway(site, { port: ports.gateway, upstream });
    await using mosquitto = await startMosquitto(workplace.dir, site, ports.mosquitto);
    using table = new BareTable(workplace.dir);
    await runLoad(gateway, {
      port: ports.gateway,
      credentialDirs: site.credentialDirs,
      entriesPerKiosk: 100,
      inFlight,
    });
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`);
      mosquittoRounds.push(await load(mosquitto, ports.mosquitto));
      gatewayRounds.push(await load(gateway, ports.gateway));
      bareRounds.push(insertBatches(table, entriesPerKiosk * kiosks));
    }
  }
  await expectEntries(site, kiosks * (100 + rounds * entriesPerKiosk));
  progress('while forwarding to a file');
  const whileForwarding = await loadWhileForwarding(workplace.dir, ports.forwarding, entriesPerKiosk);
  return describe(gatewayRounds, mosquittoRounds, bareRounds, whileForwarding);
}

function describe(
  gatewayRounds: readonly LoadOutcome[],
  mosquittoRounds: readonly LoadOutcome[],
  bareRounds: readonly number[],
  whileForwarding: LoadOutcome,
): BenchResult {
  const perSecond = (outcomes: readonly LoadOutcome[]) => median(outcomes.map((outcome) => outcome.entriesPerSecond));
  const [gateway, mosquitto, bare] = [perSecond(gatewayRounds), perSecond(mosquittoRounds), median(bareRounds)];
  const committed = { name: 'gateway, committed', value: gateway, unit: 'entries/s' };
  const toMosquitto = { name: 'gateway / mosquitto', value: gateway / mosquitto, unit: '' };
  const cpuShare = (outcomes: readonly LoadOutcome[]) =>
    Math.max(...outcomes.map((outcome) => outcome.generatorCpuShare));
  return makeResult({
    name: 'ingest',
    title: `${kiosks} kiosks × ${inFlight} in flight over mutual TLS`,
    figures: [
      committed,
      { name: 'gateway while it forwards to a file', value: whileForwarding.entriesPerSecond, unit: 'entries/s' },
      { name: 'mosquitto, persistence on, durable subscriber away', value: mosquitto, unit: 'entries/s' },
      { name: `bare inserts, ${rowsPerBatch} rows a commit`, value: bare, unit: 'entries/s' },
      toMosquitto,
      { name: 'gateway / bare inserts', value: gateway / bare, unit: '' },
      { name: 'share of a processor that the load took, gateway', value: cpuShare(gatewayRounds), unit: '' },
      { name: 'share of a processor that the load took, mosquitto', value: cpuShare(mosquittoRounds), unit: '' },
    ],
    limits: [atLeast(20_000, committed), atLeast(0.5, toMosquitto)],
  });
}

/** Inserts new rows in batches; returns rows a second. Making the rows is not timed. */
function insertBatches(table: BareTable, count: number): number {
  const names = Array.from({ length: kiosks }, (_, number) => `gate-${number}`);
  const rows = [...makeRows(names, count)];
  const startedNs = process.hrtime.bigint();
  for (let from = 0; from < rows.length; from += rowsPerBatch) table.append(rows.slice(from, from + rowsPerBatch));
  return rows.length / (Number(process.hrtime.bigint() - startedNs) / 1e9);
}

/** The same load on a new site whose gateway forwards to a file at the same time. */
async function loadWhileForwarding(dir: string, port: number, entriesPerKiosk: number): Promise<LoadOutcome> {
  const site = await makeSite(`${dir}/forwarding`, kiosks);
  await using gateway = await startGateway(site, { port, upstream: `file://${dir}/upstream.ndjson` });
  return await runLoad(gateway, { port, credentialDirs: site.credentialDirs, entriesPerKiosk, inFlight });
}

/** A benchmark that lost entries has measured nothing. */
async function expectEntries(site: Site, expected: number): Promise<void> {
  const { entries, quarantined } = await countEntries(site);
  if (entries !== expected || quarantined !== 0) {
    throw new Error(`the store holds ${entries} of ${expected} entries, and ${quarantined} are in quarantine`);
  }
}
