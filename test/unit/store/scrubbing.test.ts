import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { findSlack } from '../../../gateway/store/page-slack.ts';
import { scrub } from '../../../gateway/store/scrubbing.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';

const breathe = async () => {};

/** A database in which rows came and went in no order, and the words that are no more in it. */
function makeWorn(path: string) {
  const chance = seededChance(7);
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('secure_delete = ON');
  database.exec('CREATE TABLE words (id INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT)');
  const insert = database.prepare('INSERT INTO words (word) VALUES (?)');
  const remove = database.prepare('DELETE FROM words WHERE word = ?');
  const live = new Set<string>();
  const gone = new Set<string>();
  const add = database.transaction(() => {
    for (let count = 0; count < 800; count++) {
      const word = `<${Buffer.from(chance.bytes(15)).toString('hex')}>${'y'.repeat(400 + chance.fraction() * 500)}`;
      insert.run(word);
      live.add(word);
    }
  });
  const drop = database.transaction(() => {
    for (const word of [...live].filter(() => chance.fraction() < 0.2)) {
      remove.run(word);
      live.delete(word);
      gone.add(word);
    }
  });
  for (let round = 0; round < 12; round++) {
    add();
    drop();
  }
  database.pragma('wal_checkpoint(TRUNCATE)');
  return { database, live, gone };
}

/** Works on a database in a folder of its own. */
async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ravao-scrub-'));
  try {
    await work(join(dir, 'worn.db'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** How many of these words begin somewhere in a file. */
function foundIn(path: string, words: ReadonlySet<string>): number {
  const wanted = new Set([...words].map((word) => word.slice(0, 32)));
  const found = readFileSync(path, 'latin1').match(/<[0-9a-f]{30}>/g) ?? [];
  return new Set(found.filter((word) => wanted.has(word))).size;
}

describe('what lies between the cells of a page', () => {
  it('is found, and nothing else is taken for it', () => {
    const page = Buffer.alloc(512);
    page[0] = 13; // a leaf of a table, one cell, which begins at 500
    page.writeUInt16BE(1, 3);
    page.writeUInt16BE(500, 5);
    page.writeUInt16BE(500, 8);
    page.fill(0xaa, 500);
    expect(findSlack(page, false)).toBeNull();
    page[200] = 1;
    expect(findSlack(page, false)).toEqual({ start: 10, end: 500 });
    expect(findSlack(page, false, 16)).toBeNull();
    page[0] = 0; // an overflow page, or a free one
    expect(findSlack(page, false)).toBeNull();
    page[0] = 13;
    page.writeUInt16BE(600, 5);
    expect(findSlack(page, false)).toBeNull();
    page.writeUInt16BE(400, 3);
    page.writeUInt16BE(500, 5);
    expect(findSlack(page, false)).toBeNull();
  });

  it('is found on the largest pages, where the content may begin at 65,536, which is written as 0', () => {
    const page = Buffer.alloc(65_536);
    page[0] = 13;
    expect(findSlack(page, false)).toBeNull();
    page[65_535] = 1;
    expect(findSlack(page, false)).toEqual({ start: 8, end: 65_536 });
  });

  it('is left, and counted, while somebody reads an older state, as the log cannot be brought home', async () => {
    await inFolder(async (path) => {
      const { database, gone } = makeWorn(path);
      const before = foundIn(path, gone);
      const reader = new Database(path, { readonly: true });
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM words').get();
      database.exec("INSERT INTO words (word) VALUES ('newer')");
      expect(await scrub(path, breathe)).toBeGreaterThan(0);
      expect(foundIn(path, gone)).toBe(before);
      reader.close();
      database.pragma('wal_checkpoint(TRUNCATE)');
      expect(await scrub(path, breathe)).toBe(0);
      expect(foundIn(path, gone)).toBe(0);
      database.close();
    });
  });

  it('is tried again where another program was writing', async () => {
    await inFolder(async (path) => {
      const { database, gone } = makeWorn(path);
      const shell = new Database(path);
      shell.exec('BEGIN IMMEDIATE');
      const waited = scrub(path, async () => {
        if (shell.inTransaction) shell.exec('ROLLBACK');
      });
      expect(await waited).toBe(0);
      expect(foundIn(path, gone)).toBe(0);
      shell.close();
      database.close();
    });
  });

  it('is overwritten, while others read and write, and nothing that is there is touched', async () => {
    await inFolder(async (path) => {
      const { database, live, gone } = makeWorn(path);
      expect(foundIn(path, gone)).toBeGreaterThan(0);
      const other = new Database(path);
      let written = 0;
      const left = await scrub(path, async () => {
        if (written < 50) other.prepare('INSERT INTO words (word) VALUES (?)').run(`new ${written++}`);
      });
      expect(left).toBe(0);
      other.pragma('wal_checkpoint(TRUNCATE)');
      await scrub(path, breathe);
      expect(foundIn(path, gone)).toBe(0);
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      const words = database.prepare<[], string>('SELECT word FROM words').pluck().all();
      expect(new Set(words.filter((word) => !word.startsWith('new')))).toEqual(live);
      expect(words).toHaveLength(live.size + written);
      other.close();
      database.close();
    });
  });
});
