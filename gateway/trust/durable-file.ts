/** Files that are whole or absent after a power cut: written aside, synced, then renamed; and the folder synced too. */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { makeDurableFolder, syncFolderAsync } from '../../shared/system/durable.ts';
import { isErrno, isSystemError } from '../../shared/system-error.ts';

/** The modes that secrets have: nobody but the owner. */
export const secretFileMode = 0o600;
export const secretFolderMode = 0o700;
export const publicFileMode = 0o644;

/** One file to write. */
export interface FileDraft {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
}

/** Writes files that do not exist yet and syncs each; the caller syncs the folder. */
export async function writeNewFiles(folder: string, drafts: readonly FileDraft[]): Promise<void> {
  for (const draft of drafts) {
    const handle = await open(join(folder, draft.name), 'wx', draft.mode);
    try {
      await handle.writeFile(draft.content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** Puts a file in place of an older one of the same name, in one step. */
export async function replaceFile(folder: string, draft: FileDraft): Promise<void> {
  const aside = `.${draft.name}.${randomUUID()}.tmp`;
  try {
    await writeNewFiles(folder, [{ ...draft, name: aside }]);
    await rename(join(folder, aside), join(folder, draft.name));
  } catch (error) {
    await rm(join(folder, aside), { force: true });
    throw error;
  }
  await syncFolderAsync(folder);
}

/** Puts a file in its place, in one step, unless one of that name is there: that is left alone, and false is returned. */
export async function putFile(folder: string, draft: FileDraft): Promise<boolean> {
  const aside = `.${draft.name}.${randomUUID()}.tmp`;
  let isOurs = true;
  try {
    await writeNewFiles(folder, [{ ...draft, name: aside }]);
    // link(2) never replaces, whoever else tries at the same moment.
    await link(join(folder, aside), join(folder, draft.name));
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    isOurs = false;
  } finally {
    await rm(join(folder, aside), { force: true });
  }
  await syncFolderAsync(folder);
  return isOurs;
}

/** Adds one line to a file, durably. A line that a power cut left torn is ended first, so that it spoils no other. */
export async function appendLine(path: string, line: string): Promise<void> {
  const handle = await open(path, 'a+', secretFileMode);
  try {
    const { size } = await handle.stat();
    const last = size === 0 ? '\n' : (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString();
    // One write, so that two processes that append at once do not mix their lines.
    await handle.writeFile(`${last === '\n' ? '' : '\n'}${line}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolderAsync(dirname(path));
}

/** The lines of such a file that are JSON of this form. What a power cut left torn is passed over, as it was never done. */
export function readLines<T>(text: string, schema: z.ZodType<T>): readonly T[] {
  return text.split('\n').flatMap((line) => {
    const parsed = schema.safeParse(toJson(line));
    return parsed.success ? [parsed.data] : [];
  });
}

function toJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/**
 * Makes a folder with all its files, or nothing: they are written in a folder beside it, which is then renamed.
 * @returns false when `folder` exists already and is not empty: what it holds is untouched.
 */
export async function makeFolder(folder: string, drafts: readonly FileDraft[]): Promise<boolean> {
  const aside = `${folder}.${randomUUID()}.tmp`;
  makeDurableFolder(dirname(folder));
  try {
    await mkdir(aside, { mode: secretFolderMode });
    await writeNewFiles(aside, drafts);
    await syncFolderAsync(aside);
    // rename(2) puts a folder in the place of none or of an empty one, never of one that holds something.
    await rename(aside, folder);
  } catch (error) {
    await removeFolder(aside);
    if (isErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
  await syncFolderAsync(dirname(folder));
  return true;
}

/** Removes a folder as far as possible: another process may be writing in it or removing it too. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
