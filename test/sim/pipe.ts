/** One way of a simulated connection, and what can become of the bytes on it. */
import type { Duplex } from 'node:stream';
import type { SimProcess } from './machine.ts';
import type { Timeline } from './timeline.ts';

/** The way from one kiosk to the gateway, as it is now. */
export interface Line {
  /** What becomes of a new connection: `silent` swallows it, so that it neither opens nor fails. */
  mode: 'open' | 'refused' | 'silent';
  latencyMs: number;
  bytesPerS: number;
}

export const goodLine: Readonly<Line> = { mode: 'open', latencyMs: 2, bytesPerS: 1_000_000 };

interface Packet {
  readonly dueMs: number;
  chunks: Uint8Array[];
}

/** One way of a connection: what goes in on one side comes out on the other, later, in order, or not at all. */
export class Pipe {
  readonly #timeline: Timeline;
  readonly #line: Line;
  #last: Packet | null = null;
  #freeMs = 0;
  #lastDueMs = 0;
  #delivered = 0;
  /** From now on nothing arrives. */
  swallowing = false;
  #cutAfterBytes: number | null = null;
  /** Whether the next PUBACK, and so everything behind it, is to be lost. */
  losesPuback = false;
  /** Whose the far side is. */
  owner: SimProcess | null = null;
  /** The wire's own end of the far pair. */
  out: Duplex | null = null;
  onCut: () => void = () => {};
  onPubackLost: () => void = () => {};
  onSwallowed: () => void = () => {};

  constructor(timeline: Timeline, line: Line) {
    this.#timeline = timeline;
    this.#line = line;
  }

  send(chunk: Uint8Array): void {
    const { latencyMs, bytesPerS } = this.#line;
    this.#freeMs = Math.max(this.#freeMs, this.#timeline.nowMs) + (chunk.byteLength * 1000) / bytesPerS;
    const dueMs = Math.max(Math.ceil(this.#freeMs + latencyMs), this.#lastDueMs);
    if (this.#last !== null && this.#last.dueMs === dueMs) {
      this.#last.chunks.push(chunk);
      return;
    }
    const packet: Packet = { dueMs, chunks: [chunk] };
    this.#last = packet;
    this.#at(dueMs, () => {
      if (this.#last === packet) this.#last = null;
      this.#deliver(Buffer.concat(packet.chunks));
    });
  }

  /** What a side says without bytes (that it ends, that it is gone) arrives behind them. */
  tell(action: () => void): void {
    this.#last = null;
    this.#at(Math.max(Math.ceil(this.#timeline.nowMs + this.#line.latencyMs), this.#lastDueMs), () => {
      if (!this.swallowing) action();
    });
  }

  #at(dueMs: number, callback: () => void): void {
    this.#lastDueMs = dueMs;
    this.#timeline.after(dueMs - this.#timeline.nowMs, this.owner, callback);
  }

  #deliver(bytes: Uint8Array): void {
    if (this.swallowing) {
      this.onSwallowed();
      return;
    }
    const puback = this.losesPuback ? findPuback(bytes) : null;
    if (puback !== null) {
      this.#write(bytes.subarray(0, puback));
      this.swallowing = true;
      this.onPubackLost();
      return;
    }
    const room = this.#cutAfterBytes === null ? Number.POSITIVE_INFINITY : this.#cutAfterBytes - this.#delivered;
    this.#write(bytes.subarray(0, Math.min(room, bytes.byteLength)));
    this.#delivered += bytes.byteLength;
    if (bytes.byteLength < room) return;
    this.#cutAfterBytes = null;
    this.swallowing = true;
    this.onCut();
  }

  /** Breaks the connection when `bytes` more have arrived. */
  cutAfter(bytes: number): void {
    this.#cutAfterBytes = this.#delivered + bytes;
  }

  #write(bytes: Uint8Array): void {
    if (bytes.byteLength > 0 && this.out !== null && !this.out.destroyed && !this.out.writableEnded)
      this.out.write(bytes);
  }
}

/** Where the first PUBACK [MQTT-3.4.1] among whole packets begins; null where there is none. */
function findPuback(bytes: Uint8Array): number | null {
  for (let at = 0; at < bytes.byteLength; ) {
    if ((bytes[at] ?? 0) >> 4 === 4) return at;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[++at] ?? 0;
      length |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0 || shift >= 21) break;
    }
    at += 1 + length;
  }
  return null;
}
