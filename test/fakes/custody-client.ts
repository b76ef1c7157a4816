/** An enrolled kiosk in memory: keeps every entry until its PUBACK, connects again and again, sends what is left. */
import { connect, type TLSSocket } from 'node:tls';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import type { Timer } from '../../shared/ports.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { entriesTopic } from '../../shared/topics.ts';
import { makeRows, type Row } from '../bench/rows.ts';
import { connectPacket, credentialsIn } from './kiosk-hello.ts';
import { until } from './until.ts';

/** How long it waits before it connects again, in milliseconds. A real kiosk is more patient. */
const reconnectMs = 50;

/** How long a connection may take to be made, in milliseconds; then another is tried. */
const connectTimeoutMs = 10_000;

const messageIdMax = 65_535;

export interface CustodyClientOptions {
  readonly kiosk: string;
  readonly port: number;
  /** The folder that `enrol` wrote. */
  readonly credentialsDir: string;
  /** Entries under way at once. */
  readonly windowMax: number;
  /** What it offers; made-up entries unless told otherwise. */
  readonly rows?: Iterator<Row, void>;
}

interface Waiting {
  readonly row: Row;
  readonly offeredMs: number;
}

/** Starts to connect when it is made; disposing it closes the connection. */
export class CustodyClient implements Disposable {
  /** The ids of all entries that it ever offered. */
  readonly offered = new Set<string>();
  /** The ids of those that the gateway has said it has. */
  readonly acknowledged = new Set<string>();
  /** How long the slowest PUBACK took from the moment its entry was offered, in milliseconds. */
  slowestMs = 0;
  /** Connections that ended, or were never made, since the last PUBACK. */
  lossesInARow = 0;
  /** CONNACKs. */
  connections = 0;
  /** Whether it makes a new entry whenever the window has room. */
  flooding = false;
  readonly #options: CustodyClientOptions;
  readonly #rows: Iterator<Row, void>;
  readonly #credentials: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  #queue: Waiting[] = [];
  #underWay = new Map<number, Waiting>();
  #messageId = 0;
  #socket: TLSSocket | null = null;
  #online = false;
  #timer: Timer | null = null;
  #disposed = false;

  constructor(options: CustodyClientOptions) {
    this.#options = options;
    this.#rows = options.rows ?? makeRows([options.kiosk], Number.POSITIVE_INFINITY);
    this.#credentials = credentialsIn(options.credentialsDir);
    this.#connect();
  }

  /** Entries that were offered and are not acknowledged. */
  get unacknowledged(): number {
    return this.#queue.length + this.#underWay.size;
  }

  get online(): boolean {
    return this.#online;
  }

  /** Makes so many new entries and sends them as the window allows. */
  offer(count: number): void {
    for (let made = 0; made < count; made++) this.#queue.push(this.#make());
    this.#send();
  }

  /** Keeps the window full of new entries until told otherwise. */
  flood(flooding: boolean): void {
    this.flooding = flooding;
    this.#send();
  }

  /** Drops the connection as a network would; it connects again. */
  drop(): void {
    this.#socket?.destroy();
  }

  /** Waits until so many entries are acknowledged. */
  acknowledges(count: number, deadlineMs: number): Promise<void> {
    const what = () => `${count} PUBACKs for ${this.#options.kiosk}, there are ${this.acknowledged.size}`;
    return until(what, deadlineMs, () => this.acknowledged.size >= count);
  }

  /** Stops flooding and waits until everything that was offered is acknowledged. */
  drains(deadlineMs: number): Promise<void> {
    this.flooding = false;
    const what = () => `PUBACKs for the last ${this.unacknowledged} entries of ${this.#options.kiosk}`;
    return until(what, deadlineMs, () => this.unacknowledged === 0);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#socket?.destroy();
  }

  #make(): Waiting {
    const { value: row } = this.#rows.next();
    if (row === undefined) throw new Error('rows do not end');
    this.offered.add(row.id);
    return { row, offeredMs: systemClock.monotonicMs() };
  }

  #connect(): void {
    const socket = connect({
      host: '127.0.0.1',
      port: this.#options.port,
      servername: gatewayServerName,
      minVersion: 'TLSv1.3',
      ...this.#credentials,
    });
    this.#socket = socket.setNoDelay(true);
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on('packet', (packet: Packet) => this.#heard(packet));
    socket.on('data', (chunk: Buffer) => void parser.parse(chunk));
    socket.on('error', () => undefined);
    socket.once('secureConnect', () => {
      socket.write(mqttPacket.generate(connectPacket(this.#options.kiosk, 300)));
    });
    socket.once('close', () => this.#lost());
    this.#timer = systemClock.after(connectTimeoutMs, () => socket.destroy());
  }

  #lost(): void {
    this.#timer?.[Symbol.dispose]();
    this.#online = false;
    this.lossesInARow += 1;
    this.#queue = [...this.#underWay.values(), ...this.#queue];
    this.#underWay = new Map();
    if (!this.#disposed) this.#timer = systemClock.after(reconnectMs, () => this.#connect());
  }

  #heard(packet: Packet): void {
    if (packet.cmd === 'connack' && packet.returnCode === 0) {
      this.#timer?.[Symbol.dispose]();
      this.#online = true;
      this.connections += 1;
    } else if (packet.cmd === 'puback') {
      this.#acknowledge(packet.messageId ?? 0);
    }
    this.#send();
  }

  #acknowledge(messageId: number): void {
    const waiting = this.#underWay.get(messageId);
    if (waiting === undefined) throw new Error(`a PUBACK for message ${messageId}, which is not under way`);
    this.#underWay.delete(messageId);
    this.acknowledged.add(waiting.row.id);
    this.lossesInARow = 0;
    this.slowestMs = Math.max(this.slowestMs, systemClock.monotonicMs() - waiting.offeredMs);
  }

  #send(): void {
    const { windowMax, kiosk } = this.#options;
    while (this.#online && this.#underWay.size < windowMax) {
      const waiting = this.#queue.shift() ?? (this.flooding ? this.#make() : undefined);
      if (waiting === undefined) return;
      this.#messageId = (this.#messageId % messageIdMax) + 1;
      this.#underWay.set(this.#messageId, waiting);
      this.#socket?.write(
        mqttPacket.generate({
          cmd: 'publish',
          topic: entriesTopic(kiosk),
          payload: waiting.row.body,
          qos: 1,
          messageId: this.#messageId,
          dup: false,
          retain: false,
        }),
      );
    }
  }
}
