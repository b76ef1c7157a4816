/** Brings entries to the gateway that serves, as a kiosk does: MQTT 3.1.1 at QoS 1 over mutual TLS. */
import { connect, type TLSSocket } from 'node:tls';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { describeError, Fault } from '../../shared/fault.ts';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import type { Clock, Timer } from '../../shared/ports.ts';
import { entriesTopic } from '../../shared/topics.ts';

/** Entries under way at once. */
const windowMax = 100;

/** How long the gateway may say nothing while something is awaited, in milliseconds. */
const silenceMs = 30_000;

export interface ClientTarget {
  readonly host: string;
  readonly port: number;
  readonly kiosk: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/**
 * Sends entries in their wire form; resolves when the gateway has acknowledged each, so has it on disk. Rejects with the
 * Fault GATEWAY_UNREACHABLE; what was acknowledged before stays.
 */
export function sendEntries(
  target: ClientTarget,
  bodies: readonly string[],
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = new Sending(target, bodies, clock, (problem) => {
      signal?.removeEventListener('abort', stop);
      if (problem === null) return resolve();
      const where = `${target.host}:${target.port}`;
      reject(
        new Fault('GATEWAY_UNREACHABLE', `At ${where}: ${problem}; it took ${sending.taken} of ${bodies.length}.`),
      );
    });
    const stop = () => sending.end('stopped');
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
  });
}

class Sending {
  taken = 0;
  readonly #target: ClientTarget;
  readonly #bodies: readonly string[];
  readonly #clock: Clock;
  readonly #onEnd: (problem: string | null) => void;
  readonly #socket: TLSSocket;
  /** Message ids that wait for their PUBACK. */
  readonly #underWay = new Set<number>();
  #next = 0;
  #online = false;
  #ended = false;
  #silence: Timer | null = null;

  constructor(target: ClientTarget, bodies: readonly string[], clock: Clock, onEnd: (problem: string | null) => void) {
    this.#target = target;
    this.#bodies = bodies;
    this.#clock = clock;
    this.#onEnd = onEnd;
    const { host, port, kiosk, caPem, certPem, keyPem } = target;
    const pem = { ca: caPem, cert: certPem, key: keyPem };
    const socket = connect({ host, port, servername: gatewayServerName, minVersion: 'TLSv1.3', ...pem });
    this.#socket = socket.setNoDelay(true);
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on('packet', (packet: Packet) => this.#heard(packet));
    parser.on('error', (error: unknown) => this.end(describeError(error)));
    socket.on('data', (chunk: Buffer) => void parser.parse(chunk));
    socket.on('error', (error) => this.end(describeError(error)));
    socket.once('close', () => this.end('it closed the connection'));
    socket.once('secureConnect', () => {
      const head = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 300 } as const;
      socket.write(mqttPacket.generate({ ...head, clientId: `${kiosk}-backfill` }));
    });
    this.#listen();
  }

  end(problem: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#silence?.[Symbol.dispose]();
    if (problem === null) this.#socket.end(mqttPacket.generate({ cmd: 'disconnect' }));
    else this.#socket.destroy();
    this.#onEnd(problem);
  }

  #listen(): void {
    this.#silence?.[Symbol.dispose]();
    this.#silence = this.#clock.after(silenceMs, () => this.end(`it said nothing for ${silenceMs / 1000} s`));
  }

  #heard(packet: Packet): void {
    if (this.#ended) return;
    this.#listen();
    if (packet.cmd === 'connack') {
      this.#online = packet.returnCode === 0;
      if (!this.#online) this.end(`it refused the connection (${packet.returnCode})`);
    } else if (packet.cmd === 'puback' && this.#underWay.delete(packet.messageId ?? 0)) {
      this.taken++;
    }
    if (this.#online) this.#send();
  }

  #send(): void {
    if (this.taken === this.#bodies.length) this.end(null);
    while (this.#underWay.size < windowMax && this.#next < this.#bodies.length) {
      const payload = this.#bodies[this.#next] ?? '';
      const messageId = (this.#next % 65_535) + 1;
      this.#next++;
      this.#underWay.add(messageId);
      const flags = { qos: 1, dup: false, retain: false } as const;
      const topic = entriesTopic(this.#target.kiosk);
      this.#socket.write(mqttPacket.generate({ cmd: 'publish', topic, payload, messageId, ...flags }));
    }
  }
}
