/**
 * A gateway that may open no more files: those who are in notice nothing, and it gets over it by itself. How busy it is
 * meanwhile is not looked at: libuv keeps one descriptor back for turning connections away (its `emfile_fd`), and once
 * another thread has taken that, it asks the listener again and again for as long as somebody knocks.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { CustodyClient } from '../fakes/custody-client.ts';
import { freePort, type RunningProcess, startProcess } from '../fakes/processes.ts';
import { SiteFolder } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';
import { UpstreamFile } from '../fakes/upstream-file.ts';

const deadlineMs = 30_000;

/** How long it stays without descriptors, in PUBACKs of a kiosk that is in. */
const entriesMeanwhile = 1_000;

/** It reads files now and then, so one look may find a descriptor taken that is free most of the time. */
const looksMax = 500;

function limitFiles({ pid }: RunningProcess, limit: string): void {
  const { status } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`], { stdio: 'ignore' });
  if (status !== 0) throw new Error('prlimit cannot limit open files');
}

/** The limit is on numbers, not on how many there are: below this one all are taken. */
function firstFreeDescriptor({ pid }: RunningProcess): number {
  const looks = Array.from({ length: looksMax }, () => {
    const taken = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let number = 0;
    while (taken.has(number)) number++;
    return number;
  });
  return Math.min(...looks);
}

it.each([
  { title: 'it has as many files open as it may', spare: 0 },
  { title: 'it has far more files open than it may', spare: -10 },
])(
  'a gateway serves on when $title, and lets new kiosks in as soon as it may open more',
  async ({ spare }) => {
    using folder = new SiteFolder();
    for (const kiosk of ['gate-a', 'gate-b']) await folder.enrol(kiosk);
    const { gateway, port } = await folder.startGateway();
    await using _gateway = gateway;
    const enter = (kiosk: string) =>
      new CustodyClient({ kiosk, port, credentialsDir: folder.credentialsDir(kiosk), windowMax: 8 });
    using inside = enter('gate-a');
    inside.offer(200);
    await inside.drains(deadlineMs);

    limitFiles(gateway, String(firstFreeDescriptor(gateway) + spare));
    using outside = enter('gate-b');
    outside.offer(10);
    const strangers: Socket[] = [];
    for (let number = 0; number < 50; number++) {
      strangers.push(connect({ host: '127.0.0.1', port }).on('error', () => undefined));
    }
    inside.offer(entriesMeanwhile);
    await inside.drains(deadlineMs);
    expect(inside.connections).toBe(1);
    expect(outside.connections, 'a kiosk that comes meanwhile').toBe(0);

    for (const stranger of strangers) stranger.destroy();

    limitFiles(gateway, '1024');
    await outside.drains(deadlineMs);
    inside.offer(10);
    await inside.drains(deadlineMs);
    expect(inside.connections).toBe(1);
    const all = new Set([...inside.offered, ...outside.offered]);
    const upstream = new UpstreamFile(`${folder.gatewayDir}/upstream.ndjson`);
    await until('everything upstream', deadlineMs, () => upstream.holds(all));
    expect(new Set((await folder.entries()).map(({ id }) => id))).toEqual(all);
    expect((await gateway.kill('SIGTERM')).code).toBe(0);
    expect(gateway.stderr()).toBe('');
  },
  60_000,
);

it.each([
  { limit: '512', warns: true },
  { limit: '4096', warns: false },
])('a gateway that may open $limit files: whether it warns at its start is $warns', async ({ limit, warns }) => {
  using folder = new SiteFolder();
  const program = [process.execPath, 'gateway/main.ts', 'serve'];
  const env = { ...folder.gatewayEnv(), RAVAO_MQTT_PORT: String(await freePort()) };
  await using gateway = await startProcess([`--nofile=${limit}:${limit}`, ...program], { command: 'prlimit', env });
  await gateway.waitForLog('gateway.ready', deadlineMs);
  expect(gateway.output().includes('broker.few-descriptors')).toBe(warns);
});
