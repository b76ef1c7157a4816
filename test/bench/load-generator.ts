/**
 * A program: many kiosks that publish entries as fast as a broker acknowledges them, each with a fixed number in
 * flight. Packets are encoded beforehand and acknowledgements only counted, so that it takes far less time than the broker.
 * Its argument is a {@link LoadPlan} as JSON. It logs `load.ready`, starts at a line of input, and logs `load.done`.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { generate } from 'mqtt-packet';
import { entriesTopic } from '../../shared/topics.ts';
import { makeRows } from './rows.ts';

export interface LoadPlan {
  readonly port: number;
  /** One kiosk each, named like the folder. */
  readonly credentialDirs: readonly string[];
  readonly entriesPerKiosk: number;
  readonly inFlight: number;
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
  readonly #finished: () => void;
  #sent = 0;
  #acknowledged = 0;
  #tail: Buffer = Buffer.alloc(0);

  constructor(socket: TLSSocket, packets: readonly Buffer[], finished: () => void) {
    this.#socket = socket;
    this.#packets = Buffer.concat(packets);
    let end = 0;
    this.#ends = packets.map((packet) => {
      end += packet.byteLength;
      return end;
    });
    this.#finished = finished;
  }

  start(inFlight: number): void {
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('close', () => {
      if (this.#acknowledged < this.#ends.length) throw new Error('the broker closed a connection under load');
    });
    this.#send(inFlight);
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
    if (this.#acknowledged === this.#ends.length) this.#finished();
  }
}

async function openConnection(port: number, dir: string): Promise<TLSSocket> {
  const read = (name: string) => readFileSync(join(dir, name));
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: read('ca.pem'),
    cert: read('cert.pem'),
    key: read('key.pem'),
    minVersion: 'TLSv1.3',
  });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: basename(dir),
      clean: true,
      keepalive: 60,
    }),
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (answer[0] !== connackType || answer[3] !== 0) throw new Error(`the broker refused ${basename(dir)}`);
  return socket;
}

async function generateLoad(plan: LoadPlan): Promise<void> {
  const kiosks = plan.credentialDirs.map((dir) => basename(dir));
  const packets = kiosks.map((): Buffer[] => []);
  let index = 0;
  for (const { kiosk, body } of makeRows(kiosks, plan.entriesPerKiosk * kiosks.length)) {
    const own = packets[index++ % kiosks.length];
    own?.push(
      generate({
        cmd: 'publish',
        topic: entriesTopic(kiosk),
        payload: body,
        qos: 1,
        messageId: (own.length % messageIdMax) + 1,
        dup: false,
        retain: false,
      }),
    );
  }
  const sockets = await Promise.all(plan.credentialDirs.map((dir) => openConnection(plan.port, dir)));
  const finished = sockets.map(() => Promise.withResolvers<void>());
  const clients = sockets.map((socket, at) => new LoadClient(socket, packets[at] ?? [], () => finished[at]?.resolve()));
  say('load.ready', {});
  await once(process.stdin, 'data');
  const startedNs = process.hrtime.bigint();
  const startedCpu = process.cpuUsage();
  for (const client of clients) client.start(plan.inFlight);
  await Promise.all(finished.map(({ promise }) => promise));
  const elapsedMs = Number(process.hrtime.bigint() - startedNs) / 1e6;
  const { user, system } = process.cpuUsage(startedCpu);
  for (const socket of sockets) socket.destroy();
  process.stdin.destroy();
  say('load.done', { entries: index, elapsedMs, cpuShare: (user + system) / 1000 / elapsedMs });
}

function say(event: string, fields: Record<string, number>): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

await generateLoad(JSON.parse(process.argv[2] ?? '') as LoadPlan);
