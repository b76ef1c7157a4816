/** A file for the officer alone, which is whole or not there: written aside, synced, then given its name. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { secretFileMode } from '../trust/durable-file.ts';

/** A file that is being written. Disposing it before {@link OutFile.finish} leaves nothing behind. */
export interface OutFile extends AsyncDisposable {
  write(text: string): Promise<void>;
  /** Syncs it and gives it its name, durably. */
  finish(): Promise<void>;
}

/**
 * Begins a file of mode 0600, where a name of it may be: so it is known before anything is done for it. Throws what the
 * system says, EEXIST for one that is there.
 */
export async function openOutFile(path: string): Promise<OutFile> {
  const absolute = resolve(path);
  const folder = dirname(absolute);
  await refuseExisting(absolute);
  const aside = join(folder, `.${basename(absolute)}.${randomUUID()}.tmp`);
  const handle = await open(aside, 'wx', secretFileMode);
  return new AsideFile(handle, aside, absolute);
}

class AsideFile implements OutFile {
  readonly #handle: FileHandle;
  readonly #aside: string;
  readonly #path: string;
  #isFinished = false;

  constructor(handle: FileHandle, aside: string, path: string) {
    this.#handle = handle;
    this.#aside = aside;
    this.#path = path;
  }

  async write(text: string): Promise<void> {
    await this.#handle.writeFile(text);
  }

  async finish(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    try {
      await link(this.#aside, this.#path); // which fails where another process was faster
      await rm(this.#aside);
    } catch (error) {
      // Sticks (FAT) know no links.
      if (!isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
      await refuseExisting(this.#path);
      await rename(this.#aside, this.#path);
    }
    syncFolder(dirname(this.#path));
    this.#isFinished = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close().catch(() => {}); // closed before
    if (!this.#isFinished) await rm(this.#aside, { force: true });
  }
}

async function refuseExisting(path: string): Promise<void> {
  try {
    await lstat(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  throw Object.assign(new Error(`EEXIST: file already exists, '${path}'`), { code: 'EEXIST', syscall: 'open' });
}
