/**
 * Finds damage in a write-ahead log that SQLite would pass over in silence: at the first frame that does not add up it
 * ends the log, and every commit behind is lost. Pure. The format: https://www.sqlite.org/fileformat2.html#walformat
 */

const headerBytes = 32;
const frameHeaderBytes = 24;
/** The last bit says in which byte order the checksums are computed. */
const magicLittleEndian = 0x377f0682;

interface Log {
  readonly bytes: DataView;
  readonly littleEndian: boolean;
  readonly pageBytes: number;
  readonly frames: number;
}

type Sum = readonly [number, number];

/**
 * Says what is wrong with a write-ahead log, or null. A torn end is right: the commit that a power cut interrupted was
 * never confirmed. But each commit is synced before the next is written, so a frame that is broken while a commit behind
 * it is already followed by the next was whole once, and what it held was confirmed.
 */
export function findWalDamage(wal: Uint8Array): string | null {
  // Its header alone holds nothing; it is synced before the first frame is written.
  if (wal.byteLength <= headerBytes) return null;
  const bytes = new DataView(wal.buffer, wal.byteOffset, wal.byteLength);
  const magic = bytes.getUint32(0);
  const littleEndian = magic === magicLittleEndian;
  if (!littleEndian && magic !== magicLittleEndian + 1) return 'its header is damaged';
  const pageBytes = bytes.getUint32(8);
  if (!sameSum(sumOf(bytes, 0, 24, littleEndian, [0, 0]), sumAt(bytes, 24))) return 'its header is damaged';
  const frames = Math.floor((wal.byteLength - headerBytes) / (frameHeaderBytes + pageBytes));
  const log: Log = { bytes, littleEndian, pageBytes, frames };
  const broken = firstBroken(log);
  for (let frame = broken; frame + 1 < frames; frame++) {
    if (isCommit(log, frame) && follows(log, frame + 1, sumAt(bytes, offsetOf(log, frame) + 16))) {
      return `frame ${broken} of ${frames} is damaged, and commits follow it`;
    }
  }
  return null;
}

function firstBroken(log: Log): number {
  let sum = sumAt(log.bytes, 24);
  for (let frame = 0; frame < log.frames; frame++) {
    if (!follows(log, frame, sum)) return frame;
    sum = sumAt(log.bytes, offsetOf(log, frame) + 16);
  }
  return log.frames;
}

function offsetOf({ pageBytes }: Log, frame: number): number {
  return headerBytes + frame * (frameHeaderBytes + pageBytes);
}

/** Whether a frame belongs to this run of the log: an older run has other salts. */
function hasSalts(log: Log, frame: number): boolean {
  const { bytes } = log;
  const offset = offsetOf(log, frame);
  return bytes.getUint32(offset + 8) === bytes.getUint32(16) && bytes.getUint32(offset + 12) === bytes.getUint32(20);
}

function isCommit(log: Log, frame: number): boolean {
  return hasSalts(log, frame) && log.bytes.getUint32(offsetOf(log, frame) + 4) !== 0;
}

/** Whether a frame is whole and was written after one that ended in the checksum `before`. */
function follows(log: Log, frame: number, before: Sum): boolean {
  const { bytes, littleEndian, pageBytes } = log;
  const offset = offsetOf(log, frame);
  if (!hasSalts(log, frame)) return false;
  const overHeader = sumOf(bytes, offset, 8, littleEndian, before);
  return sameSum(
    sumOf(bytes, offset + frameHeaderBytes, pageBytes, littleEndian, overHeader),
    sumAt(bytes, offset + 16),
  );
}

function sumAt(bytes: DataView, offset: number): Sum {
  return [bytes.getUint32(offset), bytes.getUint32(offset + 4)];
}

function sameSum(one: Sum, other: Sum): boolean {
  return one[0] === other[0] && one[1] === other[1];
}

function sumOf(bytes: DataView, offset: number, length: number, littleEndian: boolean, before: Sum): Sum {
  let [first, second] = before;
  for (let at = offset; at < offset + length; at += 8) {
    first = (first + bytes.getUint32(at, littleEndian) + second) >>> 0;
    second = (second + bytes.getUint32(at + 4, littleEndian) + first) >>> 0;
  }
  return [first, second];
}
