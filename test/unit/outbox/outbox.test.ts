import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freeBytesOf } from '../../../kiosk/free-space.ts';
import { type Outbox, type OutboxOptions, openOutbox } from '../../../kiosk/outbox.ts';
import { decodeEntry } from '../../../shared/entry.ts';
import type { FaultCode } from '../../../shared/fault.ts';
import { makeDraft, uuid } from '../../fakes/entries.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const plenty = 1024 ** 4;

let root: string;
let dir: string;
let path: string;
let clock: VirtualClock;
const open: Outbox[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ravao-outbox-'));
  dir = join(root, 'kiosk');
  path = join(dir, 'outbox.db');
  clock = new VirtualClock();
});

afterEach(async () => {
  for (const outbox of open.splice(0)) await outbox[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

function start(changes: Partial<OutboxOptions> = {}): Outbox {
  const options = { dir, kiosk: 'gate-a', clock, chance: seededChance(1), log: new RecordingLog() };
  const outbox = openOutbox({ ...options, freeBytes: () => plenty, ...changes });
  open.push(outbox);
  return outbox;
}

async function stop(outbox: Outbox): Promise<void> {
  await outbox[Symbol.asyncDispose]();
}

function fill(outbox: Outbox, count: number, from = 1): void {
  for (let number = from; number < from + count; number++) outbox.append(makeDraft(number));
}

function seqs(outbox: Outbox, afterSeq = 0, limit = 1000): number[] {
  return outbox.peek(afterSeq, limit).map(({ seq }) => seq);
}

function faultOf(action: () => unknown): { code: FaultCode; message: string } | null {
  try {
    action();
    return null;
  } catch (error) {
    return error as { code: FaultCode; message: string };
  }
}

describe('appending', () => {
  it('gives each entry the next number of this outbox and keeps the very bytes that will travel', () => {
    const outbox = start();
    const first = outbox.append(makeDraft(1));
    const second = outbox.append(makeDraft(2));
    expect([first.seq, second.seq]).toEqual([1, 2]);
    expect(first.epoch).toBe(outbox.epoch);
    expect(outbox.peek(0, 10)).toEqual([
      { seq: 1, body: first.body },
      { seq: 2, body: second.body },
    ]);
    const decoded = decodeEntry(new TextEncoder().encode(second.body));
    expect(decoded).toMatchObject({ ok: true, entry: { id: uuid(2), kiosk: 'gate-a', epoch: outbox.epoch, seq: 2 } });
  });

  it('goes on counting after a restart, also when everything was sent and forgotten', async () => {
    const before = start();
    fill(before, 3);
    before.forget([1, 2, 3]);
    await stop(before);
    const after = start();
    expect(after.depth()).toBe(0);
    expect(after.epoch).toBe(before.epoch);
    expect(after.append(makeDraft(4)).seq).toBe(4);
  });

  it('refuses an entry longer than the wire allows as the bug that it is, and writes nothing of it', () => {
    const outbox = start();
    expect(faultOf(() => outbox.append(makeDraft(1, { gate: 'x'.repeat(4096) })))).toMatchObject({
      code: 'ERR_ASSERTION',
    });
    expect(outbox.depth()).toBe(0);
    expect(outbox.append(makeDraft(2)).seq).toBe(1);
  });

  it('is in the files when it returns, and not only in memory', () => {
    const outbox = start();
    fill(outbox, 1);
    // As a crash at this moment would leave them.
    const copy = join(root, 'copy.db');
    writeFileSync(copy, readFileSync(path));
    writeFileSync(`${copy}-wal`, readFileSync(`${path}-wal`));
    const db = new Database(copy);
    expect(db.prepare('SELECT count(*) AS count FROM entries').get()).toEqual({ count: 1 });
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    db.close();
  });
});

describe('reading and forgetting', () => {
  it('shows the oldest entries after a place, ascending and at most as many as asked for', () => {
    const outbox = start();
    fill(outbox, 6);
    outbox.forget([2, 4]);
    expect(seqs(outbox, 0, 3)).toEqual([1, 3, 5]);
    expect(seqs(outbox, 3, 3)).toEqual([5, 6]);
    expect(seqs(outbox, 6, 3)).toEqual([]);
  });

  it('passes over what is already forgotten and counts right', () => {
    const outbox = start();
    fill(outbox, 3);
    outbox.forget([1, 2]);
    outbox.forget([1, 2, 99]);
    outbox.forget([]);
    expect(outbox.depth()).toBe(1);
    expect(seqs(outbox)).toEqual([3]);
  });

  it('knows the time of the oldest entry', () => {
    const outbox = start();
    expect(outbox.oldestAtMs()).toBeNull();
    fill(outbox, 3);
    expect(outbox.oldestAtMs()).toBe(Date.parse(makeDraft(1).at));
    outbox.forget([1]);
    expect(outbox.oldestAtMs()).toBe(Date.parse(makeDraft(2).at));
  });

  it('leaves no byte of a forgotten entry in its files after a clean stop', async () => {
    const outbox = start();
    fill(outbox, 200);
    outbox.forget(Array.from({ length: 199 }, (_, index) => index + 1));
    await stop(outbox);
    const bytes = readFileSync(path);
    expect(bytes.includes(uuid(200))).toBe(true);
    expect(bytes.includes(uuid(100))).toBe(false);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });
});

describe('passages', () => {
  it('remembers where a subject went last, across restarts', async () => {
    const before = start();
    before.append(makeDraft(1), { subject: 'subject-a', direction: 'in', atMs: 5 });
    before.append(makeDraft(2), { subject: 'subject-b', direction: 'in', atMs: 6 });
    before.append(makeDraft(3), { subject: 'subject-a', direction: 'out', atMs: 7 });
    before.forget([1, 2, 3]);
    await stop(before);
    const after = start();
    expect(after.lastDirection('subject-a')).toEqual({ direction: 'out', atMs: 7 });
    expect(after.lastDirection('subject-b')).toEqual({ direction: 'in', atMs: 6 });
    expect(after.lastDirection('subject-c')).toBeNull();
  });

  it('lets the oldest go beyond its limit', () => {
    const outbox = start({ limits: { presencesMax: 2 } });
    for (const [index, subject] of ['a', 'b', 'a', 'c'].entries()) {
      outbox.append(makeDraft(index), { subject, direction: 'in', atMs: index });
    }
    expect(['a', 'b', 'c'].map((subject) => outbox.lastDirection(subject)?.atMs)).toEqual([2, undefined, 3]);
  });
});

describe('limits', () => {
  it('warns at 80 % and refuses at the limit without using a number, until there is room', () => {
    const outbox = start({ limits: { entriesMax: 10 } });
    fill(outbox, 7);
    expect(outbox.level()).toBe('ok');
    fill(outbox, 1, 8);
    expect(outbox.level()).toBe('warning');
    fill(outbox, 2, 9);
    expect(outbox.level()).toBe('full');
    expect(faultOf(() => outbox.append(makeDraft(11)))).toMatchObject({ code: 'OUTBOX_FULL', retryable: true });
    outbox.forget([4]);
    expect(outbox.append(makeDraft(12)).seq).toBe(11);
    expect(seqs(outbox)).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('refuses while the disk is nearly full, still forgets, and goes on when there is room', async () => {
    let free = plenty;
    const outbox = start({ freeBytes: () => free, limits: { freeBytesMin: 100, freeBytesLow: 200 } });
    fill(outbox, 2);
    free = 150;
    await clock.advance(1_000);
    expect(outbox.level()).toBe('warning');
    fill(outbox, 1, 3);
    free = 99;
    await clock.advance(1_000);
    expect(outbox.level()).toBe('full');
    expect(faultOf(() => outbox.append(makeDraft(4)))?.code).toBe('OUTBOX_FULL');
    outbox.forget([1]);
    free = plenty;
    await clock.advance(1_000);
    expect(outbox.append(makeDraft(5)).seq).toBe(4);
  });

  it('asks for the free disk at most once a second', async () => {
    let asked = 0;
    const outbox = start({
      freeBytes: () => {
        asked += 1;
        return plenty;
      },
    });
    fill(outbox, 50);
    outbox.level();
    expect(asked).toBe(1);
    await clock.advance(1_000);
    fill(outbox, 50, 51);
    expect(asked).toBe(2);
  });

  it('turns a write that finds no room into OUTBOX_FULL, uses no number for it, and goes on after forgetting', () => {
    const outbox = start({ limits: { fileBytesMax: 64 * 1024 } });
    let fault: ReturnType<typeof faultOf> = null;
    while (fault === null) fault = faultOf(() => outbox.append(makeDraft(1)));
    expect(fault.code).toBe('OUTBOX_FULL');
    const kept = seqs(outbox);
    expect(kept).toEqual(Array.from({ length: outbox.depth() }, (_, index) => index + 1));
    outbox.forget(kept.slice(0, 20));
    expect(outbox.append(makeDraft(2)).seq).toBe(kept.length + 1);
  });
});

describe('opening', () => {
  it('makes the directory and the files for their owner alone', () => {
    const outbox = start();
    fill(outbox, 1);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('tells a second process that the directory is in use, and the first goes on', () => {
    const first = start();
    expect(faultOf(start)).toMatchObject({ code: 'DATA_DIR_IN_USE', message: expect.stringContaining(path) });
    expect(first.append(makeDraft(1)).seq).toBe(1);
  });

  it('refuses a directory that cannot be made or written, naming it', () => {
    writeFileSync(join(root, 'file'), '');
    const beneathFile = join(root, 'file', 'kiosk');
    expect(faultOf(() => start({ dir: beneathFile }))).toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
      message: expect.stringContaining(beneathFile),
    });
    mkdirSync(path, { recursive: true });
    expect(faultOf(start)?.code).toBe('DATA_DIR_UNUSABLE');
  });

  it('starts anew after an interrupted first start', () => {
    mkdirSync(dir);
    writeFileSync(`${path}.new`, 'half');
    writeFileSync(`${path}.new-journal`, 'half');
    expect(start().append(makeDraft(1)).seq).toBe(1);
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it('lets the file go when it fails at the last moment, so that the next attempt finds it free', () => {
    const log = new RecordingLog();
    log.info = () => {
      throw new Error('the log is broken');
    };
    expect(() => start({ log })).toThrow('the log is broken');
    expect(start().append(makeDraft(1)).seq).toBe(1);
  });

  it('takes a place whose free room nobody can tell for full', () => {
    expect(freeBytesOf(join(root, 'gone'))).toBe(0);
    expect(freeBytesOf(root)).toBeGreaterThan(0);
  });

  it('disposes twice without harm', async () => {
    const outbox = start();
    await stop(outbox);
    await stop(outbox);
  });

  it('refuses the outbox of another kiosk and names both', async () => {
    const outbox = start();
    fill(outbox, 1);
    await stop(outbox);
    const fault = faultOf(() => start({ kiosk: 'gate-b' }));
    expect(fault).toMatchObject({ code: 'OUTBOX_FOREIGN', message: expect.stringMatching(/"gate-a".*"gate-b"/) });
    expect(start().depth()).toBe(1);
  });

  it('refuses an outbox of a newer version and leaves it as it is', async () => {
    await stop(start());
    const db = new Database(path);
    db.pragma('user_version = 2');
    db.close();
    const bytes = readFileSync(path);
    expect(faultOf(start)).toMatchObject({ code: 'OUTBOX_SCHEMA_NEWER', message: expect.stringContaining(path) });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});

describe('a damaged outbox', () => {
  /** Leaves an outbox with 50 entries as a clean stop does. */
  async function leave(): Promise<void> {
    const outbox = start();
    fill(outbox, 50);
    await stop(outbox);
  }

  /** Leaves an outbox with `count` commits in its write-ahead log, as a power cut does. */
  async function leaveWithLog(count: number): Promise<Buffer> {
    const outbox = start();
    fill(outbox, count);
    const [main, log] = [readFileSync(path), readFileSync(`${path}-wal`)];
    await stop(outbox);
    writeFileSync(path, main);
    writeFileSync(`${path}-wal`, log);
    return log;
  }

  /** Expects OUTBOX_CORRUPT that names the file, and every file left byte for byte. */
  function expectRefused(): void {
    // An empty log holds nothing: it may come and go.
    const read = () => [path, `${path}-wal`].map((file) => (existsSync(file) ? readFileSync(file) : Buffer.alloc(0)));
    const before = read();
    expect(faultOf(start)).toMatchObject({ code: 'OUTBOX_CORRUPT', message: expect.stringContaining(path) });
    expect(read()).toEqual(before);
  }

  it('is refused when it is no database', async () => {
    await leave();
    writeFileSync(path, 'x'.repeat(10_000));
    expectRefused();
  });

  it('is refused when it is another database', () => {
    mkdirSync(dir);
    const db = new Database(path);
    db.exec('CREATE TABLE cats (name TEXT)');
    db.close();
    expectRefused();
  });

  it('is refused when it is marked as ours and holds no outbox', async () => {
    await leave();
    const database = new Database(path);
    database.pragma('user_version = 0');
    database.close();
    expectRefused();
  });

  it('is refused when a page of it is overwritten', async () => {
    await leave();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, bytes.length - 4096);
    writeFileSync(path, bytes);
    expectRefused();
  });

  it('is refused when a page of it is overwritten, and its write-ahead log is neither copied into it nor deleted', async () => {
    await leave();
    await leaveWithLog(3);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 3 * 4096, 4 * 4096);
    writeFileSync(path, bytes);
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    expectRefused();
  });

  it('is refused when it was cut off', async () => {
    await leave();
    writeFileSync(path, readFileSync(path).subarray(0, 3 * 4096));
    expectRefused();
  });

  it('is refused when it is empty, with and without a write-ahead log beside it', async () => {
    await leaveWithLog(3);
    writeFileSync(path, '');
    expectRefused();
    rmSync(`${path}-wal`);
    expectRefused();
  });

  it('is refused when only its write-ahead log is left', async () => {
    await leaveWithLog(3);
    rmSync(path);
    expectRefused();
  });

  it('is refused when the header of its write-ahead log is damaged, which SQLite would pass over', async () => {
    const log = await leaveWithLog(3);
    log.writeUInt8(log.readUInt8(17) ^ 1, 17);
    writeFileSync(`${path}-wal`, log);
    expectRefused();
  });

  it('is refused when a confirmed commit in the middle of its write-ahead log is damaged', async () => {
    const log = await leaveWithLog(20);
    log.fill(0xa5, log.length >> 1, (log.length >> 1) + 512);
    writeFileSync(`${path}-wal`, log);
    expectRefused();
  });

  it('is taken with a torn end, as a power cut in the middle of a commit leaves it', async () => {
    const log = await leaveWithLog(3);
    writeFileSync(`${path}-wal`, log.subarray(0, log.length - 100));
    const outbox = start();
    expect(seqs(outbox)).toEqual([1, 2]);
    expect(outbox.append(makeDraft(9)).seq).toBe(3);
  });

  it('is taken with garbage behind the last commit', async () => {
    await leaveWithLog(3);
    appendFileSync(`${path}-wal`, Buffer.alloc(20_000, 0xee));
    expect(seqs(start())).toEqual([1, 2, 3]);
  });
});
