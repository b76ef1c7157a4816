/**
 * The network between kiosks and gateway. Each connection is two `duplexPair`s with a wire between them that takes time,
 * and that can be cut at any byte, swallow what it is given, or crawl.
 */
import { type Duplex, duplexPair } from 'node:stream';
import type { Chance } from '../../shared/ports.ts';
import type { SimProcess } from './machine.ts';
import { goodLine, type Line, Pipe } from './pipe.ts';
import type { Timeline } from './timeline.ts';

/** Who listens at the gateway. */
export interface Listener {
  readonly process: SimProcess;
  accept(stream: Duplex, kiosk: string): void;
}

/** One connection, from dialling to the time when neither side has it any more. */
export class SimConnection {
  readonly kiosk: string;
  private readonly up: Pipe;
  private readonly down: Pipe;
  readonly kioskEnd: Duplex;
  readonly #timeline: Timeline;
  #gatewayEnd: Duplex | null = null;
  readonly #onOver: () => void;
  /** Chunks that the kiosk wrote before the gateway had the connection. */
  #early: (() => void)[] | null = [];
  readonly #kioskProcess: SimProcess;

  constructor(timeline: Timeline, line: Line, process: SimProcess, kiosk: string, onOver: () => void) {
    this.#timeline = timeline;
    this.kiosk = kiosk;
    this.#kioskProcess = process;
    this.#onOver = onOver;
    this.up = new Pipe(timeline, line);
    this.down = new Pipe(timeline, line);
    const [kioskEnd, wire] = duplexPair();
    this.kioskEnd = kioskEnd;
    this.down.owner = process;
    this.down.out = wire;
    kioskEnd.once('close', () => {
      this.#sendUp(() => this.up.tell(() => this.#gatewayEnd?.destroy()));
      this.#over();
    });
    this.#read(
      wire,
      (chunk) => this.#sendUp(() => this.up.send(chunk)),
      () => this.#sendUp(() => this.up.tell(() => this.up.out?.end())),
    );
  }

  /** Whether the kiosk still holds it. */
  get isOpen(): boolean {
    return !this.kioskEnd.destroyed && this.#kioskProcess.alive;
  }

  /** Whether it has reached the gateway. */
  get isThrough(): boolean {
    return this.#gatewayEnd !== null;
  }

  belongsTo(process: SimProcess): 'kiosk' | 'gateway' | null {
    if (this.down.owner === process) return 'kiosk';
    return this.up.owner === process ? 'gateway' : null;
  }

  /** The gateway has it: hands it over, and with it what the kiosk has written meanwhile. */
  open(listener: Listener): void {
    const [gatewayEnd, wire] = duplexPair();
    this.#gatewayEnd = gatewayEnd;
    this.up.owner = listener.process;
    this.up.out = wire;
    gatewayEnd.once('close', () => this.down.tell(() => this.kioskEnd.destroy()));
    this.#read(
      wire,
      (chunk) => this.down.send(chunk),
      () => this.down.tell(() => this.down.out?.end()),
    );
    listener.accept(gatewayEnd, this.kiosk);
    const early = this.#early ?? [];
    this.#early = null;
    for (const send of early) send();
  }

  /** Both sides learn at once that it is gone. */
  reset(): void {
    this.resetKiosk('ECONNRESET');
    const gatewayEnd = this.#gatewayEnd;
    if (gatewayEnd !== null)
      this.#timeline.after(0, this.up.owner, () => gatewayEnd.destroy(networkError('ECONNRESET')));
  }

  /** The kiosk alone learns that it is gone. */
  resetKiosk(code: string): void {
    this.#timeline.after(0, this.#kioskProcess, () => this.kioskEnd.destroy(networkError(code)));
    this.up.swallowing = true;
  }

  /** The gateway alone learns that it is gone. */
  resetGateway(): void {
    const gatewayEnd = this.#gatewayEnd;
    if (gatewayEnd !== null)
      this.#timeline.after(0, this.up.owner, () => gatewayEnd.destroy(networkError('ECONNRESET')));
    this.down.swallowing = true;
  }

  /** Half open: what is sent this way is lost, and nobody learns anything. @param onLost the first bytes were lost. */
  swallow(way: 'up' | 'down', onLost: () => void = () => {}): void {
    this[way].swallowing = true;
    this[way].onSwallowed = once(onLost);
  }

  /** Breaks when `bytes` more have arrived this way. */
  cutAfter(way: 'up' | 'down', bytes: number, onCut: () => void): void {
    this[way].onCut = () => {
      onCut();
      this.reset();
    };
    this[way].cutAfter(bytes);
  }

  /** The gateway's next PUBACK is lost, and everything behind it. */
  losePuback(onLost: () => void): void {
    this.down.losesPuback = true;
    this.down.onPubackLost = onLost;
  }

  #sendUp(send: () => void): void {
    if (this.#early === null) send();
    else this.#early.push(send);
  }

  #read(wire: Duplex, onChunk: (chunk: Uint8Array) => void, onEnd: () => void): void {
    wire.on('data', onChunk);
    wire.once('end', onEnd);
    wire.on('error', () => {});
  }

  #over(): void {
    this.#onOver();
  }
}

export class SimNetwork {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #lines = new Map<string, Line>();
  readonly #connections = new Set<SimConnection>();
  #listener: Listener | null = null;
  /** What waits for a kiosk's next connection. */
  readonly #awaited = new Map<string, ((connection: SimConnection) => void)[]>();

  constructor(timeline: Timeline, chance: Chance) {
    this.#timeline = timeline;
    this.#chance = chance;
  }

  /** The way of a kiosk, to be changed at will. */
  line(kiosk: string): Line {
    const line = this.#lines.get(kiosk) ?? { ...goodLine };
    this.#lines.set(kiosk, line);
    return line;
  }

  /** Connections that a kiosk holds, the newest last. */
  connectionsOf(kiosk: string): readonly SimConnection[] {
    return [...this.#connections].filter((connection) => connection.kiosk === kiosk && connection.isOpen);
  }

  /** Does something with a kiosk's connection: the one it has, or the next that opens. */
  withConnection(kiosk: string, action: (connection: SimConnection) => void): void {
    const connection = this.connectionsOf(kiosk).at(-1);
    if (connection?.isThrough === true) action(connection);
    else this.#awaited.set(kiosk, [...(this.#awaited.get(kiosk) ?? []), action]);
  }

  /** Nothing waits for a connection any more. */
  forgetAwaited(): void {
    this.#awaited.clear();
  }

  /** From now on this is the gateway; null: nobody listens there. */
  listen(listener: Listener | null): void {
    this.#listener = listener;
  }

  /** For the kiosk's link. */
  dial(process: SimProcess, kiosk: string): Duplex {
    const line = this.line(kiosk);
    const connection: SimConnection = new SimConnection(this.#timeline, line, process, kiosk, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
    if (line.mode === 'silent') return connection.kioskEnd;
    const listener = line.mode === 'refused' ? null : this.#listener;
    const arriveMs = line.latencyMs + Math.floor(this.#chance.fraction() * 3);
    this.#timeline.after(arriveMs, listener?.process ?? null, () => {
      if (listener === null) connection.resetKiosk('ECONNREFUSED');
      else if (!connection.kioskEnd.destroyed) {
        connection.open(listener);
        const actions = this.#awaited.get(kiosk) ?? [];
        this.#awaited.delete(kiosk);
        for (const action of actions) action(connection);
      }
    });
    return connection.kioskEnd;
  }

  /** A process ended. `reset`: its kernel closes its connections. `silent`: power is gone, nobody is told. */
  died(process: SimProcess, how: 'reset' | 'silent'): void {
    if (this.#listener?.process === process) this.#listener = null;
    for (const connection of [...this.#connections]) {
      const side = connection.belongsTo(process);
      if (side === 'kiosk') {
        if (how === 'reset') connection.resetGateway();
        else connection.swallow('up');
        this.#connections.delete(connection);
      } else if (side === 'gateway') {
        if (how === 'reset') connection.resetKiosk('ECONNRESET');
        else connection.swallow('down');
      }
    }
  }
}

function once(callback: () => void): () => void {
  let called = false;
  return () => {
    if (!called) callback();
    called = true;
  };
}

function networkError(code: string): Error {
  return Object.assign(new Error(`read ${code}`), { code });
}
