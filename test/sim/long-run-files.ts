/** Files of the programs as a power cut leaves them, and how large they are. */
import {
  appendFileSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { freeBytesOf } from '../../kiosk/free-space.ts';
import type { Chance } from '../../shared/ports.ts';
import { projectDir } from '../fakes/processes.ts';

/** The commit that a power cut interrupts leaves at most this much of itself, in bytes. */
const tornBytesMax = 5000;

/** A log's index lies in memory that programs share, and a lock is the kernel's. */
const lostWithPower = /-shm$|\.lock/;

/**
 * Copies what a machine without power has on its disk. Both programs sync each commit before anything else happens, so
 * between two turns of the event loop all that the files hold is synced; a torn commit may follow in the log.
 */
export function copySynced(from: string, to: string, chance: Chance): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((name) => !lostWithPower.test(name))) {
    copyFileSync(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
    if (name.endsWith('-wal'))
      appendFileSync(join(to, name), chance.bytes(Math.floor(chance.fraction() * tornBytesMax)));
  }
}

/** A file's length; 0 where there is none. */
export function fileBytes(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** How large a store is with what its log holds, in bytes. Another process or connection may be writing it. */
export function storeBytes(path: string): number {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    return (
      Number(database.pragma('page_count', { simple: true })) * Number(database.pragma('page_size', { simple: true }))
    );
  } finally {
    database.close();
  }
}

/** An entry takes less than this in the store, and as much again while a power cut's copy of it is made. */
const bytesPerEntry = 2 * 1024;

/** Everything else: logs, outboxes. */
const bytesBesides = 128 * 1024 ** 2;

/**
 * Makes a folder that goes away when this process ends, also by an error: in memory where there is room for so many
 * entries, because a long run syncs millions of times for nothing.
 */
export function makeRunFolder(entries: number): string {
  const memory = '/dev/shm';
  const roomy = existsSync(memory) && freeBytesOf(memory) >= bytesBesides + entries * bytesPerEntry;
  const root = roomy ? memory : join(projectDir, '.cache');
  mkdirSync(root, { recursive: true });
  const dir = mkdtempSync(join(root, 'ravao-long-run-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
