/** Overwrites what SQLite leaves between the cells of its pages: see page-slack.ts. Works beside a gateway that serves. */
import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { sqliteCode } from './faults.ts';
import { findSlack } from './page-slack.ts';

/** Pages read at once: a megabyte. */
const pagesPerRead = 256;

/** Above so many pages the first byte of a page would no longer tell what it is. */
const pagesMax = 0x0200_0000;

/** How often pages that were changed meanwhile are looked at again. */
const roundsMax = 5;

/**
 * Files in use that were opened beside SQLite. They are never closed: closing any descriptor of a file releases all locks
 * that the process has on it (fcntl(2)), those of SQLite's connections too.
 */
const descriptors = new Map<string, number>();

/**
 * Goes through a database, piece by piece. The log should have been emptied before. Resolves with how many pages still
 * hold old bytes because they were in use each time.
 * @param breathe called between two pieces, so that others get their turn.
 * @param isCopy nobody else has it open: it is closed at the end, as a copy that is removed must be gone.
 */
export async function scrub(path: string, breathe: () => Promise<void>, isCopy = false): Promise<number> {
  using opened = new DisposableStack();
  // One to hold the writers off, one to bring the log home meanwhile.
  const holder = opened.adopt(new Database(path, { fileMustExist: true, timeout: 2000 }), (one) => one.close());
  const settler = opened.adopt(new Database(path, { fileMustExist: true, timeout: 0 }), (one) => one.close());
  holder.pragma('synchronous = FULL');
  const file = isCopy ? opened.adopt(openSync(path, 'r+'), closeSync) : openBeside(path);
  const pageBytes = Number(holder.pragma('page_size', { simple: true }));
  let left = 0;
  for (let round = 0; round < roundsMax; round++) {
    left = 0;
    let found = 0;
    for await (const numbers of dirtyPages(file, pageBytes, breathe)) {
      found += numbers.length;
      if (!zeroSlack(holder, settler, file, pageBytes, numbers)) left += numbers.length;
      await breathe();
    }
    if (found === 0) return 0;
  }
  return left;
}

function openBeside(path: string): number {
  const { dev, ino } = statSync(path);
  const key = `${dev}:${ino}`;
  const descriptor = descriptors.get(key) ?? openSync(path, 'r+');
  descriptors.set(key, descriptor);
  return descriptor;
}

/** The numbers of the pages with something in between, counted from 0; those of one reading at a time. */
async function* dirtyPages(file: number, pageBytes: number, breathe: () => Promise<void>): AsyncGenerator<number[]> {
  const piece = Buffer.alloc(pageBytes * pagesPerRead);
  const pages = Math.min(Math.floor(fstatSync(file).size / pageBytes), pagesMax);
  for (let from = 0; from < pages; from += pagesPerRead) {
    const read = Math.floor(readSync(file, piece, 0, piece.byteLength, from * pageBytes) / pageBytes);
    const numbers = Array.from({ length: read }, (_, index) => from + index).filter((number) => {
      const start = (number - from) * pageBytes;
      return findSlack(piece.subarray(start, start + pageBytes), number === 0) !== null;
    });
    if (numbers.length > 0) yield numbers;
    else await breathe();
  }
}

/**
 * Overwrites them while nobody writes and nothing of the log waits to be brought home, so that nobody else writes into the
 * file. Only bytes that SQLite never reads are changed. Whether it could be done now.
 */
function zeroSlack(
  holder: Database.Database,
  settler: Database.Database,
  file: number,
  pageBytes: number,
  numbers: readonly number[],
): boolean {
  try {
    holder.exec('BEGIN IMMEDIATE');
    const [log] = settler.pragma('wal_checkpoint(PASSIVE)') as { busy: number; log: number; checkpointed: number }[];
    const isHome = log !== undefined && log.busy === 0 && log.log === log.checkpointed;
    if (isHome) overwrite(file, pageBytes, numbers);
    // A commit that changes a page makes every other connection forget the pages it remembers, old bytes and all.
    if (isHome) holder.pragma(`user_version = ${Number(holder.pragma('user_version', { simple: true }))}`);
    holder.exec('COMMIT');
    return isHome;
  } catch (error) {
    if (holder.inTransaction) holder.exec('ROLLBACK');
    if (/^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error))) return false;
    throw error;
  }
}

function overwrite(file: number, pageBytes: number, numbers: readonly number[]): void {
  const page = Buffer.alloc(pageBytes);
  const zeros = Buffer.alloc(pageBytes);
  for (const number of numbers) {
    const at = number * pageBytes;
    if (readSync(file, page, 0, pageBytes, at) < pageBytes) continue;
    const slack = findSlack(page, number === 0);
    if (slack !== null) writeSync(file, zeros, 0, slack.end - slack.start, at + slack.start);
  }
  fdatasyncSync(file);
}
