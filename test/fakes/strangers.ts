/**
 * A program: peers without a certificate of the site, doing what they can to a gateway. Its argument is a
 * {@link StrangersPlan} as JSON. It logs `strangers.wave` as it goes, and `strangers.done` with what it did.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '../../shared/system/clock.ts';
import { within } from '../../shared/time.ts';

export interface StrangersPlan {
  readonly port: number;
  /**
   * `stream`: send `bytes` in all, over as many connections as that takes, in every disguise.
   * `crowd`: open `connections` in all, `together` at a time, hold them until they are closed, silent or after a greeting.
   * `dribble`: open `connections` and send each a greeting, one byte a second, until they are closed.
   */
  readonly kind: 'stream' | 'crowd' | 'dribble';
  readonly bytes?: number;
  readonly connections?: number;
  readonly together?: number;
  /** Where they come from: an address of 127.0.0.0/8 each by turns. */
  readonly addresses?: readonly string[];
  /** A connection of a crowd is given up by the stranger after so long, in milliseconds. */
  readonly holdMs?: number;
}

const chunk = Buffer.alloc(1024 * 1024, 0x61);

/** The first bytes of a TLS 1.3 handshake, as OpenSSL says them. */
async function makeGreeting(): Promise<Buffer> {
  const [near, far] = duplexPair();
  const socket = connectTls({ socket: near, servername: 'gateway.ravao.internal', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  const [greeting] = (await once(far, 'data')) as [Buffer];
  socket.destroy();
  return greeting;
}

function open(port: number, localAddress?: string): Socket {
  const socket = connect({ host: '127.0.0.1', port, ...(localAddress === undefined ? {} : { localAddress }) });
  socket.on('error', () => undefined);
  socket.resume();
  return socket;
}

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

/** Sends for as long as the other side lets it; gives how many bytes the network took. */
async function pour(socket: Socket, first: Buffer, bytesMax: number): Promise<number> {
  const gone = closed(socket);
  socket.write(first);
  let sent = first.byteLength;
  while (!socket.destroyed && sent < bytesMax) {
    const taken = new Promise<boolean>((resolve) => socket.write(chunk, (error) => resolve(error == null)));
    if (!(await Promise.race([taken, gone.then(() => false)]))) break;
    sent += chunk.byteLength;
  }
  socket.destroy();
  return socket.bytesWritten;
}

/** Streams into a TLS connection that was made without a certificate, until it is found out. */
async function pourIntoTls(port: number, bytesMax: number): Promise<number> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  socket.resume();
  await Promise.race([once(socket, 'secureConnect').catch(() => undefined), closed(socket)]);
  return pour(socket, Buffer.from([0x10]), bytesMax);
}

async function stream({ port, bytes = 0 }: StrangersPlan, greeting: Buffer): Promise<Record<string, number>> {
  const disguises: readonly (() => Promise<number>)[] = [
    () => pour(open(port), Buffer.from('GET / HTTP/1.1\r\n'), bytes),
    () => pour(open(port), greeting, bytes),
    // A handshake record that announces the longest greeting there can be [RFC 8446 §4], and goes on for ever.
    () => pour(open(port), Buffer.from([0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]), bytes),
    () => pour(open(port), Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), bytes),
    () => pourIntoTls(port, bytes),
  ];
  let sent = 0;
  let connections = 0;
  while (sent < bytes) sent += (await disguises[connections++ % disguises.length]?.()) ?? 0;
  return { sent, connections };
}

async function crowd(plan: StrangersPlan, greeting: Buffer): Promise<Record<string, number>> {
  const { port, connections = 0, together = 1, addresses = ['127.0.0.1'], holdMs = 1_000 } = plan;
  let opened = 0;
  while (opened < connections) {
    const sockets = Array.from({ length: Math.min(together, connections - opened) }, (_, number) => {
      const socket = open(port, addresses[number % addresses.length]);
      // Half of them say nothing, half begin a handshake and leave it at that.
      if (number % 2 === 0) socket.write(greeting);
      return socket;
    });
    opened += sockets.length;
    await within(systemClock, holdMs, Promise.all(sockets.map(closed)));
    for (const socket of sockets) socket.destroy();
    say('strangers.wave', { opened });
  }
  return { connections: opened };
}

async function dribble(plan: StrangersPlan, greeting: Buffer): Promise<Record<string, number>> {
  const { port, connections = 0, addresses = ['127.0.0.1'] } = plan;
  const sockets = Array.from({ length: connections }, (_, number) => open(port, addresses[number % addresses.length]));
  const gone = Promise.all(sockets.map(closed));
  let sent = 0;
  for (let at = 0; at < greeting.byteLength; at++) {
    for (const socket of sockets) if (!socket.destroyed) socket.write(greeting.subarray(at, at + 1));
    sent = at + 1;
    const all = await within(systemClock, 1_000, gone);
    if (all.inTime) break;
    say('strangers.wave', { sent, open: sockets.filter(({ destroyed }) => !destroyed).length });
  }
  return { sent, connections };
}

function say(event: string, fields: Record<string, number>): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

const plan = JSON.parse(process.argv[2] ?? '') as StrangersPlan;
const does = { stream, crowd, dribble };
const greeting = await makeGreeting();
say('strangers.done', await does[plan.kind](plan, greeting));
