/** Taking lines out of a file of entries that an upstream of this gateway writes, while it goes on writing. */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../shared/ports.ts';
import { syncFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { sleep } from '../../shared/time.ts';
import { tryTurn } from '../store/turn.ts';
import { secretFileMode } from '../trust/durable-file.ts';
import { entryFileLock } from '../upstream/entry-file.ts';
import { readLines } from './entry-file-lines.ts';

/** The upstream has its turn for as long as a batch takes; after so many tries the file is left for the next time. */
const turnTriesMax = 100;
const turnEveryMs = 50;

/** The name of the copy that takes a file's place. What a killed process left of one is removed by the next. */
export const asideEnding = '.tidying';

/** What became of a file. */
export interface TidiedFile {
  readonly removed: number;
  /** Whether the upstream wrote all the time, or the file was exchanged, so that nothing could be done now. */
  readonly busy: boolean;
}

/**
 * Takes out the lines that `judge` says are to go. The file is copied without them while its upstream writes on; only for
 * the last piece does the upstream wait, and tries again by itself. Rejects with what the system says; then the file is as
 * it was.
 */
export async function tidyEntryFile(
  path: string,
  judge: (lines: readonly Buffer[]) => Promise<readonly boolean[]>,
  clock: Clock,
): Promise<TidiedFile> {
  const aside = path + asideEnding;
  await rm(aside, { force: true });
  await using from = await openFile(path);
  if (from === null) return { removed: 0, busy: false };
  try {
    const before = await from.stat();
    const { removed, readTo } = await copyLines(from, before.size, aside, judge);
    if (removed === 0) return { removed, busy: false };
    using turn = await takeTurn(entryFileLock(path), clock);
    const now = await stat(path).catch(() => null);
    if (turn === null || now?.ino !== before.ino || now.size < readTo) return { removed: 0, busy: true };
    {
      await using to = await open(aside, 'a');
      await copyRange(from, to, readTo, now.size);
      await to.sync();
    }
    await rename(aside, path);
    syncFolder(dirname(path));
    return { removed, busy: false };
  } finally {
    await rm(aside, { force: true });
  }
}

/** Begins the copy at the first line that goes: where none does, nothing is written. */
async function copyLines(
  from: FileHandle,
  size: number,
  aside: string,
  judge: (lines: readonly Buffer[]) => Promise<readonly boolean[]>,
): Promise<{ removed: number; readTo: number }> {
  await using opened = new AsyncDisposableStack();
  let to: FileHandle | null = null;
  let removed = 0;
  let readTo = 0;
  for await (const lines of readLines(from, size)) {
    const going = await judge(lines.map(({ bytes }) => bytes));
    readTo = lines.at(-1)?.end ?? readTo;
    const goingHere = going.filter(Boolean).length;
    if (to === null && goingHere > 0) {
      to = opened.use(await open(aside, 'wx', secretFileMode));
      await copyRange(from, to, 0, lines[0]?.start ?? 0);
    }
    removed += goingHere;
    const kept = lines.filter((_, index) => going[index] !== true).flatMap(({ bytes }) => [bytes, Buffer.from('\n')]);
    if (to !== null) await to.appendFile(Buffer.concat(kept));
  }
  return { removed, readTo };
}

async function copyRange(from: FileHandle, to: FileHandle, start: number, end: number): Promise<void> {
  const piece = Buffer.alloc(1024 * 1024);
  for (let at = start; at < end; ) {
    const { bytesRead } = await from.read(piece, 0, Math.min(piece.byteLength, end - at), at);
    if (bytesRead === 0) return;
    await to.appendFile(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
}

async function takeTurn(path: string, clock: Clock): Promise<Disposable | null> {
  for (let tries = 0; tries < turnTriesMax; tries++) {
    const turn = tryTurn(path);
    if (turn !== null) return turn;
    await sleep(clock, turnEveryMs);
  }
  return null;
}

async function openFile(path: string): Promise<FileHandle | null> {
  try {
    const file = await open(path, 'r');
    if ((await file.stat()).isFile()) return file;
    await file.close();
    return null;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}
