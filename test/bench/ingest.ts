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
const clients = ['mqtt', 'packets'] as const;
type Client = (typeof clients)[number];

interface Rounds {
  readonly gateway: Record<Client, LoadOutcome[]>;
  readonly mosquitto: Record<Client, LoadOutcome[]>;
  readonly bare: number[];
}

/**
 * 50 kiosks with 10 entries in flight each, over mutual TLS: committed and acknowledged entries a second, beside
 * mosquitto under the same load and beside bare inserts of the same rows. They take turns, so that a busy moment of the
 * machine hits all of them; the median of the rounds counts. The ratio is that with the kiosks' own client. Packets made
 * beforehand are what neither can be given in life; they show how much the gateway can take.
 */
export async function benchIngest({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('ingest');
  const site = await makeSite(workplace.dir, kiosks);
  const entriesPerKiosk = Math.ceil((entriesPerRound * scale) / kiosks);
  // Nobody listens upstream: as on a site whose line is down, so that only the ingest is measured.
  const upstream = `http://127.0.0.1:${await freePort()}/`;
  const ports = { gateway: await freePort(), mosquitto: await freePort(), forwarding: await freePort() };
  const load = (broker: RunningProcess, port: number, client: Client) =>
    runLoad(broker, { port, credentialDirs: site.credentialDirs, entriesPerKiosk, inFlight, client });
  const measured: Rounds = {
    gateway: { mqtt: [], packets: [] },
    mosquitto: { mqtt: [], packets: [] },
    bare: [],
  };
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
      for (const client of clients) {
        measured.mosquitto[client].push(await load(mosquitto, ports.mosquitto, client));
        measured.gateway[client].push(await load(gateway, ports.gateway, client));
      }
      measured.bare.push(insertBatches(table, entriesPerKiosk * kiosks));
    }
  }
  await expectEntries(site, kiosks * (100 + rounds * clients.length * entriesPerKiosk));
  progress('while forwarding to a file');
  const whileForwarding = await loadWhileForwarding(workplace.dir, ports.forwarding, entriesPerKiosk);
  return describe(measured, whileForwarding);
}

function describe({ gateway, mosquitto, bare }: Rounds, whileForwarding: LoadOutcome): BenchResult {
  const perSecond = (outcomes: readonly LoadOutcome[]) => median(outcomes.map((outcome) => outcome.entriesPerSecond));
  const cpuShare = ({ mqtt, packets }: Rounds['gateway'], client: Client) =>
    Math.max(...(client === 'mqtt' ? mqtt : packets).map((outcome) => outcome.generatorCpuShare));
  const figure = (name: string, value: number, unit = 'entries/s') => ({ name, value, unit });
  const committed = figure('gateway, committed', perSecond(gateway.packets));
  const asKiosks = figure("gateway, with the kiosks' client", perSecond(gateway.mqtt));
  const other = figure("mosquitto, with the kiosks' client", perSecond(mosquitto.mqtt));
  const toMosquitto = figure("gateway / mosquitto, with the kiosks' client", asKiosks.value / other.value, '');
  return makeResult({
    name: 'ingest',
    title: `${kiosks} kiosks × ${inFlight} in flight over mutual TLS`,
    figures: [
      committed,
      asKiosks,
      figure('gateway while it forwards to a file', whileForwarding.entriesPerSecond),
      figure('mosquitto, persistence on, durable subscriber away', perSecond(mosquitto.packets)),
      other,
      figure(`bare inserts, ${rowsPerBatch} rows a commit`, median(bare)),
      toMosquitto,
      figure('gateway / mosquitto, packets made beforehand', committed.value / perSecond(mosquitto.packets), ''),
      figure('gateway / bare inserts', committed.value / median(bare), ''),
      figure("share of a processor that the load took, gateway, kiosks' client", cpuShare(gateway, 'mqtt'), ''),
      figure("share of a processor that the load took, mosquitto, kiosks' client", cpuShare(mosquitto, 'mqtt'), ''),
      figure('share of a processor that the load took, gateway', cpuShare(gateway, 'packets'), ''),
      figure('share of a processor that the load took, mosquitto', cpuShare(mosquitto, 'packets'), ''),
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
