import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Appender } from '../../../gateway/store/appending.ts';
import { migrate } from '../../../gateway/store/migrations.ts';
import { Reading } from '../../../gateway/store/reading.ts';
import { openSqliteReader, openSqliteStore } from '../../../gateway/store/sqlite.ts';
import { defaultStoreLimits, type Store } from '../../../gateway/store/store.ts';
import { arrival, collect } from '../../contract/store.ts';
import { uuid } from '../../fakes/entries.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';

let dir: string;
let path: string;
let log: RecordingLog;
let store: Store;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-failing-'));
  path = join(dir, 'store.db');
  log = new RecordingLog();
  store = await openSqliteStore({ dir, log });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** Damages the first page of a table behind the gateway's back. */
async function overwriteTable(name: string): Promise<void> {
  const shell = new Database(path);
  const page = shell.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(name);
  shell.close();
  const file = await open(path, 'r+'); // closing it drops SQLite's locks (fcntl(2)), but nobody else works here
  await file.write(Buffer.alloc(4096, 0xff), 0, 4096, (Number(page) - 1) * 4096);
  await file.close();
}

const ids = async () => (await collect(store.entries())).map(({ id }) => id);

test('nothing is acknowledged once the file was moved away, and all goes on when it is back', async () => {
  await store.append([arrival(1)]);
  await rename(path, `${path}.away`);
  const moved = { code: 'STORE_WRITE_FAILED', message: expect.stringContaining(path) };
  await expect(store.append([arrival(2)])).rejects.toMatchObject(moved);
  await expect(store.markForwarded('up', 1, [], 0)).rejects.toMatchObject(moved);
  expect(await store.readNext('up', { entriesMax: 9, bytesMax: 9999 })).toHaveLength(1);
  await rename(`${path}.away`, path);
  await store.append([arrival(2)]);
  expect(await ids()).toEqual([uuid(1), uuid(2)]);
});

test('nothing is written into another file that took its place', async () => {
  await store.append([arrival(1)]);
  await rename(path, `${path}.away`);
  await writeFile(path, 'something else');
  await expect(store.append([arrival(2)])).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
  await rename(`${path}.away`, path);
  expect(await ids()).toEqual([uuid(1)]);
});

test('a file that another program keeps locked refuses the group, and takes it when it is free', async () => {
  const shell = new Database(path);
  shell.exec('BEGIN IMMEDIATE');
  await expect(store.append([arrival(1)])).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED', retryable: true });
  shell.close();
  await store.append([arrival(1)]);
  expect(await ids()).toEqual([uuid(1)]);
});

test('a group that fails half-way leaves nothing behind, not even in what is remembered', () => {
  const database = new Database(':memory:');
  migrate(database);
  const appender = new Appender(database, defaultStoreLimits);
  const broken = { ...arrival(9), body: null } as unknown as ReturnType<typeof arrival>;
  const ofNewKiosks = [arrival(1, { kiosk: 'gate-a' }), arrival(2, { kiosk: 'gate-b' })];
  expect(() => appender.append([...ofNewKiosks, broken])).toThrow(/NOT NULL/);
  expect(new Reading(database).entriesPage(0, 99)).toEqual([]);
  // In another order: a stream remembered from the failed group would be taken for another kiosk's.
  expect(appender.append(ofNewKiosks.toReversed()).map(({ type }) => type)).toEqual(['stored', 'stored']);
  const kept = new Reading(database).entriesPage(0, 99).map(({ position, kiosk }) => [position, kiosk]);
  expect(kept).toEqual([
    [1, 'gate-b'],
    [2, 'gate-a'],
  ]);
});

test('damage that shows only while serving is STORE_CORRUPT', async () => {
  await store.append(Array.from({ length: 500 }, (_, index) => arrival(index + 1)));
  await store[Symbol.asyncDispose]();
  store = await openSqliteStore({ dir, log });
  await overwriteTable('entries');
  await expect(store.append([arrival(1000)])).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  await rename(path, `${path}.away`);
  await expect(store.lastPosition()).rejects.toMatchObject({ code: 'STORE_READ_FAILED' });
});

test('damage that shows only while another process reads is STORE_CORRUPT', async () => {
  await store.append(Array.from({ length: 500 }, (_, index) => arrival(index + 1)));
  await store[Symbol.asyncDispose]();
  await using reader = await openSqliteReader({ dir });
  await overwriteTable('entries');
  await expect(collect(reader.entries())).rejects.toMatchObject({
    code: 'STORE_CORRUPT',
    message: expect.stringContaining(path),
  });
});

test('a log that cannot be settled on closing is told, and costs nothing', async () => {
  await store.append([arrival(1)]);
  const shell = new Database(path);
  shell.exec('BEGIN');
  shell.prepare('SELECT * FROM entries').all();
  await store.append([arrival(2)]);
  await store[Symbol.asyncDispose]();
  expect(log.events).toContain('store.log-left');
  shell.close();
  store = await openSqliteStore({ dir, log });
  expect(await ids()).toEqual([uuid(1), uuid(2)]);
});
