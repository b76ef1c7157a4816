/** The outbox as a file: what may be opened, what must not be touched, how a new one comes into being whole. */
import { closeSync, openSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../shared/fault.ts';
import { makeDurableFolder, syncFile, syncFolder } from '../shared/system/durable.ts';
import { examineWal } from '../shared/system/wal.ts';

const sidecars = ['', '-wal', '-journal', '-shm'];

function draftOf(path: string): string {
  return `${path}.new`;
}

/** Makes the data directory, for its owner alone, unless it is there. Throws the Fault DATA_DIR_UNUSABLE. */
export function prepareDataDir(dir: string): void {
  usable(dir, () => makeDurableFolder(dir));
}

/**
 * Looks at an outbox's file before SQLite does: SQLite takes an empty file for a new database and then deletes the
 * write-ahead log beside it, with all the entries in it; and it ends a damaged log early without a word. Throws the Fault OUTBOX_CORRUPT or DATA_DIR_UNUSABLE.
 */
export function examineOutboxFile(path: string): 'present' | 'absent' {
  const file = statOf(path);
  if (file === null) {
    const orphan = ['-wal', '-journal'].find((suffix) => (statOf(path + suffix)?.size ?? 0) > 0);
    if (orphan !== undefined) throw new Fault('OUTBOX_CORRUPT', `${path} is gone, but ${path}${orphan} is there.`);
    return 'absent';
  }
  if (!file.isFile()) throw new Fault('DATA_DIR_UNUSABLE', `${path} is not a file.`);
  // A file of one byte is empty to SQLite as well (unixFileSize in its os_unix.c).
  if (file.size <= 1) throw new Fault('OUTBOX_CORRUPT', `${path} is empty.`);
  const damage = usable(path, () => examineWal(path));
  // Looked at twice: another kiosk may be writing it at this moment, which is for `claim` to tell.
  if (damage !== null && damage === usable(path, () => examineWal(path)))
    throw new Fault('OUTBOX_CORRUPT', `${path}-wal: ${damage}.`);
  return 'present';
}

/**
 * Makes an outbox that is there durable, with its name. What a killed process committed and did not come to sync is in the
 * kernel's memory only, and SQLite takes it for committed. It would be sent, lost in a power cut, and its `seq` given again.
 * Needs no room on the disk.
 */
export function settleOutboxFile(path: string): void {
  usable(path, () => {
    if (statOf(`${path}-wal`) !== null) syncFile(`${path}-wal`);
    syncFolder(dirname(path));
  });
}

/** Makes an empty file (0600) beside the outbox's place and returns its path; what an interrupted start left there goes. */
export function prepareDraft(path: string): string {
  const draft = draftOf(path);
  usable(path, () => {
    for (const suffix of sidecars) rmSync(draft + suffix, { force: true });
    closeSync(openSync(draft, 'wx', 0o600));
  });
  return draft;
}

/** Moves a finished draft to the outbox's place: fsync, rename, fsync of the directory. */
export function promoteDraft(path: string): void {
  usable(path, () => {
    syncFile(draftOf(path));
    renameSync(draftOf(path), path);
    syncFolder(dirname(path));
  });
}

function statOf(path: string): Stats | null {
  return usable(path, () => statSync(path, { throwIfNoEntry: false })) ?? null;
}

function usable<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Fault('DATA_DIR_UNUSABLE', `${path}.`, { cause: error });
  }
}
