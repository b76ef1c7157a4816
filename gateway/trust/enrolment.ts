/** Writes the folder that a kiosk is given: its certificate, its keys and whom it trusts. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import { makeDurableFolder, syncFolderAsync } from '../../shared/system/durable.ts';
import { isErrno, isSystemError } from '../../shared/system-error.ts';
import { type FileDraft, makeFolder, removeFolder, secretFolderMode, writeNewFiles } from './durable-file.ts';

/** What `enrol` writes. */
export const enrolledFiles = [
  'ca.pem',
  'cert.pem',
  'key.pem',
  'site.json',
  'subject.key',
  'former-subject.keys',
] as const;

/** One of the files. */
export interface EnrolledFile extends FileDraft {
  readonly name: (typeof enrolledFiles)[number];
}

/** Throws the Faults ENROL_EXISTS, where `folder` holds one of the files, and ENROL_FAILED, where it cannot be read. */
export async function refuseToOverwrite(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: unknown): string[] => {
    if (isErrno(error, 'ENOENT')) return [];
    throw toEnrolFault(folder, error);
  });
  const taken = enrolledFiles.find((name) => found.includes(name));
  if (taken !== undefined) throw new Fault('ENROL_EXISTS', `${join(folder, taken)} exists.`);
}

/**
 * Writes the files into `folder`, over older ones; it is made (0700) with all its parents where it is missing.
 * Throws the Fault ENROL_FAILED.
 */
export async function writeEnrolment(folder: string, files: readonly EnrolledFile[]): Promise<void> {
  try {
    const isThere = await readdir(folder).then(
      () => true,
      (error: unknown) => !isErrno(error, 'ENOENT'),
    );
    if (!isThere && (await makeFolder(folder, files))) return;
    await writeInto(folder, files);
  } catch (error) {
    throw toEnrolFault(folder, error);
  }
}

/**
 * Into a folder that is there, which may be a mounted stick: everything is written inside it first, so that a stick
 * that is full or read-only leaves the old files alone, and then moved.
 */
async function writeInto(folder: string, files: readonly EnrolledFile[]): Promise<void> {
  const aside = join(folder, `.enrol.${randomUUID()}.tmp`);
  makeDurableFolder(folder);
  try {
    await mkdir(aside, { mode: secretFolderMode });
    await writeNewFiles(aside, files);
    for (const { name } of files) await rename(join(aside, name), join(folder, name));
  } finally {
    await removeFolder(aside);
  }
  await syncFolderAsync(folder);
}

function toEnrolFault(folder: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new Fault('ENROL_FAILED', `${folder}: ${describeError(error)}.`, { cause: error });
}
