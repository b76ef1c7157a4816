/**
 * Turns bytes into frames: one frame is what a scanner sent for one code. Pure and bounded: it holds at most one frame,
 * and whatever comes down the wire, it answers with values. How the bytes were cut into chunks makes no difference.
 */
import type { Reading } from '../../shared/ports.ts';

/** A frame is at most this long in bytes, its AIM id included. Beyond it all bytes up to the next end are skipped. */
export const frameBytesMax = 8192;

/** What leaves the framer. */
export type Framed = Extract<Reading, { readonly type: 'frame' | 'discarded' | 'noise' }>;

export interface Framer {
  /** Takes bytes as they come; returns what they completed, in order. */
  push(chunk: Uint8Array): Framed[];
  /**
   * The line has been silent for as long as it takes to end a frame, or has ended: whatever was begun is complete. For
   * scanners that send no terminator.
   */
  idle(): Framed[];
  /** The line broke in the middle: what was begun will never be complete and is noise. */
  abandon(): Framed[];
}

export interface FramerOptions {
  /** Whether a TAB ends a frame. Scanners are often set so; in lines that people paste a TAB is only white space. */
  readonly tabEnds: boolean;
}

const startOfText = 0x02;
const endOfText = 0x03;
const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const del = 0x7f;

/**
 * Makes a framer.
 *
 * - CR, LF, ETX and (as told) TAB end a frame. Ends that follow one another are one end, so CRLF needs no care.
 * - STX begins a frame, and so ends an unfinished one before it.
 * - An AIM symbology identifier at the beginning (`]Q1`, ISO/IEC 15424) is split off.
 * - Control characters between frames are noise. Inside a frame everything is kept as it came, NUL and spaces too: what
 *   they mean is for the code's format to say (base45 holds spaces; an ID card's text stops at a NUL).
 * - The whole frame is decoded as strict UTF-8; a byte order mark at its beginning is dropped.
 */
export function createFramer(options: FramerOptions): Framer {
  return new ByteFramer(options.tabEnds);
}

class ByteFramer implements Framer {
  readonly #tabEnds: boolean;
  readonly #frame = new Uint8Array(frameBytesMax);
  /** Bytes of the frame in hand, those that no longer fitted included. */
  #frameBytes = 0;
  /** Runs over a frame that is too long; null as long as the frame fits. */
  #overlong: Digest | null = null;
  #noiseBytes = 0;

  constructor(tabEnds: boolean) {
    this.#tabEnds = tabEnds;
  }

  push(chunk: Uint8Array): Framed[] {
    const out: Framed[] = [];
    for (const byte of chunk) {
      if (byte === startOfText || this.#isEnd(byte)) {
        this.#endFrame(out);
      } else if (this.#frameBytes === 0 && isControl(byte)) {
        this.#noiseBytes++;
        // A line that sends nothing but noise must still be noticed.
        if (this.#noiseBytes === frameBytesMax) this.#endNoise(out);
      } else {
        this.#keep(byte);
      }
    }
    return out;
  }

  idle(): Framed[] {
    const out: Framed[] = [];
    this.#endFrame(out);
    this.#endNoise(out);
    return out;
  }

  abandon(): Framed[] {
    const out: Framed[] = [];
    this.#noiseBytes += this.#frameBytes;
    this.#beginFrame();
    this.#endNoise(out);
    return out;
  }

  #isEnd(byte: number): boolean {
    if (byte === carriageReturn || byte === lineFeed || byte === endOfText) return true;
    return byte === tab && this.#tabEnds;
  }

  #keep(byte: number): void {
    if (this.#frameBytes < frameBytesMax) {
      this.#frame[this.#frameBytes] = byte;
    } else {
      this.#overlong ??= startDigest(this.#frame);
      this.#overlong.add(byte);
    }
    this.#frameBytes++;
  }

  #beginFrame(): void {
    this.#frameBytes = 0;
    this.#overlong = null;
  }

  #endFrame(out: Framed[]): void {
    if (this.#frameBytes === 0) return;
    this.#endNoise(out);
    out.push(
      this.#overlong === null
        ? readFrame(this.#frame.subarray(0, this.#frameBytes))
        : { type: 'discarded', reason: 'overlong', bytes: this.#frameBytes, digest: this.#overlong.text() },
    );
    this.#beginFrame();
  }

  #endNoise(out: Framed[]): void {
    if (this.#noiseBytes > 0) out.push({ type: 'noise', bytes: this.#noiseBytes });
    this.#noiseBytes = 0;
  }
}

function isControl(byte: number): boolean {
  return byte < space || byte === del;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readFrame(bytes: Uint8Array): Framed {
  const aimBytes = startsWithAim(bytes) ? 3 : 0;
  try {
    const text = utf8.decode(bytes.subarray(aimBytes));
    return { type: 'frame', text, aim: aimBytes === 0 ? null : String.fromCharCode(...bytes.subarray(0, aimBytes)) };
  } catch {
    return { type: 'discarded', reason: 'undecodable', bytes: bytes.length, digest: startDigest(bytes).text() };
  }
}

/** `]`, a letter for the symbology and a digit or letter that says how it was read. */
function startsWithAim([flag, symbology, modifier]: Uint8Array): boolean {
  return flag === 0x5d && isLetter(symbology) && (isLetter(modifier) || isDigit(modifier));
}

function isLetter(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

interface Digest {
  add(byte: number): void;
  /** 16 hexadecimal digits. */
  text(): string;
}

/**
 * FNV-1a, 64 bits (draft-eastlake-fnv), in two halves, because BigInt is too slow for a wire full of garbage. It tells
 * repeats apart from others and protects nothing: it must not be stored or logged where the frame itself may not be.
 */
function startDigest(bytes: Uint8Array): Digest {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  const add = (byte: number) => {
    low = (low ^ byte) >>> 0;
    // The prime is 2^40 + 0x1b3: a shift by 40 moves the low half into the high one, by 8.
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
    low = product >>> 0;
  };
  for (const byte of bytes) add(byte);
  return { add, text: () => high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0') };
}
