import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { type FileBytes, findWalDamage } from '../wal-damage.ts';

/**
 * Looks through the write-ahead log of an SQLite database that nobody writes to, before SQLite does. Says what is wrong
 * with it, or null, also where there is none. Throws what the system says.
 * @param path the database's; its log is `path` with `-wal`.
 */
export function examineWal(path: string): string | null {
  const log = `${path}-wal`;
  if (statSync(log, { throwIfNoEntry: false }) === undefined) return null;
  using opened = new DisposableStack();
  const open = (file: string) => bytesOf(opened.adopt(openSync(file, 'r'), closeSync));
  return findWalDamage(open(log), open(path));
}

function bytesOf(descriptor: number): FileBytes {
  return {
    size: fstatSync(descriptor).size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(descriptor, bytes, done, length - done, offset + done);
        if (count === 0) throw new Error(`the file ends ${length - done} bytes too early`);
        done += count;
      }
      return new DataView(bytes.buffer);
    },
  };
}
