import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockDataDir } from '../../../gateway/store/lock.ts';
import { migrations } from '../../../gateway/store/migrations.ts';
import { openSqliteReader, openSqliteStore } from '../../../gateway/store/sqlite.ts';
import { arrival, collect, unreadable } from '../../contract/store.ts';
import { makeOlderStore } from '../../fakes/older-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';

let dir: string;
let path: string;
let log: RecordingLog;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-opening-'));
  path = join(dir, 'store.db');
  log = new RecordingLog();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = (where = dir) => openSqliteStore({ dir: where, log });
const isFault = (code: string) => expect.objectContaining({ name: 'Fault', code });

/** Leaves a store with some entries, cleanly closed. */
async function makeStore(count = 10): Promise<void> {
  await using store = await open();
  await store.append(Array.from({ length: count }, (_, index) => arrival(index + 1)));
}

/** Changes the file behind the gateway's back. */
function tamper(sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

describe('a new data directory', () => {
  test('is made, for its owner only, with a store of the newest schema', async () => {
    const deep = join(dir, 'a', 'b');
    await using _ = await open(deep);
    expect((await stat(deep)).mode & 0o777).toBe(0o700);
    for (const ending of ['', '-wal', '-shm']) {
      expect((await stat(join(deep, `store.db${ending}`))).mode & 0o777).toBe(0o600);
    }
    expect(log.events).toEqual(['store.created']);
  });

  test('is made anew where making it was interrupted', async () => {
    await writeFile(`${path}.making`, 'half a header');
    await writeFile(`${path}.making-journal`, 'half a journal');
    await using store = await open();
    await store.append([arrival(1)]);
    expect(existsSync(`${path}.making`)).toBe(false);
  });

  test('that cannot be made is DATA_DIR_UNUSABLE, with its name', async () => {
    await writeFile(join(dir, 'file'), '');
    const fault = expect.objectContaining({ message: expect.stringContaining(join(dir, 'file', 'data')) });
    await expect(open(join(dir, 'file', 'data'))).rejects.toEqual(fault);
    await expect(open(join(dir, 'file', 'data'))).rejects.toEqual(isFault('DATA_DIR_UNUSABLE'));
  });

  test('on a file system that takes no files is DATA_DIR_UNUSABLE', async () => {
    await symlink('/proc/self', join(dir, 'data'));
    await expect(open(join(dir, 'data'))).rejects.toEqual(isFault('DATA_DIR_UNUSABLE'));
  });
});

describe('a data directory in use', () => {
  test('is refused, and is free again when the other has closed', async () => {
    const store = await open();
    await expect(open()).rejects.toEqual(isFault('DATA_DIR_IN_USE'));
    await expect(open()).rejects.toThrow(dir);
    await store.append([arrival(1)]);
    await store[Symbol.asyncDispose]();
    await using again = await open();
    expect(await collect(again.entries())).toHaveLength(1);
  });

  test('is free again after an opening that failed', async () => {
    await writeFile(path, 'garbage that is no database, but long enough to be looked at'.repeat(100));
    await expect(open()).rejects.toEqual(isFault('STORE_CORRUPT'));
    lockDataDir(dir)[Symbol.dispose]();
  });

  test('may be unlocked twice', () => {
    const lock = lockDataDir(dir);
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
  });

  test('by another program that writes to the file is refused', async () => {
    await makeStore();
    const shell = new Database(path);
    shell.pragma('locking_mode = EXCLUSIVE');
    shell.exec('BEGIN IMMEDIATE');
    await expect(open()).rejects.toEqual(isFault('DATA_DIR_IN_USE'));
    shell.close();
  });
});

describe('a damaged store', () => {
  /** The opening fails, names the file and changes nothing of it, nor of its log. */
  async function expectLeftAlone(): Promise<void> {
    const read = async () => [await readFile(path), await readFile(`${path}-wal`).catch(() => Buffer.alloc(0))];
    const before = await read();
    await expect(open()).rejects.toEqual(isFault('STORE_CORRUPT'));
    await expect(open()).rejects.toThrow(path);
    expect(await read()).toEqual(before);
  }

  test('of garbage is refused and left as it is', async () => {
    await writeFile(path, Buffer.alloc(10_000, 'not a database '));
    await expectLeftAlone();
    await expect(openSqliteReader({ dir })).rejects.toEqual(isFault('STORE_CORRUPT'));
  });

  test('that lost its end is refused and left as it is', async () => {
    await makeStore(500);
    await truncate(path, Math.floor((await stat(path)).size / 2));
    await expectLeftAlone();
  });

  test('with garbage in its middle is refused, and its log is not copied into it', async () => {
    const kept = await crashedStore();
    const { size } = await stat(path);
    await writeFile(path, Buffer.alloc(8192, 0xa5), { flag: 'r+' });
    await truncate(path, size);
    await writeFile(path, kept.subarray(0, 100), { flag: 'r+' });
    expect((await stat(`${path}-wal`)).size).toBeGreaterThan(0);
    await expectLeftAlone();
  });

  test('whose log is damaged in its middle, which SQLite would pass over, is refused and left as it is', async () => {
    await crashedStore(5);
    const bytes = await readFile(`${path}-wal`);
    bytes.writeUInt8(bytes.readUInt8(2000) ^ 1, 2000);
    await writeFile(`${path}-wal`, bytes);
    await expectLeftAlone();
    await expect(open()).rejects.toThrow(`${path}-wal`);
  });

  test('of which one page is an older one is refused, or nothing is missing', async () => {
    await makeStore(200);
    const older = await readFile(path);
    {
      await using store = await open();
      const numbers = Array.from({ length: 200 }, (_, index) => 201 + index);
      await store.append(numbers.map((number) => arrival(number, { kiosk: 'gate-b', seq: number - 200 })));
    }
    const newer = await readFile(path);
    let refused = 0;
    for (let page = 0; page < older.length / 4096; page++) {
      const [from, to] = [page * 4096, (page + 1) * 4096];
      await writeFile(path, Buffer.concat([newer.subarray(0, from), older.subarray(from, to), newer.subarray(to)]));
      try {
        await using store = await open();
        expect(await collect(store.entries()), `page ${page}`).toHaveLength(400);
        expect((await store.append([arrival(401)]))[0]).toEqual({ type: 'stored' });
        expect(await store.check()).toMatchObject({ damage: [], entries: 401 });
      } catch (error) {
        expect(error, `page ${page}`).toEqual(isFault('STORE_CORRUPT'));
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(5);
  });

  test('that is empty is not begun anew', async () => {
    await writeFile(path, '');
    await expectLeftAlone();
    await expect(openSqliteReader({ dir })).rejects.toEqual(isFault('STORE_CORRUPT'));
  });

  test('that is empty beside its log is not begun anew', async () => {
    await crashedStore();
    await truncate(path, 0);
    await expectLeftAlone();
  });

  test('that is gone while its log is there is not begun anew', async () => {
    await crashedStore();
    await rename(path, `${path}.away`);
    await expect(open()).rejects.toEqual(isFault('STORE_CORRUPT'));
    await rename(`${path}.away`, path);
    await using store = await open();
    expect(await collect(store.entries())).toHaveLength(301);
  });

  test('of another program is refused and left as it is', async () => {
    tamper('CREATE TABLE visitors (name TEXT)');
    await expectLeftAlone();
    await expect(openSqliteReader({ dir })).rejects.toEqual(isFault('STORE_CORRUPT'));
  });

  test('is told by check, also where reading still works', async () => {
    await makeStore();
    const database = new Database(path);
    const page = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'entries_by_id'").pluck().get();
    database.close();
    const bytes = await readFile(path);
    const lastOfIndex = Number(page) * 4096 - 1;
    bytes.writeUInt8(bytes.readUInt8(lastOfIndex) ^ 1, lastOfIndex);
    await writeFile(path, bytes);
    await using reader = await openSqliteReader({ dir });
    expect((await reader.check()).damage).not.toEqual([]);
  });

  /** A store as a killed process leaves it: entries in its log that are not in its file yet. Gives the file's bytes. */
  async function crashedStore(commits = 1): Promise<Buffer> {
    await makeStore(300);
    const store = await open();
    for (let commit = 0; commit < commits; commit++) await store.append([arrival(1000 + commit)]);
    const log_ = await readFile(`${path}-wal`);
    const file = await readFile(path);
    await store[Symbol.asyncDispose]();
    await writeFile(path, file);
    await writeFile(`${path}-wal`, log_);
    return file;
  }
});

describe('the schema', () => {
  test('of a newer version is refused and left as it is', async () => {
    await makeStore();
    tamper(`PRAGMA user_version = ${migrations.length + 1}`);
    const before = await readFile(path);
    await expect(open()).rejects.toEqual(isFault('STORE_SCHEMA_NEWER'));
    await expect(open()).rejects.toThrow(
      `version ${migrations.length + 1}, this program works with version ${migrations.length}`,
    );
    await expect(open()).rejects.toThrow(path);
    await expect(openSqliteReader({ dir })).rejects.toEqual(isFault('STORE_SCHEMA_NEWER'));
    expect(await readFile(path)).toEqual(before);
  });

  test('of an older version is not touched by a reader', async () => {
    makeOlderStore(dir, 2);
    const before = await readFile(path);
    await expect(openSqliteReader({ dir })).rejects.toEqual(isFault('STORE_SCHEMA_OLDER'));
    expect(await readFile(path)).toEqual(before);
  });

  test('of no version is damage: a store appears with its schema complete', async () => {
    await makeStore();
    tamper('PRAGMA user_version = 0');
    await expect(openSqliteReader({ dir })).rejects.toEqual(isFault('STORE_CORRUPT'));
    await expect(open()).rejects.toThrow('version 0');
  });

  test('of the first version is refused where its tables contradict each other', async () => {
    makeOlderStore(dir, 1);
    tamper(`UPDATE sqlite_sequence SET seq = 9 WHERE name = 'entries'`);
    await expect(open()).rejects.toEqual(isFault('STORE_CORRUPT'));
  });

  test.each([1, 2] as const)('of version %d is brought up to date, and tells the same copies', async (version) => {
    makeOlderStore(dir, version);
    await using store = await open();
    expect(await store.append([arrival(10), arrival(11), arrival(12, { seq: 3 })])).toMatchObject([
      { type: 'duplicate' },
      { type: 'stored' },
      { type: 'quarantined', reason: 'triple-reused' },
    ]);
    expect(await store.check()).toMatchObject({ damage: [], entries: 11, gaps: [] });
  });
});

describe('a reader', () => {
  test.each([
    ['is gone', 'DELETE FROM entries WHERE seq = 4'],
    ['has another place', 'UPDATE entries SET seq = 40 WHERE seq = 4'],
    ['is there twice', 'UPDATE entries SET seq = 5 WHERE seq = 4'],
  ])('finds that an entry %s, though the runs still say that all is there', async (_, sql) => {
    await makeStore();
    tamper(sql);
    await using reader = await openSqliteReader({ dir });
    expect(await reader.check()).toMatchObject({ damage: [expect.stringMatching(/^runs: /)], gaps: [] });
  });

  test('says that there is no store', async () => {
    await expect(openSqliteReader({ dir })).rejects.toEqual(isFault('STORE_MISSING'));
    await expect(openSqliteReader({ dir: join(dir, 'nowhere') })).rejects.toThrow(join(dir, 'nowhere'));
    expect(existsSync(path)).toBe(false);
  });

  test('reads a store that nobody serves, and leaves it whole', async () => {
    await makeStore();
    {
      await using reader = await openSqliteReader({ dir });
      expect(await collect(reader.entries())).toHaveLength(10);
      await reader[Symbol.asyncDispose]();
    }
    await using store = await open();
    expect(await collect(store.entries())).toHaveLength(10);
  });

  test('sees what was committed while it was open, and nothing keeps the log from being settled', async () => {
    await using store = await open();
    await using reader = await openSqliteReader({ dir });
    await store.append([arrival(1), unreadable('x')]);
    const iteration = reader.entries()[Symbol.asyncIterator]();
    expect((await iteration.next()).value).toMatchObject({ position: 1 });
    await store.append([arrival(2)]);
    await store[Symbol.asyncDispose]();
    expect(log.events).toEqual(['store.created']);
    expect(await collect(reader.entries())).toHaveLength(2);
    expect(await collect(reader.quarantine())).toHaveLength(1);
    expect(await reader.check()).toMatchObject({ damage: [], entries: 2, quarantined: 1, gaps: [] });
  });
});

test('closing leaves one file that holds everything', async () => {
  await makeStore();
  expect(existsSync(`${path}-wal`)).toBe(false);
});
