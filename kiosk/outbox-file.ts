/** The outbox as a file: what may be opened, what must not be touched, how a new one comes into being whole. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../shared/fault.ts';
import { findWalDamage } from './wal-damage.ts';

const sidecars = ['', '-wal', '-journal', '-shm'];

function draftOf(path: string): string {
  return `${path}.new`;
}

/** Makes the data directory, for its owner alone, unless it is there. Throws the Fault DATA_DIR_UNUSABLE. */
export function prepareDataDir(dir: string): void {
  usable(dir, () => mkdirSync(dir, { recursive: true, mode: 0o700 }));
}

/**
 * Looks at an outbox's file before SQLite does: SQLite takes an empty file for a new database and then deletes the
 * write-ahead log beside it, with all the entries in it; and it ends a damaged log early without a word. Throws the Fault OUTBOX_CORRUPT or DATA_DIR_UNUSABLE.
 */
export function examineOutboxFile(path: string): 'present' | 'absent' {
  const file = statOf(path);
  if (file === null) {
    const orphan = sidecars.slice(1).find((suffix) => (statOf(path + suffix)?.size ?? 0) > 0);
    if (orphan !== undefined) throw new Fault('OUTBOX_CORRUPT', `${path} is gone, but ${path}${orphan} is there.`);
    return 'absent';
  }
  if (!file.isFile()) throw new Fault('DATA_DIR_UNUSABLE', `${path} is not a file.`);
  if (file.size === 0) throw new Fault('OUTBOX_CORRUPT', `${path} is empty.`);
  const log = `${path}-wal`;
  const damage = statOf(log) === null ? null : findWalDamage(usable(log, () => readFileSync(log)));
  if (damage !== null) throw new Fault('OUTBOX_CORRUPT', `${log}: ${damage}.`);
  return 'present';
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
    syncPath(draftOf(path));
    renameSync(draftOf(path), path);
    syncPath(dirname(path));
  });
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
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
