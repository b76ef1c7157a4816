/** The lines of a file that grows at its end, piece by piece. */
import type { FileHandle } from 'node:fs/promises';

/** Read at once, in bytes. */
const pieceBytes = 1024 * 1024;

/** A line is no longer than this; what is longer is nobody's entry and is passed over, in bytes. */
export const lineBytesMax = 4 * 1024 * 1024;

/** A line with its end. */
export interface FileLine {
  /** Where in the file it begins and where the next begins. */
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

const newline = 0x0a;

/**
 * The whole lines up to `size`, some at a time. What follows the last line feed is left out.
 * @returns where the last line ends.
 */
export async function* readLines(file: FileHandle, size: number): AsyncGenerator<readonly FileLine[], number> {
  let rest = Buffer.alloc(0);
  let restStart = 0;
  for (let at = 0; at < size; ) {
    const piece = Buffer.alloc(Math.min(pieceBytes, size - at));
    const { bytesRead } = await file.read(piece, 0, piece.byteLength, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const text = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
    const lines: FileLine[] = [];
    let start = 0;
    for (let end = text.indexOf(newline); end !== -1; end = text.indexOf(newline, start)) {
      lines.push({ start: restStart + start, end: restStart + end + 1, bytes: text.subarray(start, end) });
      start = end + 1;
    }
    rest = Buffer.from(text.subarray(start));
    restStart += start;
    if (rest.byteLength > lineBytesMax) return restStart;
    if (lines.length > 0) yield lines;
  }
  return restStart;
}
