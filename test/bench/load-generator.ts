/**
 * A program: many kiosks that publish entries as fast as a broker acknowledges them, each with a fixed number in
 * flight. Either with the client that real kiosks use, or with packets that are encoded beforehand and acknowledgements that
 * are only counted: that takes far less time than the broker, and no client does it. Its argument is a {@link LoadPlan} as JSON. It logs `load.ready`, starts at a line of input, and logs `load.done`.
 */
import { once } from 'node:events';
import { basename } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { generate } from 'mqtt-packet';
import { entriesTopic } from '../../shared/topics.ts';
import { connectPacket, credentialsIn } from '../fakes/kiosk-hello.ts';
import { KioskClient } from './kiosk-clients.ts';
import { makeRows } from './rows.ts';

export interface LoadPlan {
  readonly port: number;
  /** One kiosk each, named like the folder. */
  readonly credentialDirs: readonly string[];
  readonly entriesPerKiosk: number;
  readonly inFlight: number;
  /** `mqtt`: the client that real kiosks use. `packets` unless given. */
  readonly client?: 'mqtt' | 'packets';
}

/** A CONNACK that accepts, and every PUBACK, is as long as this. */
const answerBytes = 4;
const connackType = 0x20;
const pubackType = 0x40;
const messageIdMax = 65_535;

/** One kiosk: its packets lie one behind the other, so that the next few are one write. */
class LoadClient {
  readonly #socket: TLSSocket;
  readonly #packets: Buffer;
  readonly #ends: readonly number[];
  readonly #done = Promise.withResolvers<void>();
  #sent = 0;
  #acknowledged = 0;
  #tail: Buffer = Buffer.alloc(0);

  constructor(socket: TLSSocket, packets: readonly Buffer[]) {
    this.#socket = socket;
    this.#packets = Buffer.concat(packets);
    let end = 0;
    this.#ends = packets.map((packet) => {
      end += packet.byteLength;
      return end;
    });
  }

  end(): void {
    this.#socket.destroy();
  }

  /** Resolves when every entry is acknowledged. */
  run(inFlight: number): Promise<void> {
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('close', () => {
      if (this.#acknowledged < this.#ends.length) throw new Error('the broker closed a connection under load');
    });
    this.#send(inFlight);
    return this.#done.promise;
  }

  #send(count: number): void {
    const from = this.#ends[this.#sent - 1] ?? 0;
    this.#sent = Math.min(this.#sent + count, this.#ends.length);
    const to = this.#ends[this.#sent - 1] ?? 0;
    if (to > from) this.#socket.write(this.#packets.subarray(from, to));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#tail.byteLength === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const answers = Math.floor(bytes.byteLength / answerBytes);
    for (let answer = 0; answer < answers; answer++) {
      if (bytes[answer * answerBytes] !== pubackType) throw new Error('the broker sent something other than a PUBACK');
    }
    this.#tail = bytes.subarray(answers * answerBytes);
    this.#acknowledged += answers;
    this.#send(answers);
    if (this.#acknowledged === this.#ends.length) this.#done.resolve();
  }
}

async function openSocket(port: number, dir: string): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ...credentialsIn(dir), minVersion: 'TLSv1.3' });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  return socket;
}

async function greet(socket: TLSSocket, kiosk: string): Promise<void> {
  socket.write(generate(connectPacket(kiosk)));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (answer[0] !== connackType || answer[3] !== 0) throw new Error(`the broker refused ${kiosk}`);
}

async function openClient({ client, port }: LoadPlan, dir: string, bodies: readonly string[]) {
  const kiosk = basename(dir);
  const socket = await openSocket(port, dir);
  if (client === 'mqtt') return KioskClient.connect(socket, kiosk, bodies);
  await greet(socket, kiosk);
  const topic = entriesTopic(kiosk);
  const packets = bodies.map((payload, at) => {
    const messageId = (at % messageIdMax) + 1;
    return generate({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false });
  });
  return new LoadClient(socket, packets);
}

async function generateLoad(plan: LoadPlan): Promise<void> {
  const kiosks = plan.credentialDirs.map((dir) => basename(dir));
  const bodies = new Map(kiosks.map((kiosk): [string, string[]] => [kiosk, []]));
  for (const { kiosk, body } of makeRows(kiosks, plan.entriesPerKiosk * kiosks.length)) bodies.get(kiosk)?.push(body);
  const opening = plan.credentialDirs.map((dir) => openClient(plan, dir, bodies.get(basename(dir)) ?? []));
  const clients = await Promise.all(opening);
  say('load.ready', {});
  await once(process.stdin, 'data');
  const startedNs = process.hrtime.bigint();
  const startedCpu = process.cpuUsage();
  await Promise.all(clients.map((client) => client.run(plan.inFlight)));
  const elapsedMs = Number(process.hrtime.bigint() - startedNs) / 1e6;
  const { user, system } = process.cpuUsage(startedCpu);
  for (const client of clients) client.end();
  process.stdin.destroy();
  const entries = plan.entriesPerKiosk * kiosks.length;
  say('load.done', { entries, elapsedMs, cpuShare: (user + system) / 1000 / elapsedMs });
}

function say(event: string, fields: Record<string, number>): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

await generateLoad(JSON.parse(process.argv[2] ?? '') as LoadPlan);
