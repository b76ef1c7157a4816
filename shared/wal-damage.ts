/**
 * Finds damage in SQLite's write-ahead log that SQLite passes over in silence: at the first frame that does not add up it
 * ends the log, and every commit behind is lost. Pure. The format: https://www.sqlite.org/fileformat2.html#walformat
 */

const headerBytes = 32;
const frameHeaderBytes = 24;
/** The last bit says in which byte order the checksums are computed. */
const magicLittleEndian = 0x377f0682;

/** A file's bytes, read piece by piece: a log may be large. */
export interface FileBytes {
  readonly size: number;
  /** Bytes that are there: `offset + length` is at most `size`. */
  read(offset: number, length: number): DataView;
}

interface Log {
  readonly file: FileBytes;
  readonly littleEndian: boolean;
  readonly pageBytes: number;
  readonly frames: number;
  readonly salts: Pair;
}

type Pair = readonly [number, number];

/**
 * Says what is wrong with a write-ahead log, or null. A torn end is right: the commit that a power cut interrupted was
 * never confirmed. But each commit is synced before the next is written (`synchronous = FULL`), so a frame that is broken
 * while a commit behind it is already followed by the next was whole once, and what it held was confirmed.
 * What remains unseen is damage to the last commits alone: it looks like a torn end.
 */
export function findWalDamage(wal: FileBytes, database: FileBytes): string | null {
  // Its header alone holds nothing; it is synced before the first frame is written.
  if (wal.size <= headerBytes) return null;
  const header = wal.read(0, headerBytes);
  const magic = header.getUint32(0);
  const littleEndian = magic === magicLittleEndian;
  const known = littleEndian || magic === magicLittleEndian + 1;
  if (!known || !same(sumOf(header, 0, 24, littleEndian, [0, 0]), pairAt(header, 24))) {
    return findHeaderDamage(wal, database);
  }
  const log = makeLog(wal, littleEndian, header.getUint32(8), pairAt(header, 16));
  // Each run of the log adds one to the first salt: frames of a later run than the header's are there, so its own is lost.
  if (log.frames > 0 && saltsOf(log, 0)[0] === (log.salts[0] + 1) >>> 0) return findHeaderDamage(wal, database);
  const broken = firstBroken(log, 0, pairAt(header, 24));
  for (let frame = broken; frame + 1 < log.frames; frame++) {
    const { commit, sum } = frameHeader(log, frame);
    if (commit && follows(log, frame + 1, sum)) {
      return `frame ${broken} of ${log.frames} is damaged, and commits follow it`;
    }
  }
  return null;
}

/**
 * Without its header a log is worth nothing to SQLite. That is right when the power failed while a new header was being
 * written: first all that the old log held was brought into the database and synced. So what it still holds tells.
 */
function findHeaderDamage(wal: FileBytes, database: FileBytes): string | null {
  if (database.size < headerBytes) return 'its header is damaged';
  const size = database.read(16, 2).getUint16(0);
  const pageBytes = size === 1 ? 65_536 : size;
  if (pageBytes < 512 || wal.size < headerBytes + 2 * (frameHeaderBytes + pageBytes)) return null;
  // The byte order of the checksums is lost as well; every machine that this runs on writes this one.
  const first = makeLog(wal, true, pageBytes, [0, 0]);
  const log = { ...first, salts: saltsOf(first, 0) };
  // What the first frame follows is lost with the header; the second follows the first.
  const end = firstBroken(log, 1, frameHeader(log, 0).sum);
  const stray = [...committedPages(log, end)].some(([page, frame]) => !isInDatabase(log, page, frame, database));
  return end > 1 && stray ? 'its header is damaged, and commits follow it' : null;
}

/** For each page, in which of the frames before `end` its last committed form is. */
function committedPages(log: Log, end: number): ReadonlyMap<number, number> {
  const committed = new Map<number, number>();
  const open = new Map<number, number>();
  for (let frame = 0; frame < end; frame++) {
    const { page, commit } = frameHeader(log, frame);
    open.set(page, frame);
    if (!commit) continue;
    for (const [written, at] of open) committed.set(written, at);
    open.clear();
  }
  return committed;
}

function makeLog(file: FileBytes, littleEndian: boolean, pageBytes: number, salts: Pair): Log {
  const frames = Math.floor((file.size - headerBytes) / (frameHeaderBytes + pageBytes));
  return { file, littleEndian, pageBytes, frames, salts };
}

/** The first frame from `frame` on that is not whole, or how many there are. `sum` is what the frame before ended in. */
function firstBroken(log: Log, frame: number, sum: Pair): number {
  let at = frame;
  for (let before = sum; at < log.frames && follows(log, at, before); at++) before = frameHeader(log, at).sum;
  return at;
}

function offsetOf({ pageBytes }: Log, frame: number): number {
  return headerBytes + frame * (frameHeaderBytes + pageBytes);
}

function saltsOf(log: Log, frame: number): Pair {
  return pairAt(log.file.read(offsetOf(log, frame), frameHeaderBytes), 8);
}

/** What a frame says of itself. It is a commit only in this run of the log: an older run has other salts. */
function frameHeader(log: Log, frame: number): { page: number; commit: boolean; sum: Pair } {
  const header = log.file.read(offsetOf(log, frame), frameHeaderBytes);
  const commit = header.getUint32(4) !== 0 && same(pairAt(header, 8), log.salts);
  return { page: header.getUint32(0), commit, sum: pairAt(header, 16) };
}

/** Whether a frame is whole and was written after one that ended in the checksum `before`. */
function follows(log: Log, frame: number, before: Pair): boolean {
  const bytes = log.file.read(offsetOf(log, frame), frameHeaderBytes + log.pageBytes);
  if (!same(pairAt(bytes, 8), log.salts)) return false;
  const overHeader = sumOf(bytes, 0, 8, log.littleEndian, before);
  return same(sumOf(bytes, frameHeaderBytes, log.pageBytes, log.littleEndian, overHeader), pairAt(bytes, 16));
}

/** Whether the database holds a page as it is in a frame. */
function isInDatabase(log: Log, page: number, frame: number, database: FileBytes): boolean {
  const { pageBytes } = log;
  const offset = (page - 1) * pageBytes;
  if (page < 1 || offset + pageBytes > database.size) return false;
  const [one, other] = [
    log.file.read(offsetOf(log, frame) + frameHeaderBytes, pageBytes),
    database.read(offset, pageBytes),
  ];
  for (let at = 0; at < pageBytes; at += 4) if (one.getUint32(at) !== other.getUint32(at)) return false;
  return true;
}

function pairAt(bytes: DataView, offset: number): Pair {
  return [bytes.getUint32(offset), bytes.getUint32(offset + 4)];
}

function same(one: Pair, other: Pair): boolean {
  return one[0] === other[0] && one[1] === other[1];
}

function sumOf(bytes: DataView, offset: number, length: number, littleEndian: boolean, before: Pair): Pair {
  let [first, second] = before;
  for (let at = offset; at < offset + length; at += 8) {
    first = (first + bytes.getUint32(at, littleEndian) + second) >>> 0;
    second = (second + bytes.getUint32(at + 4, littleEndian) + first) >>> 0;
  }
  return [first, second];
}
