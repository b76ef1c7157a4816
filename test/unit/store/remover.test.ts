import { mkdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockFileName } from '../../../gateway/store/lock.ts';
import { cursorStart, type StoreRemover } from '../../../gateway/store/remover.ts';
import { openSqliteStore } from '../../../gateway/store/sqlite.ts';
import { openCopyRemover, openSqliteRemover } from '../../../gateway/store/sqlite-remover.ts';
import { arrival, collect } from '../../contract/store.ts';
import { uuid } from '../../fakes/entries.ts';
import { makeOlderStore } from '../../fakes/older-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let path: string;
let clock: VirtualClock;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-remover-'));
  path = join(dir, 'store.db');
  clock = new VirtualClock();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const openStore = () => openSqliteStore({ dir, log: new RecordingLog() });
const open = (isServing = false) => openSqliteRemover({ dir, clock, isServing });
const openCopy = () => openCopyRemover({ dir, clock });
const isFault = (code: string) => expect.objectContaining({ name: 'Fault', code });

async function makeStore(count = 10): Promise<void> {
  await using store = await openStore();
  await store.append(Array.from({ length: count }, (_, index) => arrival(index + 1)));
}

/** Settles while time passes. */
async function settle(remover: StoreRemover): Promise<void> {
  const settled = remover.settle();
  await clock.advance(1000);
  await settled;
}

const eraseAll = {
  subjects: ['SubjectSubjectSubject1'],
  upstreams: [],
  spared: new Set<string>(),
  ids: new Set<string>(),
};

describe('a store to delete from', () => {
  test.each([
    ['of a data directory', open],
    ['of a copy', openCopy],
  ])('%s is not made where it is missing', async (_, openOne) => {
    await expect(openOne()).rejects.toEqual(isFault('STORE_MISSING'));
    await expect(openOne()).rejects.toThrow(path);
  });

  test('that nobody serves is looked through first, its log too', async () => {
    await makeStore(300);
    const store = await openStore();
    for (let commit = 0; commit < 20; commit++) await store.append([arrival(1000 + commit)]);
    const [file, log] = [await readFile(path), await readFile(`${path}-wal`)];
    await store[Symbol.asyncDispose]();
    log.writeUInt8(log.readUInt8(2000) ^ 1, 2000);
    await writeFile(path, file);
    await writeFile(`${path}-wal`, log);
    await expect(open()).rejects.toEqual(isFault('STORE_CORRUPT'));
    expect(await readFile(path)).toEqual(file);
  });

  test('is opened beside the gateway that serves it', async () => {
    await makeStore();
    await using store = await openStore();
    await using _ = await open();
    await using __ = await open(true);
    expect(await collect(store.entries())).toHaveLength(10);
  });

  test('is left alone where it cannot be told whether somebody serves it', async () => {
    await makeStore();
    await rm(join(dir, lockFileName));
    await mkdir(join(dir, lockFileName));
    await expect(open()).rejects.toEqual(isFault('DATA_DIR_UNUSABLE'));
  });

  test('of an older version is not touched; a copy of one is brought up to date', async () => {
    makeOlderStore(dir, 2);
    await expect(open()).rejects.toEqual(isFault('STORE_SCHEMA_OLDER'));
    await using copy = await openCopy();
    expect(await copy.corrections([])).toEqual([]);
  });

  test('that another program keeps locked refuses, and goes on when it is free', async () => {
    await makeStore();
    await using remover = await open();
    const shell = new Database(path);
    shell.exec('BEGIN IMMEDIATE');
    await expect(remover.eraseCorrections(['nobody'])).rejects.toEqual(isFault('STORE_WRITE_FAILED'));
    shell.close();
    expect(await remover.eraseCorrections(['nobody'])).toBe(0);
  });
});

describe('settling', () => {
  /** Somebody who reads an older state of the store, so that its log cannot be emptied. */
  async function startReading(): Promise<Database.Database> {
    const reader = new Database(path, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM entries').get();
    await using store = await openSqliteRemover({ dir, clock, isServing: true });
    await store.erase(eraseAll, cursorStart);
    return reader;
  }

  test('waits for whoever reads, and then leaves nothing in the log', async () => {
    await makeStore();
    const reader = await startReading();
    await using remover = await open();
    const settled = remover.settle();
    await clock.advance(1000);
    expect(clock.timers).toBe(1);
    reader.close();
    await clock.advance(1000);
    await settled;
    expect(await readFile(`${path}-wal`)).toHaveLength(0);
    expect((await readFile(path)).includes('SubjectSubjectSubject1')).toBe(false);
  });

  test('gives up after two seconds, and says so; the next attempt may succeed', async () => {
    await makeStore();
    const reader = await startReading();
    await using remover = await open();
    const settled = expect(remover.settle()).rejects.toEqual(isFault('STORE_WRITE_FAILED'));
    await clock.advance(2000);
    await settled;
    reader.close();
    await settle(remover);
    expect(await readFile(`${path}-wal`)).toHaveLength(0);
  });
});

test('a copy loses what its original lost, without a lock and without touching the original', async () => {
  await makeStore();
  const copyDir = join(dir, 'copy');
  mkdirSync(copyDir);
  await copyFile(path, join(copyDir, 'store.db'));
  {
    await using copy = await openCopyRemover({ dir: copyDir, clock });
    const { ids } = await copy.erase({ ...eraseAll, spared: new Set([uuid(3)]) }, cursorStart);
    expect(ids).toHaveLength(9);
    await settle(copy);
  }
  await using original = await openStore();
  expect(await collect(original.entries())).toHaveLength(10);
  await original[Symbol.asyncDispose]();
  await rename(join(copyDir, 'store.db'), path);
  await using store = await openStore();
  expect((await collect(store.entries())).map(({ id }) => id)).toEqual([uuid(3)]);
});
