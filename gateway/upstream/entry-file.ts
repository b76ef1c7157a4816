/** The end of a file of entries, one a line, as a crash, a power cut or a person may have left it. */
import type { FileHandle } from 'node:fs/promises';

/** An unterminated end that is longer was not left by a torn write of ours (a batch is shorter), so it is not touched. */
export const tornBytesMax = 2 * 1024 * 1024;

/** Held by whoever changes a file of entries in the data directory: its upstream, or what takes lines out of it. */
export function entryFileLock(path: string): string {
  return `${path}.lock`;
}

/** Why a file is left alone. */
export type EntryFileProblem =
  | 'the path is not a file'
  | 'the file does not hold entries'
  | 'the file ends in something that is too long for an entry';

/** What the end of the file was and how long the file is now, in bytes. */
export type MendedTail =
  | { readonly mended: 'nothing' | 'completed' | 'cut'; readonly bytes: number; readonly size: number }
  | { readonly problem: EntryFileProblem };

const newline = 0x0a;

/**
 * Makes the file end in a whole line. A torn line at the end was never acknowledged, so it is cut off and will be sent
 * again. A line that is whole JSON and only lacks its end may have been acknowledged (an editor may have taken the end
 * away), so it is completed. Lines that end are never touched, nor is a file that does not begin like one of ours.
 */
export async function mendTail(file: FileHandle, size: number): Promise<MendedTail> {
  if (size === 0) return { mended: 'nothing', bytes: 0, size };
  // `{`, JSON white space, or the NULs that some file systems leave where a write was lost.
  const [first = 0] = await readRange(file, 0, 1);
  if (![0x7b, 0x20, 0x09, 0x0a, 0x0d, 0x00].includes(first)) return { problem: 'the file does not hold entries' };
  const [last] = await readRange(file, size - 1, 1);
  if (last === newline) return { mended: 'nothing', bytes: 0, size };
  const from = Math.max(0, size - tornBytesMax);
  const end = await readRange(file, from, size - from);
  const lineEnd = end.lastIndexOf(newline);
  if (lineEnd === -1 && from > 0) return { problem: 'the file ends in something that is too long for an entry' };
  const torn = end.subarray(lineEnd + 1);
  if (isJson(torn)) {
    await file.appendFile('\n');
    return { mended: 'completed', bytes: torn.byteLength, size: size + 1 };
  }
  const kept = size - torn.byteLength;
  await file.truncate(kept);
  return { mended: 'cut', bytes: torn.byteLength, size: kept };
}

/** A line that ends, and where in the file it starts. */
export interface Line {
  readonly start: number;
  readonly text: string;
}

/** The lines among the last {@link tornBytesMax} bytes: more than one batch, so all that a crash can have left unmarked. */
export async function readLastLines(file: FileHandle, size: number): Promise<readonly Line[]> {
  const from = Math.max(0, size - tornBytesMax);
  const bytes = await readRange(file, from, size - from);
  const lines: Line[] = [];
  let start = from === 0 ? 0 : bytes.indexOf(newline) + 1;
  for (let end = bytes.indexOf(newline, start); end !== -1; end = bytes.indexOf(newline, start)) {
    lines.push({ start: from + start, text: bytes.toString('utf8', start, end) });
    start = end + 1;
  }
  return lines;
}

/**
 * Where the remains of a batch begin that was written but not synced before a power cut: some of its lines are whole,
 * some hold NULs or garbage. Null where there are none. What is behind that place is nobody's: it holds no whole line but
 * those of `next`, which are about to be written (again). What a person may have written before it is left alone.
 */
export function findRemains(lines: readonly Line[], next: ReadonlySet<string>): number | null {
  const isOthers = ({ text }: Line) => !next.has(text) && isJson(Buffer.from(text));
  const unmarked = lines.slice(lines.findLastIndex(isOthers) + 1);
  return unmarked.find(({ text }) => !next.has(text) && looksTorn(text))?.start ?? null;
}

/** Begins like an entry, or holds what is no text. */
function looksTorn(text: string): boolean {
  return text.startsWith('{') || /[\p{Cc}\ufffd]/u.test(text);
}

async function readRange(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
