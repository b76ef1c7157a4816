/** Which address a kiosk tries next, and when it looks for its gateway. Nothing is listening anywhere here. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { type Credentials, readCredentials } from '../../../kiosk/credentials.ts';
import { type Address, foundFileName, type Look, Road } from '../../../kiosk/road.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { until } from '../../fakes/until.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

const told: Address = { host: '127.0.0.1', port: 1 };
const elsewhere: Address = { host: '127.0.0.1', port: 2 };

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let credentials: Credentials;
let looks: number;
/** What the next look finds. */
let next: () => Promise<Address | null>;
const roads: Road[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-road-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  const trust = await openTrust(join(dir, 'trust'), { site: 'A', clock, log });
  await trust.enrol('gate-a', join(dir, 'gate-a'));
  credentials = await readCredentials(join(dir, 'gate-a'));
  log.lines.splice(0);
  looks = 0;
  next = async () => null;
});
afterEach(async () => {
  for (const road of roads.splice(0)) await road[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

function makeRoad(look: Look | null = () => next().finally(() => looks++)): Road {
  const road = new Road({ address: told, credentials, dataDir: dir, look, clock, log });
  roads.push(road);
  return road;
}

/** One attempt that fails, and the wait for the next. Gives the port that was tried. */
async function attempt(road: Road): Promise<number> {
  road
    .dial()
    .on('error', () => undefined)
    .destroy();
  const { port } = road.address;
  await clock.advance(30_000);
  await settle();
  return port;
}

it('looks when the gateway has been away for a minute, and then every five minutes', async () => {
  const road = makeRoad();
  const looksAfter: number[] = [];
  for (let time = 0; time < 24; time++) {
    await attempt(road);
    looksAfter.push(looks);
  }
  expect(looksAfter.slice(0, 4)).toEqual([0, 0, 0, 1]);
  expect(looksAfter.at(-1)).toBe(3);
});

it('does not look while the gateway is there, however often the connection is lost, nor where it is told not to', async () => {
  const road = makeRoad();
  for (let time = 0; time < 20; time++) {
    await attempt(road);
    road.reached();
  }
  const silent = makeRoad(null);
  for (let time = 0; time < 20; time++) expect(await attempt(silent)).toBe(told.port);
  expect(looks).toBe(0);
});

it('tries what was found next, also when it was found during an attempt, and then both by turns', async () => {
  const found = Promise.withResolvers<Address>();
  next = () => found.promise;
  const road = makeRoad();
  for (let time = 0; time < 5; time++) expect(await attempt(road)).toBe(told.port);
  found.resolve(elsewhere);
  await settle();
  const tried: number[] = [];
  for (let time = 0; time < 4; time++) tried.push(await attempt(road));
  expect(tried).toEqual([elsewhere.port, told.port, elsewhere.port, told.port]);
});

it('remembers what worked, begins with it, and forgets it when the gateway is where it was told', async () => {
  const remembered = () => existsSync(join(dir, foundFileName));
  next = async () => elsewhere;
  const road = makeRoad();
  for (let time = 0; time < 4; time++) await attempt(road);
  expect(remembered()).toBe(false);
  expect(await attempt(road)).toBe(elsewhere.port);
  road.reached();
  await until('the file', 10_000, remembered);
  expect(JSON.parse(readFileSync(join(dir, foundFileName), 'utf8'))).toEqual(elsewhere);
  const restarted = makeRoad();
  expect(await attempt(restarted)).toBe(elsewhere.port);
  expect(await attempt(restarted)).toBe(told.port);
  restarted.reached();
  expect(remembered()).toBe(false);
  expect(await attempt(restarted)).toBe(told.port);
});

it('goes by what it was told where the file is damaged, or where a look fails', async () => {
  writeFileSync(join(dir, foundFileName), '{"host":');
  next = async () => {
    throw new Error('no network');
  };
  const road = makeRoad();
  for (let time = 0; time < 6; time++) expect(await attempt(road)).toBe(told.port);
  expect(log.events).toEqual(['finding.failed']);
});
