import fc from 'fast-check';
import type { IClientOptions, IClientPublishOptions, MqttClient } from 'mqtt';
import mqttPacket from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MqttBroker, startMqtt } from '../../../gateway/broker.ts';
import type { MqttOptions } from '../../../gateway/broker-options.ts';
import type { KioskState } from '../../../shared/entry.ts';
import { entriesTopic, listChunkTopic, rulesTopic, siteTopic, stateTopic } from '../../../shared/topics.ts';
import { connectPacket } from '../../fakes/kiosk-hello.ts';
import { connectionPair, mqttPair } from '../../fakes/mqtt-pair.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

const siteNotice = { v: 1, site: 'Nhà máy A', key: { id: 'key', publicKey: 'A'.repeat(43) } } as const;

interface Accepted {
  readonly sender: object;
  readonly kiosk: string;
  readonly text: string;
}

let accepted: Accepted[];
let states: [string, KioskState][];
let log: RecordingLog;
let clock: VirtualClock;
let broker: MqttBroker;
let accept: MqttOptions['accept'];
const clients: MqttClient[] = [];

beforeEach(async () => {
  accepted = [];
  states = [];
  log = new RecordingLog();
  clock = new VirtualClock();
  accept = async () => undefined;
  broker = await start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  await stop();
});

/** An in-memory stream whose other end is gone never finishes writing: the time for that has to pass. */
async function stop(): Promise<void> {
  const stopped = broker[Symbol.asyncDispose]();
  await clock.advance(10_000);
  await stopped;
}

function start(limits: MqttOptions['limits'] = {}): Promise<MqttBroker> {
  return startMqtt({
    accept: (sender, kiosk, payload) => {
      accepted.push({ sender, kiosk, text: Buffer.from(payload).toString() });
      return accept(sender, kiosk, payload);
    },
    onState: (kiosk, state) => void states.push([kiosk, state]),
    siteNotice,
    clock,
    log,
    limits,
  });
}

function attach(kiosk: string, options: IClientOptions = {}): MqttClient {
  const { client, serverEnd } = mqttPair(options);
  client.setMaxListeners(0);
  clients.push(client);
  broker.handle(serverEnd, kiosk);
  return client;
}

async function connect(kiosk: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = attach(kiosk, options);
  await happens(client, 'connect');
  return client;
}

/** The next event of a client, with its arguments. */
function happens(client: MqttClient, event: 'connect' | 'close' | 'error' | 'message'): Promise<unknown[]> {
  return new Promise((resolve) => client.once(event, (...args: unknown[]) => resolve(args)));
}

/** Publishes and says what came of it. */
function publish(client: MqttClient, topic: string, text: string, options: IClientPublishOptions = { qos: 1 }) {
  return Promise.race([
    client.publishAsync(topic, text, options).then(
      () => 'acknowledged' as const,
      () => 'disconnected' as const,
    ),
    happens(client, 'close').then(() => 'disconnected' as const),
  ]);
}

function disconnectReasons(): unknown[] {
  return log.lines.filter(({ event }) => event === 'broker.disconnected').map(({ fields }) => fields.reason);
}

describe('an entry', () => {
  it('is acknowledged only when the intake has it on disk', async () => {
    const onDisk = Promise.withResolvers<void>();
    accept = () => onDisk.promise;
    const client = await connect('gate-a');
    let acknowledged = false;
    const done = publish(client, entriesTopic('gate-a'), 'x').then((outcome) => {
      acknowledged = true;
      return outcome;
    });
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    await settle(20);
    expect(acknowledged).toBe(false);
    onDisk.resolve();
    expect(await done).toBe('acknowledged');
    expect(accepted[0]).toMatchObject({ kiosk: 'gate-a', text: 'x' });
  });

  it('that cannot be kept is not acknowledged, and the kiosk is disconnected', async () => {
    accept = async () => {
      throw new Error('no space left');
    };
    const client = await connect('gate-a');
    expect(await publish(client, entriesTopic('gate-a'), 'x')).toBe('disconnected');
    await vi.waitFor(() => expect(disconnectReasons()).toEqual(['entry not kept: no space left']));
  });

  it('is acknowledged also when the next of the same turn cannot be kept', async () => {
    const onDisk = Promise.withResolvers<void>();
    accept = async (_sender, _kiosk, payload) => {
      await onDisk.promise;
      if (Buffer.from(payload).toString() === 'bad') throw new Error('no space left');
    };
    const client = await connect('gate-a');
    const outcomes = Promise.all(['good', 'bad'].map((text) => publish(client, entriesTopic('gate-a'), text)));
    await vi.waitFor(() => expect(accepted).toHaveLength(2));
    onDisk.resolve();
    expect(await outcomes).toEqual(['acknowledged', 'disconnected']);
  });

  it('reaches the intake in the order it was sent, with the same sender for one connection', async () => {
    const [one, two] = [await connect('gate-a'), await connect('gate-a')];
    const texts = Array.from({ length: 50 }, (_, number) => `${number}`);
    await Promise.all(texts.map((text) => publish(one, entriesTopic('gate-a'), text)));
    await publish(two, entriesTopic('gate-a'), 'other');
    expect(accepted.slice(0, 50).map(({ text }) => text)).toEqual(texts);
    expect(new Set(accepted.map(({ sender }) => sender)).size).toBe(2);
  });

  it('at QoS 0 is kept too', async () => {
    const client = await connect('gate-a');
    await publish(client, entriesTopic('gate-a'), 'x', { qos: 0 });
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
  });

  it('at QoS 2 is refused', async () => {
    const client = await connect('gate-a');
    expect(await publish(client, entriesTopic('gate-a'), 'x', { qos: 2 })).toBe('disconnected');
    expect(accepted).toEqual([]);
  });

  it('is never retained nor given to anybody', async () => {
    const client = await connect('gate-a');
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    await client.subscribeAsync(`ravao/v1/kiosks/gate-a/#`, { qos: 1 });
    await publish(client, entriesTopic('gate-a'), 'x', { qos: 1, retain: true });
    const late = await connect('gate-a');
    late.on('message', (topic) => heard.push(topic));
    await late.subscribeAsync(entriesTopic('gate-a'), { qos: 1 });
    await publish(late, stateTopic('gate-a'), '{"v":1,"online":true}');
    await vi.waitFor(() => expect(heard).toContain(stateTopic('gate-a')));
    expect(heard).not.toContain(entriesTopic('gate-a'));
  });

  it('longer than an entry but within a packet is left for the intake to quarantine', async () => {
    const client = await connect('gate-a');
    expect(await publish(client, entriesTopic('gate-a'), 'x'.repeat(60_000))).toBe('acknowledged');
    expect(accepted[0]?.text).toHaveLength(60_000);
    expect(await publish(client, entriesTopic('gate-a'), 'x'.repeat(70_000))).toBe('disconnected');
    await vi.waitFor(() => expect(disconnectReasons()).toEqual(['packet-too-long']));
  });

  it('whose kiosk leaves while it is being committed harms nobody', async () => {
    const onDisk = Promise.withResolvers<void>();
    accept = (_sender, kiosk) => (kiosk === 'gate-a' ? onDisk.promise : Promise.resolve());
    const leaving = await connect('gate-a');
    leaving.publish(entriesTopic('gate-a'), 'x', { qos: 1 }, () => undefined);
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    leaving.stream.destroy();
    await vi.waitFor(() => expect(broker.connections).toBe(0));
    onDisk.resolve();
    await settle();
    expect(await publish(await connect('gate-b'), entriesTopic('gate-b'), 'y')).toBe('acknowledged');
  });
});

describe('a kiosk', () => {
  it.each([
    ["another's entries", entriesTopic('gate-b')],
    ["another's state", stateTopic('gate-b')],
    ['its rules', rulesTopic('gate-a')],
    ['the site notice', siteTopic],
    ['$SYS', '$SYS/broker/x'],
    ['its own rules', rulesTopic('gate-a')],
    ['a list of the site', listChunkTopic('revoked', 0)],
    ['the beginning of its own topic', 'ravao/v1/kiosks/gate-a'],
    ['more than its own topic', `${entriesTopic('gate-a')}/x`],
  ])('that publishes on %s is disconnected', async (_title, topic) => {
    const client = await connect('gate-a');
    expect(await publish(client, topic, 'x')).toBe('disconnected');
    expect(accepted).toEqual([]);
    expect(log.lines.filter(({ event }) => event === 'broker.topic-denied')).toMatchObject([
      { fields: { kiosk: 'gate-a', topic } },
    ]);
  });

  it.each([
    '#',
    '+/v1/site',
    rulesTopic('gate-b'),
    'ravao/v1/site/#',
    'ravao/v1/site/lists/revoked/+',
    'ravao/#',
    'ravao/v1/kiosks/+/state',
    entriesTopic('gate-b'),
    '$SYS/#',
  ])('may not subscribe to %s', async (filter) => {
    const client = await connect('gate-a');
    const granted = await client.subscribeAsync(filter, { qos: 1 }).catch((error: Error) => error.message);
    expect(JSON.stringify(granted)).toMatch(/128|Unspecified error/);
    expect(await publish(client, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
  });

  it('may hold only so many subscriptions', async () => {
    const client = await connect('gate-a');
    const outcomes: boolean[] = [];
    for (let number = 0; number < 20; number++) {
      const granted = client.subscribeAsync(`ravao/v1/kiosks/gate-a/${number}`, { qos: 1 });
      outcomes.push(
        await granted.then(
          () => true,
          () => false,
        ),
      );
    }
    expect(outcomes.filter((granted) => granted)).toHaveLength(16);
  });

  it('may ask for one thing after the other, as it gives each back', async () => {
    const client = await connect('gate-a');
    await broker.announcements.retain(listChunkTopic('revoked', 399), Buffer.from('the last'));
    const message = happens(client, 'message');
    for (let chunk = 0; chunk < 400; chunk++) {
      await client.subscribeAsync(listChunkTopic('revoked', chunk), { qos: 1 });
      if (chunk < 399) await client.unsubscribeAsync(listChunkTopic('revoked', chunk));
    }
    expect(String((await message)[1])).toBe('the last');
    expect(log.events).not.toContain('broker.filter-denied');
  });

  it('hears the rules that are its own, whether they were told before it came or after', async () => {
    const [here, other] = [await connect('gate-a'), await connect('gate-b')];
    await broker.announcements.tellRules((kiosk) => Buffer.from(`rules of ${kiosk}`));
    const late = await connect('gate-c');
    const heard = async (client: MqttClient, kiosk: string) => {
      const message = happens(client, 'message');
      await client.subscribeAsync(rulesTopic(kiosk), { qos: 1 });
      return String((await message)[1]);
    };
    expect([await heard(here, 'gate-a'), await heard(other, 'gate-b'), await heard(late, 'gate-c')]).toEqual([
      'rules of gate-a',
      'rules of gate-b',
      'rules of gate-c',
    ]);
    const news = happens(here, 'message');
    await broker.announcements.tellRules(() => Buffer.from('new rules'));
    expect(String((await news)[1])).toBe('new rules');
  });

  it('hears nothing of what the gateway has taken back', async () => {
    const topic = listChunkTopic('revoked', 0);
    await broker.announcements.retain(topic, Buffer.from('old'));
    await broker.announcements.retain(topic, new Uint8Array(0));
    const client = await connect('gate-a');
    const messages: string[] = [];
    client.on('message', (_topic, payload) => void messages.push(String(payload)));
    await client.subscribeAsync(topic, { qos: 1 });
    await broker.announcements.retain(topic, Buffer.from('new'));
    await vi.waitFor(() => expect(messages).toEqual(['new']));
  });

  it('hears the retained notice of the site', async () => {
    const client = await connect('gate-a');
    const message = happens(client, 'message');
    await client.subscribeAsync(siteTopic, { qos: 1 });
    const [topic, payload] = await message;
    expect(topic).toBe(siteTopic);
    expect(JSON.parse(String(payload))).toEqual(siteNotice);
  });

  it('cannot push another out by using its client id, only its own older connection', async () => {
    const victim = await connect('gate-a', { clientId: 'ravao' });
    await connect('gate-b', { clientId: 'ravao' });
    await connect('gate-b', { clientId: 'gate-a/ravao' });
    expect(await publish(victim, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
    const closed = happens(victim, 'close');
    await connect('gate-a', { clientId: 'ravao' });
    await closed;
  });

  it('has at most four connections: the oldest gives way', async () => {
    const connections = [];
    for (let number = 0; number < 4; number++) connections.push(await connect('gate-a'));
    const other = await connect('gate-b');
    const closed = happens(connections[0] as MqttClient, 'close');
    await connect('gate-a');
    await closed;
    await vi.waitFor(() => expect(broker.connections).toBe(5));
    expect(await publish(connections[1] as MqttClient, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
    expect(await publish(other, entriesTopic('gate-b'), 'y')).toBe('acknowledged');
  });

  it.each([0, 301])('with a keep-alive of %d seconds is refused', async (keepalive) => {
    const client = attach('gate-a', { keepalive });
    const [error] = await happens(client, 'error');
    expect(String(error)).toContain('Connection refused');
    await vi.waitFor(() => expect(broker.connections).toBe(0));
  });

  it('that speaks MQTT 5 is refused in its CONNACK', async () => {
    const client = attach('gate-a', { protocolVersion: 5 });
    const [error] = await happens(client, 'error');
    expect(String(error)).toContain('Connection refused');
    await vi.waitFor(() => expect(broker.connections).toBe(0));
  });
});

describe('a half-dead peer', () => {
  /** A connection that says these packets and never reads. */
  function attachMute(kiosk: string, keepalive: number, ...packets: mqttPacket.Packet[]): void {
    const [clientEnd, serverEnd] = connectionPair();
    broker.handle(serverEnd, kiosk);
    for (const packet of [connectPacket('mute', keepalive), ...packets]) clientEnd.write(mqttPacket.generate(packet));
  }

  it('that falls silent is closed after one and a half times its keep-alive', async () => {
    attachMute('gate-a', 1);
    await vi.waitFor(() => expect(disconnectReasons()).toEqual(['keep alive timeout']), { timeout: 10_000 });
  });

  it('that does not read what it subscribed to is closed and holds up nobody', async () => {
    const subscriptions = [{ topic: stateTopic('gate-a'), qos: 0 } as const];
    attachMute('gate-a', 60, { cmd: 'subscribe', messageId: 1, subscriptions });
    const healthy = await connect('gate-a');
    const state = JSON.stringify({ v: 1, online: true, note: 'x'.repeat(3900) });
    for (let number = 0; number < 150; number++) {
      expect(await publish(healthy, stateTopic('gate-a'), state)).toBe('acknowledged');
    }
    await vi.waitFor(() => expect(disconnectReasons()).toEqual(['does not read what it is sent']));
    expect(await publish(healthy, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
    expect(broker.connections).toBe(1);
  });
});

describe('what a kiosk says of itself', () => {
  const online = { v: 1, online: true, outbox: { depth: 3, limit: 10, oldestMs: 5 } } as const;

  it('is passed on and retained for its own tools', async () => {
    const client = await connect('gate-a');
    await publish(client, stateTopic('gate-a'), JSON.stringify(online), { qos: 1, retain: true });
    expect(states).toEqual([['gate-a', online]]);
    const late = await connect('gate-a');
    const message = happens(late, 'message');
    await late.subscribeAsync(stateTopic('gate-a'), { qos: 1 });
    expect(JSON.parse(String((await message)[1]))).toEqual(online);
  });

  it.each([
    ['no JSON', 'online'],
    ['nothing, which would clear what is retained', ''],
    ['of the wrong form', '{"v":1}'],
    ['too long', JSON.stringify({ v: 1, online: true, note: 'x'.repeat(5000) })],
  ])('is acknowledged but not kept when it is %s', async (_title, text) => {
    const client = await connect('gate-a');
    await publish(client, stateTopic('gate-a'), JSON.stringify(online), { qos: 1, retain: true });
    expect(await publish(client, stateTopic('gate-a'), text, { qos: 1, retain: true })).toBe('acknowledged');
    expect(states).toHaveLength(1);
    expect(log.events).toContain('broker.state-invalid');
    const late = await connect('gate-a');
    const message = happens(late, 'message');
    await late.subscribeAsync(stateTopic('gate-a'), { qos: 1 });
    expect(JSON.parse(String((await message)[1]))).toEqual(online);
  });
});

describe('a last will', () => {
  const offline = { v: 1, online: false };
  const will = {
    topic: stateTopic('gate-a'),
    payload: Buffer.from(JSON.stringify(offline)),
    qos: 1,
    retain: true,
  } as const;

  it('is published when the kiosk vanishes, not when it says goodbye', async () => {
    const polite = await connect('gate-a', { will });
    await polite.endAsync();
    await vi.waitFor(() => expect(broker.connections).toBe(0));
    expect(states).toEqual([]);
    const lost = await connect('gate-a', { will });
    lost.stream.destroy();
    await vi.waitFor(() => expect(states).toEqual([['gate-a', offline]]));
  });

  it('of a half-dead connection does not overwrite the state of the kiosk that came back', async () => {
    const old = await connect('gate-a', { will, clientId: 'old' });
    const back = await connect('gate-a', { will, clientId: 'back' });
    await publish(back, stateTopic('gate-a'), '{"v":1,"online":true}', { qos: 1, retain: true });
    old.stream.destroy();
    await vi.waitFor(() => expect(broker.connections).toBe(1));
    await settle();
    expect(states.map(([, state]) => state.online)).toEqual([true]);
    back.stream.destroy();
    await vi.waitFor(() => expect(states.map(([, state]) => state.online)).toEqual([true, false]));
  });

  it.each([entriesTopic('gate-a'), stateTopic('gate-b'), siteTopic, '$SYS/x'])('on %s is refused', async (topic) => {
    const client = attach('gate-a', { will: { ...will, topic } });
    await happens(client, 'close');
    await vi.waitFor(() => expect(disconnectReasons()).toEqual(['last will on a foreign topic']));
    expect(broker.connections).toBe(0);
  });

  it('that is no state is dropped, and the kiosk served all the same', async () => {
    const client = await connect('gate-a', { will: { ...will, payload: Buffer.from('bye') } });
    expect(await publish(client, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
    client.stream.destroy();
    await vi.waitFor(() => expect(broker.connections).toBe(0));
    expect(states).toEqual([]);
    expect(log.events).toContain('broker.will-invalid');
  });

  it('is not published when it is the gateway that stops', async () => {
    await connect('gate-a', { will });
    await stop();
    await settle();
    expect(states).toEqual([]);
  });
});

describe('stopping', () => {
  it('waits for entries that are being committed and sends their PUBACKs', async () => {
    const onDisk = Promise.withResolvers<void>();
    accept = () => onDisk.promise;
    const client = await connect('gate-a');
    const outcome = publish(client, entriesTopic('gate-a'), 'x');
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    const stopped = broker[Symbol.asyncDispose]();
    publish(client, entriesTopic('gate-a'), 'too late');
    await settle();
    onDisk.resolve();
    expect(await outcome).toBe('acknowledged');
    await clock.advance(10_000);
    await stopped;
    expect(accepted.map(({ text }) => text)).toEqual(['x']);
    expect(broker.connections).toBe(0);
  });

  it('does not wait for ever', async () => {
    accept = () => new Promise(() => undefined);
    const client = await connect('gate-a');
    const outcome = publish(client, entriesTopic('gate-a'), 'x');
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    const stopped = broker[Symbol.asyncDispose]();
    await clock.advance(2_000);
    await clock.advance(2_000);
    await stopped;
    expect(await outcome).toBe('disconnected');
    expect(log.events).toContain('broker.stopped-early');
  });

  it('twice is harmless, and a stream that comes later is closed', async () => {
    await broker[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    await happens(attach('gate-a'), 'close');
    expect(broker.connections).toBe(0);
  });
});

describe('garbage', () => {
  /** Bytes of a client that has connected and then sends what it likes. */
  const connectBytes = mqttPacket.generate(connectPacket('x'));

  async function send(chunks: readonly Uint8Array[]): Promise<void> {
    const [clientEnd, serverEnd] = connectionPair();
    clientEnd.on('error', () => undefined).resume();
    broker.handle(serverEnd, 'gate-x');
    for (const chunk of chunks) {
      if (!clientEnd.writable) break;
      clientEnd.write(chunk);
      await settle(1);
    }
    clientEnd.destroy();
  }

  it('instead of a CONNECT closes the connection and nothing else', async () => {
    const bystander = await connect('gate-a');
    await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), send), {
      numRuns: 200,
    });
    await vi.waitFor(() => expect(broker.connections).toBe(1));
    expect(await publish(bystander, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
  });

  it('in packets of every type closes the connection and nothing else', async () => {
    const bystander = await connect('gate-a');
    const anyPacket = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 120 }))
      .map(([first, body]) => Uint8Array.from([first, body.length, ...body]));
    await fc.assert(
      fc.asyncProperty(fc.array(anyPacket, { maxLength: 8 }), (packets) => send([connectBytes, ...packets])),
      { numRuns: 500 },
    );
    await vi.waitFor(() => expect(broker.connections).toBe(1));
    expect(await publish(bystander, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
  });

  it('in a damaged CONNECT closes the connection and nothing else', async () => {
    const bystander = await connect('gate-a');
    const damage = fc.array(fc.tuple(fc.nat(connectBytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, (changes) => {
        const bytes = Buffer.from(connectBytes);
        for (const [at, value] of changes) bytes[at] = value;
        return send([bytes]);
      }),
      { numRuns: 500 },
    );
    await vi.waitFor(() => expect(broker.connections).toBe(1));
    expect(await publish(bystander, entriesTopic('gate-a'), 'x')).toBe('acknowledged');
  });
});
