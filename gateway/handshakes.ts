/**
 * Whoever is at the door and has not proved yet who it is. Strangers can open connections as fast as they like, so what
 * they cost is bounded here: memory, the turns of the event loop that kiosks wait for, and room for the next kiosk.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../shared/ports.ts';
import type { BrokerLimits } from './broker-limits.ts';

/** How far a peer has come. `silent`: it has said nothing. `waiting`: it has, and waits for its turn. `begun`: TLS has its socket. */
type Stage = 'silent' | 'waiting' | 'begun';

interface Peer {
  readonly socket: Socket;
  readonly address: string;
  readonly timeout: Timer;
  stage: Stage;
  beganMs: number;
}

export interface HandshakesOptions {
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  /** Begins TLS on a socket. What was read from it already is still in its buffer. */
  readonly begin: (socket: Socket) => void;
  /** Hears that a peer from this address had to go to make room. */
  readonly onCrowded: (address: string) => void;
}

/** The handshakes under way, oldest first. */
export class Handshakes {
  readonly #options: HandshakesOptions;
  readonly #peers = new Map<string, Peer>();
  #turn: NodeJS.Immediate | null = null;
  #patience: Timer | null = null;

  constructor(options: HandshakesOptions) {
    this.#options = options;
  }

  /** Lets a peer try. One that is too many makes another go: see {@link BrokerLimits}. */
  add(socket: Socket): void {
    const key = keyOf(socket);
    // An error here is the peer's own, and its end is all there is to do about it.
    socket.on('error', () => undefined);
    if (key === null) return void socket.destroy();
    const { clock, limits } = this.#options;
    const timeout = clock.after(limits.handshakeTimeoutMs, () => socket.destroy());
    const peer: Peer = { socket, address: socket.remoteAddress ?? '', timeout, stage: 'silent', beganMs: 0 };
    this.#peers.set(key, peer);
    socket.once('close', () => this.#forget(key, peer));
    socket.once('readable', () => {
      peer.stage = 'waiting';
      this.#beginSoon();
    });
    this.#makeRoom(peer);
  }

  /** The peer on this connection has proved who it is, and counts no more. */
  finish(socket: Socket): void {
    const key = keyOf(socket);
    const peer = key === null ? undefined : this.#peers.get(key);
    if (key !== null && peer !== undefined) this.#forget(key, peer);
  }

  /** Closes them all. */
  close(): void {
    for (const { socket } of this.#peers.values()) socket.destroy();
  }

  #forget(key: string, peer: Peer): void {
    if (this.#peers.get(key) !== peer) return;
    peer.timeout[Symbol.dispose]();
    this.#peers.delete(key);
    this.#beginSoon();
  }

  #makeRoom(newcomer: Peer): void {
    const { handshakesMax, handshakesPerAddressMax } = this.#options.limits;
    // What the newcomer says has not been read yet, so it would look silent.
    const others = [...this.#peers.values()].filter((peer) => peer !== newcomer);
    const own = others.filter(({ address }) => address === newcomer.address);
    if (own.length >= handshakesPerAddressMax) this.#drop(own);
    else if (others.length >= handshakesMax) this.#drop(others);
  }

  /** Of several peers the oldest that has said nothing goes, or else the oldest: a kiosk speaks at once and is soon done. */
  #drop(peers: readonly Peer[]): void {
    const victim = peers.find(({ stage }) => stage === 'silent') ?? peers[0];
    if (victim === undefined) return;
    this.#options.onCrowded(victim.address);
    victim.socket.destroy();
  }

  /** A few a turn of the event loop, because each takes a millisecond or two that all kiosks wait for. */
  #beginSoon(): void {
    if (this.#turn !== null) return;
    this.#turn = setImmediate(() => {
      this.#turn = null;
      this.#beginSome();
    });
  }

  #beginSome(): void {
    const { limits, clock, begin } = this.#options;
    this.#patience?.[Symbol.dispose]();
    for (let count = 0; count < limits.handshakesPerTurnMax; count++) {
      const next = this.#next();
      if (next === null) return;
      if (!this.#hasRoom()) return;
      next.stage = 'begun';
      next.beganMs = clock.monotonicMs();
      begin(next.socket);
    }
    this.#beginSoon();
  }

  /** The oldest that waits, of the address that has the fewest under way: who comes in crowds waits for its own crowd. */
  #next(): Peer | null {
    const begun = new Map<string, number>();
    const waiting: Peer[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.socket.destroyed) continue;
      if (peer.stage === 'begun') begun.set(peer.address, (begun.get(peer.address) ?? 0) + 1);
      if (peer.stage === 'waiting') waiting.push(peer);
    }
    const crowdOf = ({ address }: Peer) => begun.get(address) ?? 0;
    return waiting.reduce<Peer | null>(
      (best, peer) => (best === null || crowdOf(peer) < crowdOf(best) ? peer : best),
      null,
    );
  }

  /** Whether one more may begin; if not, one that has kept others waiting for too long goes, now or when its time is up. */
  #hasRoom(): boolean {
    const { limits, clock } = this.#options;
    const begun = [...this.#peers.values()].filter(({ stage, socket }) => stage === 'begun' && !socket.destroyed);
    if (begun.length < limits.handshakesBegunMax) return true;
    const leftMs = (begun[0]?.beganMs ?? 0) + limits.handshakePatienceMs - clock.monotonicMs();
    if (leftMs <= 0) this.#drop(begun);
    this.#patience = clock.after(Math.max(leftMs, 0), () => this.#beginSoon());
    return false;
  }
}

/** Tells connections apart; null for one that is already gone. */
function keyOf({ remoteAddress, remotePort }: Socket): string | null {
  return remoteAddress === undefined || remotePort === undefined ? null : `${remoteAddress} ${remotePort}`;
}
