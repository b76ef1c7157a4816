/**
 * Watches the lengths of MQTT packets as bytes arrive, before the broker's parser, which would buffer a packet of
 * 256 MB without a word. Pure: bytes in, a verdict out. Reads only the fixed header [MQTT-2.2].
 */

/** Why a connection must be closed. */
export type PacketProblem =
  /** The first packet is no CONNECT [MQTT-3.1.0-1]. */
  | 'not-connect'
  /** A packet announces more bytes than it may have. */
  | 'packet-too-long'
  /** More bytes before the CONNECT was accepted than that takes. */
  | 'too-much-before-connect'
  /** A length field of more than four bytes [MQTT-2.2.3]. */
  | 'malformed-length';

export interface PacketLimits {
  /** Before the CONNECT is accepted: the most bytes of one packet, and of everything together. */
  readonly connectBytesMax: number;
  /** Afterwards: the most bytes a packet's fixed header may announce. */
  readonly packetBytesMax: number;
}

const connectType = 1;

/** Follows one connection's bytes from packet to packet. */
export class PacketGuard {
  readonly #limits: PacketLimits;
  #accepted = false;
  #beforeConnectBytes = 0;
  #first = true;
  /** Bytes of the length field that were read; null: a packet's first byte is next. */
  #lengthBytes: number | null = null;
  #length = 0;
  /** Bytes of the current packet that are still to come. */
  #rest = 0;

  constructor(limits: PacketLimits) {
    this.#limits = limits;
  }

  /** From now on the limits for an accepted client hold. */
  accept(): void {
    this.#accepted = true;
  }

  /** Looks at the next bytes of the stream. After a problem the connection must be closed; further calls mean nothing. */
  push(chunk: Uint8Array): PacketProblem | null {
    if (!this.#accepted) {
      this.#beforeConnectBytes += chunk.byteLength;
      // Its first byte may already tell what it is, which is the better answer.
      if (this.#beforeConnectBytes > this.#limits.connectBytesMax)
        return this.#read(chunk) ?? 'too-much-before-connect';
    }
    return this.#read(chunk);
  }

  #read(chunk: Uint8Array): PacketProblem | null {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#rest > 0) {
        const skipped = Math.min(this.#rest, chunk.byteLength - at);
        this.#rest -= skipped;
        at += skipped;
        continue;
      }
      const problem = this.#readHeader(chunk[at] ?? 0);
      if (problem !== null) return problem;
      at += 1;
    }
    return null;
  }

  /** One byte of a fixed header: type and flags, then a length of 1 to 4 bytes, 7 bits each, lowest first. */
  #readHeader(byte: number): PacketProblem | null {
    if (this.#lengthBytes === null) {
      if (this.#first && byte >> 4 !== connectType) return 'not-connect';
      this.#first = false;
      this.#lengthBytes = 0;
      this.#length = 0;
      return null;
    }
    this.#length += (byte & 0x7f) << (7 * this.#lengthBytes);
    this.#lengthBytes += 1;
    const max = this.#accepted ? this.#limits.packetBytesMax : this.#limits.connectBytesMax;
    if (this.#length > max) return 'packet-too-long';
    if ((byte & 0x80) !== 0) return this.#lengthBytes === 4 ? 'malformed-length' : null;
    this.#lengthBytes = null;
    this.#rest = this.#length;
    return null;
  }
}
