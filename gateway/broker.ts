/** The MQTT broker: who may connect and what each may say. A PUBACK goes out only when the intake has the entry on disk. */
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Aedes, AedesOptions, Client, ConnectPacket, PublishPacket } from 'aedes';
import { describeError } from '../shared/fault.ts';
import { within } from '../shared/time.ts';
import { maySubscribe, siteTopic } from '../shared/topics.ts';
import { Announcements } from './announcements.ts';
import { type BrokerLimits, brokerLimits } from './broker-limits.ts';
import type { BrokerOptions, MqttOptions } from './broker-options.ts';
import { warnOfFewDescriptors } from './few-descriptors.ts';
import { ConnectionTable, KioskConnection, readState } from './kiosk-connection.ts';
import { LeanAedes } from './lean-aedes.ts';
import { QuestionDesk } from './question-desk.ts';
import { SparseLog } from './sparse-log.ts';
import { listenTls } from './tls-listener.ts';
import type { GatewayCredentials } from './trust/authority.ts';
import { UnderWay } from './under-way.ts';

/** A broker without a network: connections are handed to it. Disposing lets what is being committed finish. */
export interface MqttBroker extends AsyncDisposable {
  /** Serves MQTT 3.1.1 on a stream to a kiosk that has proved who it is. */
  handle(stream: Duplex, kiosk: string): void;
  /** How many connections there are. */
  readonly connections: number;
  /** What is said to kiosks and retained. */
  readonly announcements: Announcements;
}

export interface Broker extends MqttBroker {
  /** The port it listens on. */
  readonly port: number;
  /** Shows another certificate from now on; connections that stand are not touched. */
  renew(credentials: GatewayCredentials): void;
}

/** Starts a broker that listens for kiosks with mutual TLS. Throws the Fault LISTEN_FAILED. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const limits = { ...brokerLimits, ...options.limits };
  const { host, log } = options;
  await using started = new AsyncDisposableStack();
  const mqtt = started.use(await startMqtt(options));
  const onKiosk = (stream: Duplex, kiosk: string) => mqtt.handle(stream, kiosk);
  const listener = started.use(await listenTls({ ...options, onKiosk, limits }));
  log.info('broker.listening', { host, port: listener.port });
  warnOfFewDescriptors(limits, log);
  const parts = started.move();
  return {
    port: listener.port,
    renew: (renewed) => listener.renew(renewed),
    handle: (stream, kiosk) => mqtt.handle(stream, kiosk),
    get connections() {
      return mqtt.connections;
    },
    announcements: mqtt.announcements,
    async [Symbol.asyncDispose]() {
      listener.stopListening();
      await mqtt[Symbol.asyncDispose]();
      await parts.disposeAsync();
    },
  };
}

/** Starts a broker without a network. */
export async function startMqtt(options: MqttOptions): Promise<MqttBroker> {
  const broker = new AedesBroker(options);
  await broker.start();
  return broker;
}

/** The same trouble with the same kiosk is logged this often, in milliseconds. */
const repeatLogMs = 60_000;

class AedesBroker implements MqttBroker {
  readonly announcements: Announcements;
  readonly #options: MqttOptions;
  readonly #limits: BrokerLimits;
  readonly #aedes: Aedes;
  readonly #sparse: SparseLog;
  readonly #desk: QuestionDesk;
  readonly #table = new ConnectionTable();
  readonly #byStream = new WeakMap<object, KioskConnection>();
  /** Entries that are being committed. */
  readonly #commits = new UnderWay();
  #stopped: Promise<void> | null = null;

  constructor(options: MqttOptions) {
    this.#options = options;
    this.#limits = { ...brokerLimits, ...options.limits };
    this.#sparse = new SparseLog(options.clock, options.log, repeatLogMs);
    this.#desk = new QuestionDesk(options);
    this.#aedes = new LeanAedes(this.#aedesOptions());
    this.announcements = new Announcements(
      (packet, done) => this.#aedes.publish({ cmd: 'publish', qos: 1, retain: true, dup: false, ...packet }, done),
      () => this.#table.kiosks(),
    );
    // The limit is on those that a connection has at once.
    this.#aedes.on('unsubscribe', (filters, client) => {
      for (const filter of filters) this.#connectionOf(client)?.filters.delete(filter);
    });
    this.#aedes.on('clientError', (client, error) => this.#noteError(client, error));
    this.#aedes.on('connectionError', (client, error) => this.#noteError(client, error));
    // Not in aedes' types: what its in-memory persistence and its sweep of old wills have to complain about.
    (this.#aedes as NodeJS.EventEmitter).on('error', (error) => {
      options.log.warn('broker.error', { error: describeError(error) });
    });
  }

  #aedesOptions(): AedesOptions {
    return {
      connectTimeout: this.#limits.connectTimeoutMs,
      drainTimeout: this.#limits.drainTimeoutMs,
      keepaliveLimit: this.#limits.keepaliveSecondsMax,
      // MQTT 3.1 allows 23 characters, which our prefix may exceed; the CONNECT packet's own limit bounds it.
      maxClientsIdLength: this.#limits.connectBytesMax,
      preConnect: (client, packet, done) => {
        const problem = this.#prepare(client, packet);
        // Refused by an error: after a plain `false` aedes would leave the connection open, without any time-out.
        done(problem === null ? null : new Error(problem), problem === null);
      },
      authenticate: (client, _username, _password, done) => {
        this.#connectionOf(client)?.guard.accept();
        done(null, true);
      },
      authorizePublish: (client, packet, done) => {
        const verdict = this.#judgePublish(client, packet);
        if (verdict instanceof Promise) this.#answerLater(verdict, done);
        else done(verdict);
      },
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#maySubscribe(client, subscription.topic) ? subscription : null);
      },
      authorizeForward: (client, packet) => (this.#mayForward(client) ? packet : null),
    };
  }

  async start(): Promise<void> {
    await this.#aedes.listen();
    await this.announcements.retain(
      siteTopic,
      Buffer.from(JSON.stringify(this.#desk.addNames(this.#options.siteNotice))),
    );
  }

  get connections(): number {
    return this.#table.count;
  }

  handle(stream: Duplex, kiosk: string): void {
    if (this.#stopped !== null) return void stream.destroy();
    const connection = new KioskConnection(kiosk, stream, this.#limits, () => this.#stopped !== null);
    this.#byStream.set(stream, connection);
    const surplus = this.#table.add(connection, this.#limits.connectionsPerKioskMax);
    stream.once('close', () => {
      this.#table.delete(connection);
      this.#options.log.info('broker.disconnected', { kiosk, reason: connection.endReason ?? 'closed by the kiosk' });
    });
    this.#options.log.info('broker.connected', { kiosk });
    this.announcements.welcome(kiosk);
    this.#aedes.handle(stream);
    surplus?.end('too many connections of this kiosk');
  }

  #connectionOf(client: Client | null): KioskConnection | undefined {
    return client === null ? undefined : this.#byStream.get(client.conn);
  }

  #noteError(client: Client, error: Error): void {
    const connection = this.#connectionOf(client);
    if (connection !== undefined) connection.endReason ??= describeError(error);
  }

  /** What a broken kiosk does, it does again and again: logged once a minute. */
  #warn(event: string, { kiosk }: KioskConnection, fields: Record<string, unknown>): void {
    this.#sparse.write('warn', event, kiosk, { kiosk, ...fields });
  }

  /** Makes a CONNECT packet fit our rules before aedes acts on it. Returns why it is refused, or null. */
  #prepare(client: Client, packet: ConnectPacket): string | null {
    const connection = this.#connectionOf(client);
    if (connection === undefined) return 'unknown connection';
    // Ids live in the kiosk's own room, so that none can push another out by using its id [MQTT-3.1.4-2].
    packet.clientId = `${connection.kiosk}/${packet.clientId || randomUUID()}`;
    // A session that outlives its connection would be memory that a kiosk can fill.
    packet.clean = true;
    if (packet.will === undefined) return null;
    if (packet.will.topic !== connection.stateTopic) return 'last will on a foreign topic';
    packet.will.qos = 0;
    connection.will = readState(Buffer.from(packet.will.payload), this.#limits.stateBytesMax);
    if (connection.will !== null) return null;
    delete packet.will;
    this.#warn('broker.will-invalid', connection, {});
    return null;
  }

  /** Null lets a packet through, an error disconnects; a promise holds the PUBACK until it is settled. */
  #judgePublish(client: Client | null, packet: PublishPacket): Promise<void> | Error | null {
    const connection = this.#connectionOf(client);
    if (client === null || connection === undefined) return new Error('published by nobody');
    // A last will is the only packet that never was a PUBLISH on the wire.
    if (packet.cmd === undefined) return this.#checkWill(client, connection);
    if (packet.qos === 2) return new Error('QoS 2 is not served');
    if (packet.topic === connection.entriesTopic) return this.#takeEntry(connection, packet);
    if (packet.topic === connection.stateTopic) return this.#takeState(connection, packet);
    if (this.#desk.take(connection.kiosk, packet, client)) return null;
    this.#warn('broker.topic-denied', connection, { topic: packet.topic.slice(0, 200) });
    return new Error('published on a foreign topic');
  }

  #takeEntry(connection: KioskConnection, packet: PublishPacket): Promise<void> {
    packet.retain = false;
    return this.#options.accept(connection, connection.kiosk, toBytes(packet.payload));
  }

  /** Lets the PUBACK out when the entry is kept. Called for every entry, so it makes no promise more than it must. */
  #answerLater(kept: Promise<void>, done: (error?: Error) => void): void {
    this.#commits.begin();
    kept.then(
      () => {
        done();
        this.#commits.end();
      },
      (error: unknown) => {
        // The PUBACKs of what was kept before are corked until the next tick; the error would end the connection without them.
        setImmediate(() => {
          done(new Error(`entry not kept: ${describeError(error)}`));
          this.#commits.end();
        });
      },
    );
  }

  /** A state that cannot be read is acknowledged, or the kiosk would send it for ever, but not kept. */
  #takeState(connection: KioskConnection, packet: PublishPacket): null {
    const state = readState(toBytes(packet.payload), this.#limits.stateBytesMax);
    if (state !== null) {
      this.#options.onState(connection.kiosk, state);
      return null;
    }
    packet.retain = false;
    this.#warn('broker.state-invalid', connection, { bytes: packet.payload.length });
    return null;
  }

  /** Publishes a will only when it is true: its connection ended by itself, and the kiosk has not come back since. */
  #checkWill(client: Client, connection: KioskConnection): Error | null {
    if (this.#stopped !== null) return new Error('the gateway stops, the kiosk does not');
    // aedes takes its own broker for dead when the wall clock jumps, and would publish the wills of the living.
    if (!client.closed) return new Error('the kiosk is connected');
    if (this.#table.isSuperseded(connection)) return new Error('the kiosk came back meanwhile');
    if (connection.will !== null) this.#options.onState(connection.kiosk, connection.will);
    return null;
  }

  #maySubscribe(client: Client, filter: string): boolean {
    const connection = this.#connectionOf(client);
    if (connection === undefined) return false;
    const { filters, kiosk } = connection;
    const isRoom = filters.has(filter) || filters.size < this.#limits.filtersPerConnectionMax;
    if (isRoom && maySubscribe(kiosk, filter)) {
      filters.add(filter);
      return true;
    }
    this.#warn('broker.filter-denied', connection, { filter: filter.slice(0, 200) });
    return false;
  }

  /**
   * Who does not read is closed rather than waited for: aedes delivers to at most 100 at a time, so a few such readers
   * would hold up every kiosk. It finds what is retained on its return.
   */
  #mayForward(client: Client): boolean {
    const connection = this.#connectionOf(client);
    if (connection === undefined) return false;
    if (!connection.stream.writableNeedDrain) return true;
    connection.end('does not read what it is sent');
    return false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Reads nothing more (see `handle`), lets commits finish, sends their PUBACKs, then closes. */
  async #stop(): Promise<void> {
    const { clock, log } = this.#options;
    const committed = await within(clock, this.#limits.stopTimeoutMs, this.#commits.idle());
    if (!committed.inTime) log.warn('broker.stopped-early', { pending: this.#commits.count });
    const sent = [...this.#table].map((connection) => connection.finishWriting());
    await within(clock, this.#limits.stopTimeoutMs, Promise.all(sent));
    for (const connection of this.#table) connection.end('the gateway stops');
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }
}

function toBytes(payload: string | Buffer): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
