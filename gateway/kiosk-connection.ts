/** What the gateway knows of one connection, whatever it runs over. */
import { type Duplex, finished } from 'node:stream';
import { type KioskState, kioskStateSchema } from '../shared/entry.ts';
import { entriesTopic, stateTopic } from '../shared/topics.ts';
import type { BrokerLimits } from './broker-limits.ts';
import { PacketGuard } from './packet-guard.ts';

/** One connection of a kiosk that has proved who it is. From its making on, no packet over the limits is read from it. */
export class KioskConnection {
  readonly kiosk: string;
  readonly stream: Duplex;
  readonly guard: PacketGuard;
  readonly entriesTopic: string;
  readonly stateTopic: string;
  /** When it was made, by the gateway's monotonic clock, in milliseconds. */
  openedMs = 0;
  /** Counts up with each connection. */
  order = 0;
  /** The topic filters that it has asked for and not given back. */
  readonly filters = new Set<string>();
  /** What it said at CONNECT that is to be its state when it vanishes. */
  will: KioskState | null = null;
  /** Why it ended, as far as is known; the first reason is the true one. */
  endReason: string | null = null;
  readonly #isPaused: () => boolean;

  /** @param isPaused while it says so, bytes stay unread. */
  constructor(kiosk: string, stream: Duplex, limits: BrokerLimits, isPaused: () => boolean) {
    this.kiosk = kiosk;
    this.stream = stream;
    this.guard = new PacketGuard(limits);
    this.entriesTopic = entriesTopic(kiosk);
    this.stateTopic = stateTopic(kiosk);
    this.#isPaused = isPaused;
    this.#guardReads();
  }

  /** Closes the connection at once. */
  end(reason: string): void {
    this.endReason ??= reason;
    this.stream.destroy();
  }

  /** Says no more, and resolves when all that was said has been handed to the network. */
  finishWriting(): Promise<void> {
    return new Promise((resolve) => {
      finished(this.stream, { readable: false }, () => resolve());
      this.stream.end();
    });
  }

  /**
   * aedes has no limit on a packet's length and buffers all of it. It takes its bytes by calling `read` on the stream
   * and in no other way, so what that hands out is looked at first. A stream in between would cost a copy of every
   * queue and event; this costs one call for each 64 KiB.
   */
  #guardReads(): void {
    const read = this.stream.read.bind(this.stream);
    this.stream.read = (size?: number) => {
      // read(0) is how Node itself asks for more from the socket; it hands out nothing.
      if (size === 0) return read(0);
      if (this.#isPaused()) return null;
      const chunk: Buffer | null = read(size);
      if (chunk === null) return null;
      const problem = this.guard.push(chunk);
      if (problem === null) return chunk;
      this.end(problem);
      return null;
    };
  }
}

/** The connections there are, by kiosk. */
export class ConnectionTable {
  readonly #byKiosk = new Map<string, Set<KioskConnection>>();
  #count = 0;
  #order = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds a connection. Returns the kiosk's oldest when it now has more than `perKioskMax`. */
  add(connection: KioskConnection, perKioskMax: number): KioskConnection | null {
    connection.order = ++this.#order;
    const own = this.#byKiosk.get(connection.kiosk) ?? new Set();
    this.#byKiosk.set(connection.kiosk, own.add(connection));
    this.#count += 1;
    const [oldest] = own;
    return own.size > perKioskMax ? (oldest ?? null) : null;
  }

  delete(connection: KioskConnection): void {
    const own = this.#byKiosk.get(connection.kiosk);
    if (own?.delete(connection) !== true) return;
    this.#count -= 1;
    if (own.size === 0) this.#byKiosk.delete(connection.kiosk);
  }

  /**
   * Whether a kiosk came back over another connection, with a will of its own, since this one began. Then this one's
   * end says nothing about the kiosk: its last breath must not overwrite the state of the living.
   */
  isSuperseded(connection: KioskConnection): boolean {
    const others = this.#byKiosk.get(connection.kiosk) ?? [];
    return [...others].some((other) => other.order > connection.order && other.will !== null);
  }

  /** Those that have a connection. */
  kiosks(): Iterable<string> {
    return this.#byKiosk.keys();
  }

  *[Symbol.iterator](): Generator<KioskConnection> {
    for (const own of this.#byKiosk.values()) yield* own;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a kiosk's state; null when it is none. Never throws. */
export function readState(payload: Uint8Array, bytesMax: number): KioskState | null {
  if (payload.byteLength > bytesMax) return null;
  try {
    return kioskStateSchema.safeParse(JSON.parse(utf8.decode(payload))).data ?? null;
  } catch {
    return null;
  }
}
