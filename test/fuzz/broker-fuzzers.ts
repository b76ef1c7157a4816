/** Fuzzers of the gateway's door and its broker. */
import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { startBroker, startMqtt } from '../../gateway/broker.ts';
import { openTrust } from '../../gateway/trust/authority.ts';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { entriesTopic, siteTopic, stateTopic } from '../../shared/topics.ts';
import { connectPacket, credentialsIn } from '../fakes/kiosk-hello.ts';
import { connectionPair } from '../fakes/mqtt-pair.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { until } from '../fakes/until.ts';
import { damages, type Fuzzer, inflict, tryToBreak } from './fuzzer.ts';

const kiosk = 'gate-a';
const deadlineMs = 5_000;
const endlessBytes = Buffer.alloc(200_000, 0x7f);

const connect = connectPacket('x');
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const topic = fc.constantFrom(
  entriesTopic(kiosk),
  stateTopic(kiosk),
  entriesTopic('gate-b'),
  siteTopic,
  '$SYS/x',
  '#',
  'a/+/b',
);
const messageId = fc.integer({ min: 1, max: 65_535 });

const packets: fc.Arbitrary<Packet> = fc.oneof(
  fc.constant(connect),
  fc
    .record({
      topic: topic.filter((name) => !/[#+]/.test(name)),
      payload: fc.string(),
      qos,
      messageId,
      retain: fc.boolean(),
      dup: fc.boolean(),
    })
    .map((fields): Packet => ({ cmd: 'publish', ...fields, dup: fields.dup && fields.qos > 0 })),
  fc.record({ topic, qos, messageId }).map(
    ({ topic: filter, qos: wanted, messageId: id }): Packet => ({
      cmd: 'subscribe',
      messageId: id,
      subscriptions: [{ topic: filter, qos: wanted }],
    }),
  ),
  fc
    .record({ topic, messageId })
    .map(
      ({ topic: filter, messageId: id }): Packet => ({ cmd: 'unsubscribe', messageId: id, unsubscriptions: [filter] }),
    ),
  messageId.map((id): Packet => ({ cmd: 'puback', messageId: id })),
  messageId.map((id): Packet => ({ cmd: 'pubrel', messageId: id })),
  messageId.map((id): Packet => ({ cmd: 'pubrec', messageId: id })),
  messageId.map((id): Packet => ({ cmd: 'pubcomp', messageId: id })),
  fc.constant<Packet>({ cmd: 'pingreq' }),
  fc.constant<Packet>({ cmd: 'disconnect' }),
  fc.constant<Packet>({ cmd: 'connack', returnCode: 0, sessionPresent: false }),
);

/** Pieces of a conversation: packets, packets that were damaged, and soup. */
const pieces = fc.oneof(
  { weight: 5, arbitrary: packets.map((packet) => mqttPacket.generate(packet)) },
  {
    weight: 4,
    arbitrary: fc.tuple(packets, damages).map(([packet, damage]) => inflict(mqttPacket.generate(packet), damage)),
  },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  { weight: 1, arbitrary: fc.constant(endlessBytes) },
);

/** A conversation; most begin as they should. */
const talks = fc
  .tuple(fc.boolean(), fc.array(pieces, { maxLength: 8 }))
  .map(([greets, rest]) => (greets ? [mqttPacket.generate(connect), ...rest] : rest));

/** Says everything, as far as the other side listens, and hangs up. */
async function say(stream: Duplex, talk: readonly Uint8Array[]): Promise<void> {
  stream.on('error', () => undefined);
  stream.resume();
  const gone = new Promise<void>((resolve) => stream.once('close', resolve));
  for (const piece of talk) {
    if (stream.destroyed || stream.writableEnded) break;
    await Promise.race([new Promise<void>((resolve) => stream.write(piece, () => resolve())), gone]);
  }
  stream.destroy();
  await gone;
}

/** That a well-behaved kiosk is served: connects, publishes, hears the PUBACK. */
async function expectService(stream: Duplex): Promise<void> {
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  const acknowledged = new Promise<void>((resolve, reject) => {
    parser.on('packet', ({ cmd }: Packet) => {
      if (cmd === 'puback') resolve();
    });
    stream.once('close', () => reject(new Error('a well-behaved kiosk was thrown out')));
    stream.on('error', reject);
  });
  stream.on('data', (chunk: Buffer) => void parser.parse(chunk));
  stream.write(mqttPacket.generate({ ...connect, clientId: 'good' } as Packet));
  stream.write(
    mqttPacket.generate({
      cmd: 'publish',
      topic: entriesTopic(kiosk),
      payload: 'x',
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    }),
  );
  await acknowledged;
  stream.removeAllListeners('close').on('error', () => undefined);
  stream.destroy();
}

const surroundings = () => ({
  accept: async () => undefined,
  onState: () => undefined,
  clock: systemClock,
  log: new RecordingLog(),
});

const inMemory: Fuzzer = {
  name: 'broker',
  title: 'what a kiosk may say to the broker, before and after it is let in: it ends alone, others are served on',
  runs: 300,
  async fuzz(plan) {
    const siteNotice = { v: 1 as const, site: 'Nhà máy A', key: { id: 'k', publicKey: 'A'.repeat(43) } };
    await using broker = await startMqtt({ ...surroundings(), siteNotice });
    const dial = () => {
      const [near, far] = connectionPair();
      broker.handle(far, kiosk);
      return near;
    };
    await tryToBreak(plan, talks, async (talk) => {
      await say(dial(), talk);
      await expectService(dial());
      await until('no connection left', deadlineMs, () => broker.connections === 0);
    });
  },
};

/** The first bytes of a TLS handshake, for damage: a record that holds a greeting. */
const greetingHead = Buffer.from('1603010200010001fc0303', 'hex');

const overTls: Fuzzer = {
  name: 'door',
  title: 'what comes through the real door, with and without a certificate: kiosks are let in and served on',
  runs: 40,
  async fuzz(plan) {
    const dir = await mkdtemp(join(tmpdir(), 'ravao-fuzz-'));
    const log = new RecordingLog();
    try {
      const trust = await openTrust(join(dir, 'trust'), { site: 'A', clock: systemClock, log });
      await trust.enrol(kiosk, join(dir, kiosk));
      const own = credentialsIn(join(dir, kiosk));
      const credentials = await trust.gatewayCredentials('127.0.0.1');
      const options = { ...surroundings(), host: '127.0.0.1', port: 0, credentials, siteNotice: trust.notice };
      await using broker = await startBroker(options);
      const enter = () => connectTls({ host: '127.0.0.1', port: broker.port, servername: gatewayServerName, ...own });
      const knock = (): Socket => connectTcp({ host: '127.0.0.1', port: broker.port });
      const strangers = fc.tuple(
        fc.constantFrom(Buffer.alloc(0), greetingHead),
        damages,
        fc.array(pieces, { maxLength: 4 }),
      );
      await tryToBreak(plan, fc.tuple(talks, strangers), async ([talk, [head, damage, rest]]) => {
        await Promise.all([say(enter(), talk), say(knock(), [inflict(head, damage), ...rest])]);
        await expectService(enter());
        await until('no connection left', deadlineMs, () => broker.connections === 0);
      });
      assert.equal(log.lines.filter(({ level }) => level === 'error').length, 0);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};

export const brokerFuzzers: readonly Fuzzer[] = [inMemory, overTls];
