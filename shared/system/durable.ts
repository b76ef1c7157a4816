/** Making what the file system was told outlast a power cut. All throw what the system says. */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isErrno } from '../system-error.ts';

/** Makes a file's contents durable, also those that another process wrote. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes the names in a folder durable: new ones, renamed ones and that some are gone. Some file systems (FAT) cannot sync
 * a folder and say EINVAL; whatever else goes wrong is thrown.
 */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } catch (error) {
    passOverUnsyncable(error);
  } finally {
    closeSync(descriptor);
  }
}

/** The same where nothing else may stand still meanwhile: on a slow disk it takes a while. */
export async function syncFolderAsync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync().catch(passOverUnsyncable);
  } finally {
    await handle.close();
  }
}

function passOverUnsyncable(error: unknown): void {
  if (!isErrno(error, 'EINVAL')) throw error;
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
    makeOne(absolute);
  }
  syncParent(absolute);
}

/** Not by `recursive`: where the file system lets nobody make a folder (/proc), Node then tries for ever. */
function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process was faster.
    if (!isErrno(error, 'EEXIST') || !isFolder(folder)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function syncParent(folder: string): void {
  try {
    syncFolder(dirname(folder));
  } catch (error) {
    // A folder that may be entered but not read was not made by us.
    if (!isErrno(error, 'EACCES')) throw error;
  }
}
