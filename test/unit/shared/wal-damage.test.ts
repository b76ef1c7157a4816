import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FileBytes, findWalDamage } from '../../../shared/wal-damage.ts';

const headerBytes = 32;
const frameBytes = 24 + 4096;

let dir: string;
let path: string;
let db: Database.Database;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-wal-'));
  path = join(dir, 'a.db');
  db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE people (n INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_text ON people (text)');
  db.pragma('wal_checkpoint(TRUNCATE)');
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Makes `count` commits of two frames each. */
function commit(count: number): void {
  const insert = db.prepare('INSERT INTO people (text) VALUES (?)');
  for (let made = 0; made < count; made++) insert.run('Nguyễn Văn A');
}

const readLog = () => readFileSync(`${path}-wal`);
const bytesOf = (bytes: Buffer): FileBytes => ({
  size: bytes.length,
  read: (offset, length) => {
    expect(offset + length).toBeLessThanOrEqual(bytes.length);
    return new DataView(bytes.buffer, bytes.byteOffset + offset, length);
  },
});
const find = (log: Buffer, file = readFileSync(path)) => findWalDamage(bytesOf(log), bytesOf(file));

/** A copy with one byte changed. */
function flipped(log: Buffer, at: number): Buffer {
  const copy = Buffer.from(log);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
  return copy;
}

describe('a log that a power cut may leave', () => {
  test('is sound at every length, also in the middle of a header or a frame', () => {
    commit(3);
    const log = readLog();
    for (let size = 0; size < log.length; size += size % frameBytes < 64 ? 1 : 97) {
      expect(find(log.subarray(0, size))).toBeNull();
    }
  });

  test('is sound with garbage or zeros behind its end', () => {
    commit(3);
    for (const value of [0, 0xa5]) expect(find(Buffer.concat([readLog(), Buffer.alloc(9000, value)]))).toBeNull();
  });

  test('is sound when it began anew over an older run, up to any frame', () => {
    commit(8);
    db.pragma('wal_checkpoint(RESTART)');
    const older = readLog();
    commit(3);
    const newer = readLog();
    expect(newer.length).toBe(older.length);
    for (let frames = 0; frames <= 6; frames++) {
      const end = headerBytes + frames * frameBytes;
      expect(find(Buffer.concat([newer.subarray(0, end), older.subarray(end)]))).toBeNull();
    }
  });

  test('is sound when the power failed while a new header was written: what it held is in the database', () => {
    commit(8);
    db.pragma('wal_checkpoint(RESTART)');
    for (const value of [0, 0xa5]) expect(find(Buffer.from(readLog()).fill(value, 0, headerBytes))).toBeNull();
    expect(find(Buffer.alloc(9000, 0xa5))).toBeNull();
  });
});

describe('a log that a disk has damaged', () => {
  test('is told wherever a byte of a commit is wrong that has two behind it', () => {
    commit(5);
    const log = readLog();
    const twoBehind = log.length - 4 * frameBytes;
    for (let at = headerBytes; at < twoBehind; at += (at - headerBytes) % frameBytes < 24 ? 1 : 61) {
      // What is unused in a frame's header is nobody's loss.
      expect(find(flipped(log, at)), `byte ${at}`).toMatch(/^frame \d+ of 10 is damaged, and commits follow it$/);
    }
  });

  test('is told wherever a byte of its header is wrong, before it was brought into the database', () => {
    commit(5);
    for (let at = 0; at < headerBytes; at++) expect(find(flipped(readLog(), at)), `byte ${at}`).toMatch(/^its header/);
  });

  test('is told when its header is that of an older run', () => {
    commit(8);
    db.pragma('wal_checkpoint(RESTART)');
    const older = readLog();
    commit(3);
    expect(find(Buffer.concat([older.subarray(0, headerBytes), readLog().subarray(headerBytes)]))).toMatch(
      /^its header/,
    );
  });
});
