/** The store under what disks and people do to it: processes of their own, real signals, real limits. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteReader, openSqliteStore } from '../../gateway/store/sqlite.ts';
import { collect } from '../contract/store.ts';
import { uuid } from '../fakes/entries.ts';
import { type RunningProcess, startProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';

const writer = 'test/fakes/store-writer.ts';
const deadlineMs = 20_000;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-crash-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = () => openSqliteStore({ dir, log: new RecordingLog() });

/** The number of the last entry that a writer was told is on disk. */
function acknowledged(process: RunningProcess): number {
  return Number(process.logs.findLast(({ event }) => event === 'appended')?.last ?? 0);
}

/** Waits until a writer has had so many entries acknowledged. */
function waitForEntries(process: RunningProcess, count: number): Promise<unknown> {
  return process.waitForLog('appended', deadlineMs, { matches: ({ last }) => Number(last) >= count });
}

/** That a store holds the entries 1, 2, 3, … once each, at least `atLeast` of them. */
function expectWhole(entries: readonly { id: string }[], atLeast: number): void {
  expect(entries.length).toBeGreaterThanOrEqual(atLeast);
  expect(entries.map(({ id }) => id)).toEqual(entries.map((_, index) => uuid(index + 1)));
}

/** Runs a system command to its end; gives whether it succeeded. */
function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

test('every entry that was acknowledged is there after SIGKILL in the middle of appends, again and again', async () => {
  let before = 0;
  for (const more of [500, 333, 1500]) {
    await using process = await startProcess([writer, dir]);
    await waitForEntries(process, before + more);
    expect(await process.kill('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    before = acknowledged(process);
    await using reader = await openSqliteReader({ dir });
    expectWhole(await collect(reader.entries()), before);
    expect(await reader.check()).toMatchObject({ damage: [], gaps: [] });
  }
  await using store = await open();
  expectWhole(await collect(store.entries()), before);
});

test('what a killed process left in the log is in the file and synced before anything more is acknowledged', async () => {
  await using process = await startProcess([writer, dir]);
  await waitForEntries(process, 200);
  await process.kill('SIGKILL');
  const log = join(dir, 'store.db-wal');
  expect((await stat(log)).size).toBeGreaterThan(0);
  await using store = await open();
  expect((await stat(log)).size).toBe(0);
  expectWhole(await collect(store.entries()), acknowledged(process));
});

test('a data directory is one process at a time, and free as soon as that is killed', async () => {
  await using process = await startProcess([writer, dir]);
  await process.waitForLog('opened', deadlineMs);
  await expect(open()).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE', message: expect.stringContaining(dir) });
  await using second = await startProcess([writer, dir], { stdin: 'ignore' });
  await second.waitForOutput(/DATA_DIR_IN_USE/, deadlineMs);
  expect((await second.exited).code).not.toBe(0);
  await waitForEntries(process, acknowledged(process) + 100);
  await process.kill('SIGKILL');
  await using _ = await open();
});

test('another process reads everything while the store is written, and neither disturbs the other', async () => {
  await using process = await startProcess([writer, dir]);
  await waitForEntries(process, 1000);
  await using reader = await openSqliteReader({ dir });
  for (let round = 1; round <= 5; round++) {
    const atLeast = acknowledged(process);
    expectWhole(await collect(reader.entries()), atLeast);
    expect(await reader.check()).toMatchObject({ damage: [], gaps: [] });
    await waitForEntries(process, atLeast + 500);
  }
  expect(process.logs.filter(({ event }) => event === 'refused')).toEqual([]);
});

/** Ways to run a process on a disk that is too small, and to make it larger while the process runs. */
interface SmallDisk {
  readonly title: string;
  readonly cause: RegExp;
  /** What the store logs once it is over. */
  readonly logged: readonly string[];
  start(dir: string): Promise<RunningProcess>;
  enlarge(dir: string, pid: number): void;
}

/** A limit on the size of files, which anybody may set: write(2) fails with EFBIG, for SQLite an I/O error. */
const fileLimit: SmallDisk = {
  title: 'a write that fails',
  cause: /disk I\/O error/,
  // Pages that failed to reach the disk may look clean to the kernel: nothing of the old connection is trusted.
  logged: ['store.created', 'store.reopened'],
  start: (dir) => startProcess(['--fsize=600000:unlimited', process.execPath, writer, dir], { command: 'prlimit' }),
  enlarge: (_, pid) => expect(runs('prlimit', '--pid', String(pid), '--fsize=unlimited:unlimited')).toBe(true),
};

/** A file system of 1 MiB in a mount namespace of the process's own: write(2) fails with ENOSPC. */
const unshare = ['--map-root-user', '--user', '--mount'];
const tmpfs: SmallDisk = {
  title: 'a full disk',
  cause: /disk is full/,
  logged: ['store.created'],
  start: (dir) => {
    const script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" "$3" "$1"';
    return startProcess([...unshare, 'sh', '-c', script, 'sh', dir, process.execPath, writer], { command: 'unshare' });
  },
  enlarge: (dir, pid) => {
    const enter = ['--target', String(pid), '--user', '--mount', '--preserve-credentials'];
    // Named in full: else mount(8) repeats options that the namespace does not allow.
    expect(runs('nsenter', ...enter, 'mount', '-t', 'tmpfs', '-o', 'remount,size=64m', 'none', dir)).toBe(true);
  },
};

// Some containers forbid namespaces even to root; the limit works everywhere, so one small disk is always tried.
const smallDisks = runs('unshare', ...unshare, 'mount', '-t', 'tmpfs', 'none', tmpdir())
  ? [fileLimit, tmpfs]
  : [fileLimit];

describe.each(smallDisks)('$title', ({ cause, logged, start, enlarge }) => {
  test('acknowledges nothing, keeps what was there, and is over without a restart', async () => {
    await using process = await start(dir);
    for (let attempt = 1; attempt <= 3; attempt++) {
      const since = process.logs.length;
      if (attempt > 1) process.write('again\n');
      const refused = await process.waitForLog('refused', deadlineMs, { since: attempt === 1 ? 0 : since });
      expect(refused).toMatchObject({ code: 'STORE_WRITE_FAILED', error: expect.stringMatching(cause) });
    }
    const before = acknowledged(process);
    expect(before).toBeGreaterThan(0);
    enlarge(dir, process.pid);
    process.write('again\n');
    await waitForEntries(process, before + 1000);
    process.write('check\n');
    const checked = await process.waitForLog('checked', deadlineMs);
    expect(new Set(checked.logged as string[])).toEqual(new Set(logged));
    expect(checked.report).toMatchObject({ damage: [], gaps: [], entries: acknowledged(process) });
    expect(await process.exited).toMatchObject({ code: 0 });
  });
});
