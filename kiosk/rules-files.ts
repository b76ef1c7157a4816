/**
 * The kiosk's copy of the rules on disk: one file for each list, to which is only added, and a record that says which
 * files count, how far and with which digest. The record is replaced in one step, so all of it moves at once or not.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError, Fault } from '../shared/fault.ts';
import { type ListHead, type RulesHead, readHead } from '../shared/rules.ts';
import { syncFolderAsync } from '../shared/system/durable.ts';
import { isErrno, isSystemError } from '../shared/system-error.ts';
import { prepareDataDir } from './outbox-file.ts';

const recordName = 'rules.json';
const draftName = 'rules.json.new';
const fileMode = 0o600;
const listFile = /^([a-z-]+)-([0-9]{1,9})\.list$/;

/** One list as the record tells of it. */
export type KeptList = Pick<ListHead, 'itemBytes' | 'chunkItems' | 'count' | 'digest'> & { readonly file: string };

/** What the record says. */
export interface KeptRules {
  /** As it came from the gateway. */
  readonly head: RulesHead;
  /** By name. */
  readonly lists: Readonly<Record<string, KeptList>>;
}

const recordSchema = z.object({
  v: z.literal(1),
  head: z.unknown(),
  lists: z.record(
    z.string(),
    z.object({
      file: z.string().regex(listFile),
      itemBytes: z.int().min(4).multipleOf(4),
      chunkItems: z.int().min(1),
      count: z.int().min(0),
      digest: z.string(),
    }),
  ),
});

/** The folder that the copy lies in. */
export class RulesFiles {
  readonly dir: string;

  /** Makes the folder unless it is there. Throws the Fault DATA_DIR_UNUSABLE. */
  constructor(dir: string) {
    this.dir = dir;
    prepareDataDir(dir);
  }

  /** What is kept: null where nothing ever was. Throws the Fault RULES_DAMAGED. */
  async read(): Promise<KeptRules | null> {
    const path = join(this.dir, recordName);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isErrno(error, 'ENOENT') && (await this.lists()).length === 0) return null;
      throw new Fault('RULES_DAMAGED', `${path}.`, { cause: error });
    }
    const rules = parseRecord(text);
    if (rules === null) throw new Fault('RULES_DAMAGED', `${path}.`);
    return rules;
  }

  /** The list files there are, the newest of each first. */
  async lists(): Promise<readonly { readonly file: string; readonly name: string; readonly number: number }[]> {
    const names = await readdir(this.dir);
    return names
      .flatMap((file) => {
        const [, name = '', number = ''] = listFile.exec(file) ?? [];
        return name === '' ? [] : [{ file, name, number: Number(number) }];
      })
      .sort((one, other) => other.number - one.number);
  }

  /** How long a list file is; 0 where it is none. */
  async bytesOf(file: string): Promise<number> {
    const found = await stat(join(this.dir, file)).catch((error: unknown) => {
      if (!isSystemError(error)) throw error;
      return null;
    });
    return found?.size ?? 0;
  }

  /** The first `bytesMax` bytes of a list file in pieces, or as many as there are; says nothing of errors but ends. */
  async *pieces(file: string, pieceBytes: number, bytesMax: number): AsyncGenerator<Uint8Array> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(join(this.dir, file), 'r');
      const piece = Buffer.alloc(pieceBytes);
      for (let at = 0; at < bytesMax; at += pieceBytes) {
        const { bytesRead } = await handle.read(piece, 0, Math.min(pieceBytes, bytesMax - at), at);
        if (bytesRead > 0) yield piece.subarray(0, bytesRead);
        if (bytesRead < pieceBytes) return;
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
    } finally {
      await handle?.close();
    }
  }

  /**
   * Writes a part of a list file, durably; its name becomes so with the next `commit`. False where the file is gone to
   * which something was to be added. Throws the Fault RULES_WRITE_FAILED.
   */
  async write(file: string, at: number, bytes: Uint8Array): Promise<boolean> {
    return writing(join(this.dir, file), async (path) => {
      // What is at the file's end and was never committed is written over.
      const handle = await open(path, at === 0 ? 'w' : 'r+', fileMode).catch((error: unknown) => {
        if (at > 0 && isErrno(error, 'ENOENT')) return null;
        throw error;
      });
      if (handle === null) return false;
      try {
        for (let done = 0; done < bytes.byteLength; ) {
          done += (await handle.write(bytes, done, bytes.byteLength - done, at + done)).bytesWritten;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      return true;
    });
  }

  /** From now on this counts, whatever happens; list files that it does not name go. Throws the Fault RULES_WRITE_FAILED. */
  async commit(rules: KeptRules): Promise<void> {
    await writing(join(this.dir, recordName), async (path) => {
      const body = JSON.stringify({ v: 1, ...rules });
      const draft = join(this.dir, draftName);
      const handle = await open(draft, 'w', fileMode);
      try {
        await handle.writeFile(`${checksumOf(body)}\n${body}`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await syncFolderAsync(this.dir); // the names of new list files, before the record that names them
      await rename(draft, path);
      await syncFolderAsync(this.dir);
      const counting = new Set(Object.values(rules.lists).map(({ file }) => file));
      for (const { file } of await this.lists())
        if (!counting.has(file)) await rm(join(this.dir, file), { force: true });
    });
  }
}

function parseRecord(text: string): KeptRules | null {
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  if (text.slice(0, end) !== checksumOf(body)) return null;
  const record = recordSchema.safeParse(JSON.parse(body));
  if (!record.success) return null;
  const read = readHead(record.data.head);
  return 'head' in read ? { head: read.head, lists: record.data.lists } : null;
}

function checksumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function writing<T>(path: string, action: (path: string) => Promise<T>): Promise<T> {
  try {
    return await action(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new Fault('RULES_WRITE_FAILED', `${path}: ${describeError(error)}.`, { cause: error });
  }
}
