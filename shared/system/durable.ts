/** Making what the file system was told outlast a power cut. All throw what the system says. */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes a file's contents durable, also those that another process wrote. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes the names in a folder durable. Some file systems (FAT) cannot sync a folder and say EINVAL. */
export function syncFolder(folder: string): void {
  try {
    syncFile(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  }
}

/**
 * Makes a folder, for its owner alone, with the parents that are missing, unless it is there; and makes its name durable:
 * a power cut takes a folder that was not synced into its parent with every synced file in it. Also for one that is there,
 * as the process that made it may have been killed before it came to that.
 */
export function makeDurableFolder(folder: string): void {
  const absolute = resolve(folder);
  if (!isFolder(absolute)) {
    // Each parent is durable before anything is made in it.
    makeDurableFolder(dirname(absolute));
    mkdirSync(absolute, { recursive: true, mode: 0o700 }); // recursive: another process may be faster
  }
  syncParent(absolute);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function syncParent(folder: string): void {
  try {
    syncFolder(dirname(folder));
  } catch (error) {
    // A folder that may be entered but not read was not made by us.
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
}
