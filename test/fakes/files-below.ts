import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every file below a folder with its bytes. What vanishes between the listing and the reading is passed over. */
export function* filesBelow(dir: string): Generator<readonly [path: string, bytes: Buffer]> {
  for (const found of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(found.parentPath, found.name);
    if (!found.isFile()) continue;
    try {
      yield [path, readFileSync(path)];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** All bytes of all files below a folder, one file behind the other: `includes` finds a text in UTF-8. */
export function bytesBelow(dir: string): Buffer {
  return Buffer.concat([...filesBelow(dir)].flatMap(([, bytes]) => [bytes, Buffer.from('\n')]));
}
