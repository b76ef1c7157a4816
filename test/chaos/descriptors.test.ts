/** A gateway that may open no more files: those who are in notice nothing, and it gets over it by itself. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { systemClock } from '../../shared/system/clock.ts';
import { CustodyClient } from '../fakes/custody-client.ts';
import type { RunningProcess } from '../fakes/processes.ts';
import { SiteFolder } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';
import { UpstreamFile } from '../fakes/upstream-file.ts';

const deadlineMs = 30_000;

/** How long it stays without descriptors, in PUBACKs of a kiosk that is in. */
const entriesMeanwhile = 1_000;

/** A tick of /proc/…/stat, in milliseconds (USER_HZ is 100 wherever Debian runs). */
const tickMs = 10;

function limitFiles({ pid }: RunningProcess, limit: string): void {
  const { status } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`], { stdio: 'ignore' });
  if (status !== 0) throw new Error('prlimit cannot limit open files');
}

/** The processor time that a process has taken, in milliseconds. */
function cpuMs({ pid }: RunningProcess): number {
  // The second field is the command's name in parentheses; user and system time are the 14th and 15th.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** The limit is on numbers, not on how many there are: below this one all are taken. */
function firstFreeDescriptor({ pid }: RunningProcess): number {
  const taken = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let number = 0;
  while (taken.has(number)) number++;
  return number;
}

it.each([
  { title: 'it has as many files open as it may', spare: 0, busyMax: 0.5 },
  // Only a person can bring this about, with prlimit. libuv keeps one descriptor back for turning connections away (its
  // `emfile_fd`); here it gives that away and does not get it again, so it asks the listener without end meanwhile.
  { title: 'it has far more files open than it may', spare: -10, busyMax: 1.5 },
])(
  'a gateway serves on when $title, and lets new kiosks in as soon as it may open more',
  async ({ spare, busyMax }) => {
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

    // Nobody says anything for a second; who knocks in vain must not keep it busy.
    const [startMs, startCpuMs] = [systemClock.monotonicMs(), cpuMs(gateway)];
    await until('a second', deadlineMs, () => systemClock.monotonicMs() - startMs >= 1_000);
    const busy = (cpuMs(gateway) - startCpuMs) / (systemClock.monotonicMs() - startMs);
    expect.soft(busy, 'share of a processor while nothing happens').toBeLessThan(busyMax);
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
