/** The forwarder with the real store, real files and real sockets. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createForwarder, type Forwarder } from '../../gateway/forwarder.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Store } from '../../gateway/store/store.ts';
import { openUpstream } from '../../gateway/upstream/open-upstream.ts';
import { parseUpstreamUrl } from '../../gateway/upstream/upstream-url.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import { arrival, collect } from '../contract/store.ts';
import { makeEntry, uuid } from '../fakes/entries.ts';
import { type HttpUpstream, startHttpUpstream } from '../fakes/http-upstream.ts';
import { startProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { makeTestAuthority } from '../fakes/upstream-certificates.ts';

const program = 'test/fakes/forwarding-program.ts';
const deadlineMs = 20_000;

let dir: string;
let parts: AsyncDisposableStack;
let log: RecordingLog;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-forwarder-'));
  parts = new AsyncDisposableStack();
  log = new RecordingLog();
});

afterEach(async () => {
  await parts.disposeAsync();
  await rm(dir, { recursive: true, force: true });
});

async function openStore(): Promise<Store> {
  return parts.use(await openSqliteStore({ dir, log }));
}

async function fill(store: Store, from: number, to: number): Promise<void> {
  for (let first = from; first <= to; first += 500) {
    const count = Math.min(500, to - first + 1);
    await store.append(Array.from({ length: count }, (_, index) => arrival(first + index)));
  }
}

async function serve(options?: Parameters<typeof startHttpUpstream>[0]): Promise<HttpUpstream> {
  return parts.use(await startHttpUpstream(options));
}

async function forward(store: Store, url: string, ca: string | null = null): Promise<Forwarder> {
  const parsed = parseUpstreamUrl(url, dir);
  if ('problem' in parsed) throw new Error(parsed.problem);
  const tls = { ca, cert: null, key: null };
  const settings = { site: 'Site A', token: 'made-up', tls, version: '1.2.3', clock: systemClock, log };
  const upstream = parts.use(await openUpstream(parsed.value, settings));
  return parts.use(createForwarder({ store, upstream, clock: systemClock, chance: systemChance, log }));
}

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 10) {
    if (waitedMs > deadlineMs) throw new Error(`never: ${condition}`);
    await sleep(systemClock, 10);
  }
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => uuid(index + 1));
const bodies = (count: number) => Array.from({ length: count }, (_, index) => makeEntry(index + 1).body);
const fileLines = async (name: string) => (await readFile(join(dir, name), 'utf8')).trimEnd().split('\n');

describe('forwarding', () => {
  test('brings a backlog and what comes after it over TLS, in order', async () => {
    const authority = await makeTestAuthority();
    await writeFile(join(dir, 'ca.pem'), authority.ca);
    const server = await serve({ tls: await authority.certify() });
    const store = await openStore();
    await fill(store, 1, 2100);
    const forwarder = await forward(store, server.url, join(dir, 'ca.pem'));
    await until(() => forwarder.status.taken === 2100);
    await fill(store, 2101, 2200);
    await until(() => forwarder.status.taken === 2200 && forwarder.status.state === 'idle');
    expect(server.ids).toEqual(ids(2200));
    expect(server.connections).toBe(1);
  });

  test('to two upstreams goes on to each at its own pace', async () => {
    const hanging = await serve();
    hanging.script = () => 'hang';
    const store = await openStore();
    await fill(store, 1, 1500);
    const stuck = await forward(store, hanging.url);
    const file = await forward(store, 'file:./out.ndjson');
    await until(() => file.status.taken === 1500 && hanging.requests.length === 1);
    expect(await fileLines('out.ndjson')).toEqual(bodies(1500));
    expect(stuck.status).toMatchObject({ state: 'sending', taken: 0 });
  });

  test('survives an answer that is lost, and garbage, without a loss or a second copy', async () => {
    const server = await serve();
    server.answer('take-and-lose', 'garbage');
    const store = await openStore();
    await fill(store, 1, 1200);
    const forwarder = await forward(store, server.url);
    await until(() => forwarder.status.taken === 1200);
    expect(server.ids).toEqual(ids(1200));
    const keys = server.requests.slice(0, 3).map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(1);
  });

  test('halves what is too large, quarantines what is refused, delivers the rest', async () => {
    const server = await serve();
    const poison = [uuid(3), uuid(777), uuid(778)];
    server.script = ({ bytes, events }) => {
      if (bytes > 100_000) return { status: 413 };
      return { status: events.some(({ id }) => poison.includes(id)) ? 422 : 204 };
    };
    const store = await openStore();
    await fill(store, 1, 1000);
    const forwarder = await forward(store, server.url);
    await until(() => forwarder.status.taken === 1000 - poison.length);
    expect(server.ids).toEqual(ids(1000).filter((id) => !poison.includes(id)));
    const quarantined = (await collect(store.quarantine())).map(({ raw }) => Buffer.from(raw).toString('utf8'));
    expect(quarantined).toEqual([3, 777, 778].map((number) => makeEntry(number).body));
    expect(log.events).toContain('forwarder.quarantined');
  });
});

test('a gateway that is killed again and again delivers everything, and writes no line twice', async () => {
  const server = await serve();
  {
    await using store = await openSqliteStore({ dir, log });
    await fill(store, 1, 6000);
  }
  for (const requests of [2, 5, 9]) {
    await using running = await startProcess([program, dir, server.url, 'file:./out.ndjson']);
    await until(() => server.requests.length >= requests);
    await running.kill('SIGKILL');
  }
  await using last = await startProcess([program, dir, server.url, 'file:./out.ndjson']);
  await last.waitForLog('forwarded', deadlineMs);
  expect(await last.exited).toMatchObject({ code: 0 });
  expect(server.ids).toEqual(ids(6000));
  expect(await fileLines('out.ndjson')).toEqual(bodies(6000));
});
