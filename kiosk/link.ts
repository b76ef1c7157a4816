/**
 * The way from the outbox to the gateway over MQTT: one client object a connection, a small window of entries under way,
 * nothing published while not connected. mqtt.js's own queue and reconnecting lose messages, so neither is used.
 */
import type { Duplex } from 'node:stream';
import { type IClientOptions, MqttClient } from 'mqtt';
import { type KioskState, type SiteNotice, siteNoticeSchema } from '../shared/entry.ts';
import { describeError } from '../shared/fault.ts';
import type { Clock, Timer } from '../shared/ports.ts';
import { entriesTopic, siteTopic, stateTopic } from '../shared/topics.ts';
import { Asking } from './asking.ts';
import {
  type ConnectionEnd,
  type ConnectionEvents,
  cutOffReason,
  type GatewayConnection,
  GatewayLink,
  type Link,
  type LinkOptions,
  type LinkParts,
} from './gateway-link.ts';
import { type LinkLimits, linkLimits } from './link-limits.ts';
import type { SendWindow } from './send-window.ts';
import { StateReport } from './state-report.ts';

export type { Link, LinkOptions, LinkStatus } from './gateway-link.ts';

/** mqtt.js's own time-out of a connection is put out of the way; ours runs on the Clock port. The most setTimeout takes. */
const neverMs = 2 ** 31 - 1;

/** Makes a kiosk's link to its gateway; `run` starts it. */
export function createLink(options: LinkOptions): Link {
  const parts = { ...options, limits: { ...linkLimits, ...options.limits } };
  return new GatewayLink(parts, (window, events) => new MqttConnection(parts, window, events));
}

/** One connection from dialling to its end. Once it has ended, whatever its MQTT client still says is ignored. */
class MqttConnection implements GatewayConnection {
  readonly #parts: LinkParts;
  readonly #window: SendWindow;
  readonly #events: ConnectionEvents;
  readonly #ended = Promise.withResolvers<ConnectionEnd>();
  readonly #report: StateReport;
  readonly #asking: Asking;
  #client: MqttClient | null = null;
  #phase: 'connecting' | 'online' | 'stopping' | 'over' = 'connecting';
  #onlineSinceMs: number | null = null;
  #tookAnEntry = false;
  #saidOffline = false;
  /** Of connecting, of an entry's acknowledgement, or of stopping. */
  #deadline: Timer | null = null;

  constructor(parts: LinkParts, window: SendWindow, events: ConnectionEvents) {
    this.#parts = parts;
    this.#window = window;
    this.#events = events;
    const { clock, limits } = parts;
    this.#report = new StateReport(
      clock,
      limits,
      () => this.#tell({ v: 1, online: true, ...parts.state() }, () => this.#report.acknowledged()),
      () => this.#lose('the gateway did not acknowledge the state in time'),
    );
    this.#asking = new Asking({
      ...parts,
      timeoutMs: limits.askTimeoutMs,
      publish: (topic, payload) => void this.#client?.publish(topic, payload, { qos: 0 }, () => {}),
    });
    this.#deadline = clock.after(limits.connectTimeoutMs, () => this.#lose('the gateway did not answer in time'));
    try {
      this.#client = this.#open(parts.dial());
    } catch (error) {
      this.#lose(describeError(error));
    }
  }

  get ended(): Promise<ConnectionEnd> {
    return this.#ended.promise;
  }

  send(): void {
    const { outbox, clock, kiosk } = this.#parts;
    if (this.#phase !== 'online' || this.#window.room === 0) return;
    const rows = outbox.peek(this.#window.cursor, this.#window.room);
    for (const { seq, body } of this.#window.take(rows, clock.monotonicMs())) {
      this.#client?.publish(entriesTopic(kiosk), body, { qos: 1 }, (error) => {
        if (error || this.#phase === 'over') return;
        this.#tookAnEntry = true;
        this.#window.acknowledge(seq);
        this.#events.onAcknowledged();
        this.#hangUpWhenDone();
      });
    }
    if (this.#deadline === null) this.#watchOldest();
  }

  stateChanged(): void {
    this.#report.changed();
  }

  ask(question: string, payload: Uint8Array): Promise<Uint8Array | null> {
    return this.#phase === 'online' ? this.#asking.ask(question, payload) : Promise.resolve(null);
  }

  stop(): void {
    const { clock, limits } = this.#parts;
    if (this.#phase !== 'online') {
      this.#lose('stopped');
      return;
    }
    this.#phase = 'stopping';
    this.#asking.end();
    this.#report[Symbol.dispose]();
    this.#setDeadline(clock.after(limits.stopTimeoutMs, () => this.#lose('stopped without a goodbye')));
    this.#tell({ v: 1, online: false }, () => {
      this.#saidOffline = true;
      this.#hangUpWhenDone();
    });
  }

  fail(error: unknown): void {
    this.#ended.reject(error);
    this.#lose('failed');
  }

  #open(stream: Duplex): MqttClient {
    const { kiosk, clock, limits } = this.#parts;
    const client = new MqttClient(() => stream, mqttOptions(kiosk, clock, limits));
    client.on('connect', () => this.#connected());
    client.on('message', (topic, payload) => this.#heard(topic, payload));
    // Without a listener an error would be an uncaught exception, so it stays to the end.
    client.on('error', (error) => this.#lose(reasonOf(error)));
    client.on('close', () => this.#lose(this.#phase === 'stopping' ? 'stopped' : 'the gateway closed the connection'));
    let unparsedBytes = 0;
    client.on('packetreceive', () => {
      unparsedBytes = 0;
    });
    stream.on('data', (chunk: Buffer) => {
      unparsedBytes += chunk.length;
      if (unparsedBytes > limits.packetBytesMax) this.#lose('the gateway sent too long a packet');
    });
    return client;
  }

  #connected(): void {
    if (this.#phase !== 'connecting') return;
    this.#phase = 'online';
    this.#onlineSinceMs = this.#parts.clock.monotonicMs();
    this.#setDeadline(null);
    this.#subscribe(siteTopic);
    this.#report.start();
    this.#parts.reader?.connected({
      subscribe: (topic) => this.#subscribe(topic),
      unsubscribe: (topic) => void (this.#phase === 'online' && this.#client?.unsubscribe(topic, () => {})),
    });
    this.#events.onConnected();
  }

  #subscribe(topic: string): void {
    if (this.#phase !== 'online') return;
    this.#client?.subscribe(topic, { qos: 1 }, (error) => {
      if (!error || this.#phase !== 'online') return;
      this.#parts.log.warn('link.subscribe-failed', { topic, reason: reasonOf(error) });
    });
  }

  #heard(topic: string, payload: Uint8Array): void {
    const { limits, log, onSite, reader } = this.#parts;
    if (this.#phase === 'over') return;
    if (topic !== siteTopic) {
      if (!this.#asking.heard(topic, payload)) reader?.heard(topic, payload);
      return;
    }
    const notice = payload.length <= limits.noticeBytesMax ? readNotice(payload) : null;
    if (notice === null) log.warn('link.notice-invalid', { bytes: payload.length });
    else {
      this.#asking.noticed(notice.answers ?? []);
      onSite?.(notice);
    }
  }

  #tell(state: KioskState, onAcknowledged: () => void): void {
    this.#client?.publish(stateTopic(this.#parts.kiosk), JSON.stringify(state), { qos: 1, retain: true }, (error) => {
      if (!error && this.#phase !== 'over') onAcknowledged();
    });
  }

  #hangUpWhenDone(): void {
    if (this.#phase === 'stopping' && this.#saidOffline && this.#window.underWay === 0) this.#client?.end();
  }

  /** One timer for the oldest entry under way stands for them all. */
  #watchOldest(): void {
    const { clock, limits } = this.#parts;
    if (this.#phase !== 'online') return;
    const sentMs = this.#window.oldestSentMs;
    const leftMs = sentMs === null ? null : sentMs + limits.ackTimeoutMs - clock.monotonicMs();
    if (leftMs !== null && leftMs <= 0) this.#lose('the gateway did not acknowledge an entry in time');
    else this.#setDeadline(leftMs === null ? null : clock.after(leftMs, () => this.#watchOldest()));
  }

  #setDeadline(timer: Timer | null): void {
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = timer;
  }

  #lose(reason: string): void {
    if (this.#phase === 'over') return;
    const { clock, limits } = this.#parts;
    const sinceMs = this.#onlineSinceMs;
    this.#phase = 'over';
    this.#setDeadline(null);
    this.#asking.end();
    this.#report[Symbol.dispose]();
    if (sinceMs !== null) this.#parts.reader?.lost();
    this.#client?.end(true);
    const lasted = sinceMs !== null && clock.monotonicMs() - sinceMs >= limits.stableMs;
    this.#ended.resolve({ reason, wasOnline: sinceMs !== null, proven: this.#tookAnEntry || lasted });
  }
}

function mqttOptions(kiosk: string, clock: Clock, limits: LinkLimits): IClientOptions {
  const farewell: KioskState = { v: 1, online: false };
  return {
    clientId: kiosk,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // Or mqtt-packet makes a Buffer of every number up to 65,535 beforehand: 8 MB for a handful of messages a minute.
    writeCache: false,
    connectTimeout: neverMs,
    keepalive: limits.keepaliveS,
    timerVariant: intervalsOf(clock),
    will: { topic: stateTopic(kiosk), payload: Buffer.from(JSON.stringify(farewell)), qos: 1, retain: true },
  };
}

/** The intervals that mqtt.js's keepalive runs on, made of the Clock port. */
function intervalsOf(clock: Clock) {
  const timers = new Map<number, Timer>();
  let lastId = 0;
  return {
    set(callback: () => void, everyMs = 0): number {
      const id = ++lastId;
      const wait = () => {
        timers.set(id, clock.after(everyMs, tick));
      };
      const tick = () => {
        wait();
        callback();
      };
      wait();
      return id;
    },
    clear(id: number): void {
      timers.get(id)?.[Symbol.dispose]();
      timers.delete(id);
    },
  };
}

function readNotice(payload: Uint8Array): SiteNotice | null {
  try {
    return siteNoticeSchema.safeParse(JSON.parse(new TextDecoder().decode(payload))).data ?? null;
  } catch {
    return null;
  }
}

/** Some errors of the network have a code and no message. */
function reasonOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  // The return code of a CONNACK [MQTT-3.2.2-5]: not authorized.
  if (code === '5') return cutOffReason;
  return error.message === '' ? code || error.name : describeError(error);
}
