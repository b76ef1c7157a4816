/** SIGKILL of everything, again and again, under full load over TLS: what was acknowledged is there, once. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteReader } from '../../gateway/store/sqlite.ts';
import type { Entry } from '../../shared/entry.ts';
import { collect } from '../contract/store.ts';
import { CustodyClient } from '../fakes/custody-client.ts';
import { freePort, type RunningProcess } from '../fakes/processes.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';
import { UpstreamFile } from '../fakes/upstream-file.ts';

const seed = 20_261_120;
const gatewayKills = 20;
const kiosks = ['gate-a', 'gate-b', 'gate-c'];
const killsPerKiosk = 10;
/** Simulated kiosks that keep the gateway busy, each with so many entries under way. */
const crowd = ['crowd-a', 'crowd-b', 'crowd-c', 'crowd-d'];
const crowdWindow = 40;
/** Cards laid on a kiosk's scanner in each of its lives; more than it lives to read. */
const cardsPerLife = 1_500;
const deadlineMs = 60_000;

const chance = seededChance(seed);
const between = (low: number, high: number) => low + Math.floor(chance.fraction() * (high - low));

/** Kills the gateway after every few thousand bytes that it forwarded, at a moment that chance picks. */
async function killGateways(folder: SiteFolder, port: number, crowds: readonly CustodyClient[]): Promise<void> {
  const acknowledged = () => crowds.reduce((sum, client) => sum + client.acknowledged.size, 0);
  for (let kill = 0; kill < gatewayKills; kill++) {
    const { gateway } = await folder.startGateway({ RAVAO_MQTT_PORT: String(port) });
    await using _ = gateway;
    const enough = acknowledged() + between(100, 1_200);
    await until(`${enough} PUBACKs in life ${kill} of the gateway`, deadlineMs, () => acknowledged() >= enough);
    expect(await gateway.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  }
}

function recordedBy({ logs }: RunningProcess): string[] {
  return logs.filter(({ event }) => event === 'scan.recorded').map(({ id }) => String(id));
}

/** Kills a kiosk ten times while people pass; gives the ids of all entries for which it showed green. */
async function killKiosks(folder: SiteFolder, kiosk: string, port: number, firstCard: number): Promise<string[]> {
  const admitted: string[] = [];
  for (let kill = 0; kill < killsPerKiosk; kill++) {
    const from = firstCard + kill * cardsPerLife;
    await using running = await folder.startKiosk(kiosk, port);
    running.write(Array.from({ length: cardsPerLife }, (_, card) => `${idCard(from + card)}\n`).join(''));
    const enough = between(20, 150);
    let recorded = 0;
    const matches = () => ++recorded >= enough;
    await running.waitForLog('scan.recorded', deadlineMs, { matches });
    expect(await running.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    admitted.push(...recordedBy(running));
  }
  return admitted;
}

/** What the gateway's store holds, read as `entries` reads it. */
async function readStore(folder: SiteFolder): Promise<Entry[]> {
  await using reader = await openSqliteReader({ dir: folder.gatewayDir });
  return (await collect(reader.entries())).map(({ body }) => JSON.parse(body) as Entry);
}

it(`loses nothing and doubles nothing while the gateway is killed ${gatewayKills} times and three kiosks ${killsPerKiosk} times each`, async () => {
  using folder = new SiteFolder();
  for (const kiosk of [...kiosks, ...crowd]) await folder.enrol(kiosk);
  const port = await freePort();
  const crowds = crowd.map(
    (kiosk) => new CustodyClient({ kiosk, port, credentialsDir: folder.credentialsDir(kiosk), windowMax: crowdWindow }),
  );
  using _crowds = disposeAll(crowds);
  for (const client of crowds) client.flood(true);
  const cardsPerKiosk = killsPerKiosk * cardsPerLife;
  const [, ...admittedByKiosk] = await Promise.all([
    killGateways(folder, port, crowds),
    ...kiosks.map((kiosk, number) => killKiosks(folder, kiosk, port, number * cardsPerKiosk)),
  ]);

  // The world heals.
  const { gateway } = await folder.startGateway({ RAVAO_MQTT_PORT: String(port) });
  await using _gateway = gateway;
  const admitted = admittedByKiosk.flat();
  const upstream = new UpstreamFile(join(folder.gatewayDir, 'upstream.ndjson'));
  await Promise.all(crowds.map((client) => client.drains(deadlineMs)));
  for (const kiosk of kiosks) {
    await using running = await folder.startKiosk(kiosk, port);
    await running.waitForLog('link.connected', startDeadlineMs);
    const own = admittedByKiosk[kiosks.indexOf(kiosk)] ?? [];
    await until(
      () => `${upstream.missing(own).length} of ${kiosk}`,
      deadlineMs,
      () => upstream.holds(own),
    );
    expect((await running.kill('SIGTERM')).code).toBe(0);
    expect(running.logs.at(-1)).toMatchObject({ event: 'kiosk.stopped', unsent: 0 });
  }
  const stored = await readStore(folder);
  await until('everything upstream', deadlineMs, () => upstream.holds(stored.map(({ id }) => id)));
  expect((await gateway.kill('SIGTERM')).code).toBe(0);

  const ids = new Set(stored.map(({ id }) => id));
  expect(ids.size, 'each id once in the store').toBe(stored.length);
  expect(
    admitted.filter((id) => !ids.has(id)),
    'shown green and lost',
  ).toEqual([]);
  for (const client of crowds) {
    expect(
      [...client.acknowledged].filter((id) => !ids.has(id)),
      'acknowledged and lost',
    ).toEqual([]);
    expect(client.acknowledged.size).toBe(client.offered.size);
  }
  expect(new Set(upstream.copies.keys()), 'upstream as in the store').toEqual(ids);
  // Each card was laid on a scanner once, so whatever was doubled would show under another id as well.
  const subjects = stored.filter(({ kiosk }) => kiosks.includes(kiosk)).map(({ subject }) => subject);
  expect(new Set(subjects).size, 'each person once').toBe(subjects.length);
  // A kiosk may be killed between its commit and the green light: at most one entry a life.
  expect(subjects.length - admitted.length).toBeGreaterThanOrEqual(0);
  expect(subjects.length - admitted.length).toBeLessThanOrEqual(kiosks.length * killsPerKiosk);
  expect(await folder.check()).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing is missing.') });
  expect(await folder.quarantine()).toEqual([]);
}, 360_000);

function disposeAll(things: readonly Disposable[]): Disposable {
  return { [Symbol.dispose]: () => things.forEach((thing) => void thing[Symbol.dispose]()) };
}
