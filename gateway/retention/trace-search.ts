/** Looks through every file of a data directory for words that must not be there any more. */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../shared/system-error.ts';

/** Read at once, in bytes. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * The files, by their paths, whose bytes hold one of these words. Call it when no database of the directory is open in
 * this process: closing a file that was only read would release SQLite's locks (fcntl(2)). Rejects with what the system
 * says; files that vanish meanwhile are passed over.
 */
export async function findTraces(dataDir: string, words: readonly string[]): Promise<readonly string[]> {
  const needles = words.map((word) => Buffer.from(word));
  const found: string[] = [];
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    // Locks hold nothing, and closing one would give it away.
    if (!entry.isFile() || entry.name.endsWith('.lock')) continue;
    const path = join(entry.parentPath, entry.name);
    if (await holds(path, needles)) found.push(path);
  }
  return found;
}

async function holds(path: string, needles: readonly Buffer[]): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
  try {
    const longest = Math.max(0, ...needles.map(({ byteLength }) => byteLength));
    const piece = Buffer.alloc(pieceBytes + longest);
    // What stands at the end of one piece may go on in the next.
    for (let at = 0, carried = 0; ; ) {
      const { bytesRead } = await file.read(piece, carried, pieceBytes, at);
      const text = piece.subarray(0, carried + bytesRead);
      if (needles.some((needle) => text.includes(needle))) return true;
      if (bytesRead === 0) return false;
      at += bytesRead;
      const keep = Math.min(longest, text.byteLength);
      text.copyWithin(0, text.byteLength - keep);
      carried = keep;
    }
  } finally {
    await file.close();
  }
}
