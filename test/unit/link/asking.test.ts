/** Questions and answers: the kiosk's real link joined to the gateway's real broker, in memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MqttBroker, startMqtt } from '../../../gateway/broker.ts';
import type { Answers } from '../../../gateway/questions.ts';
import { createLink, type Link } from '../../../kiosk/link.ts';
import { type Outbox, openOutbox } from '../../../kiosk/outbox.ts';
import { answerBytesMax, questionBytesMax } from '../../../shared/questions.ts';
import { answerTopic, askTopic, siteTopic } from '../../../shared/topics.ts';
import { MemoryGateway } from '../../fakes/memory-gateway.ts';
import { connectionPair, mqttPair } from '../../fakes/mqtt-pair.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

const siteNotice = { v: 1, site: 'Nhà máy A', key: { id: 'key', publicKey: 'A'.repeat(43) } } as const;

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let kioskLog: RecordingLog;
let outbox: Outbox;
let broker: MqttBroker;
let ends: Duplex[];
let stop: AbortController;
let running: { link: Link; ended: Promise<void>; isOnline: () => boolean } | null;
const strangers: MqttClient[] = [];

/** What the gateway was asked: by whom, and what. */
let asked: string[];
let answers: Answers;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-asking-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  kioskLog = new RecordingLog();
  const freeBytes = () => 1024 ** 4;
  outbox = openOutbox({ dir, kiosk: 'gate-a', clock, chance: seededChance(1), log: kioskLog, freeBytes });
  asked = [];
  answers = {
    echo: async (kiosk, payload) => {
      asked.push(`${kiosk}: ${Buffer.from(payload)}`);
      return Buffer.from(`heard ${Buffer.from(payload)}`);
    },
  };
  ends = [];
  stop = new AbortController();
  running = null;
});

afterEach(async () => {
  stop.abort();
  for (const client of strangers.splice(0)) client.end(true);
  const stopped = broker?.[Symbol.asyncDispose]();
  for (let round = 0; round < 15; round++) await clock.advance(1_000);
  await stopped;
  await running?.link[Symbol.asyncDispose]();
  await running?.ended.catch(() => {});
  await outbox[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

async function startGateway(): Promise<void> {
  broker = await startMqtt({ accept: async () => {}, onState: () => {}, siteNotice, answers, clock, log });
}

function dial(): Duplex {
  const [kioskEnd, gatewayEnd] = connectionPair();
  ends.push(gatewayEnd);
  broker.handle(gatewayEnd, 'gate-a');
  return kioskEnd;
}

async function startKiosk(dialGateway: () => Duplex = dial): Promise<Link> {
  let isOnline = false;
  const link = createLink({
    ...{ outbox, kiosk: 'gate-a', dial: dialGateway, clock, chance: seededChance(2), log: kioskLog },
    state: () => ({}),
    onStatus: (status) => {
      isOnline = status === 'online';
    },
  });
  running = { link, ended: link.run(stop.signal), isOnline: () => isOnline };
  await until(() => isOnline);
  return link;
}

async function until(done: () => boolean): Promise<void> {
  for (let round = 0; round < 5_000; round++) {
    if (done()) return;
    await settle(1);
  }
  expect.fail(`nothing more happens; log: ${JSON.stringify([...log.lines, ...kioskLog.lines])}`);
}

/** The answer's text, or null. What needs time to come to nothing is given it. */
async function ask(link: Link, question: string, text: string): Promise<string | null> {
  let answer: Uint8Array | null | undefined;
  void link.ask(question, Buffer.from(text)).then((came) => {
    answer = came;
  });
  for (let round = 0; round < 40 && answer === undefined; round++) {
    await settle(50);
    if (answer === undefined) await clock.advance(500);
  }
  if (answer === undefined) return expect.fail('the question was never settled');
  return answer === null ? null : Buffer.from(answer).toString();
}

function unanswered(): unknown[] {
  return log.lines.filter(({ event }) => event === 'question.unanswered').map(({ fields }) => fields.reason);
}

/** A client that has the kiosk's certificate and minds no manners. */
async function attach(kiosk: string): Promise<MqttClient> {
  const { client, serverEnd } = mqttPair();
  strangers.push(client);
  broker.handle(serverEnd, kiosk);
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

describe('a question', () => {
  it('is answered over the connection that asked, and there only', async () => {
    await startGateway();
    const link = await startKiosk();
    const twin = await attach('gate-a');
    const overheard: string[] = [];
    twin.on('message', (topic) => overheard.push(topic));
    await twin.subscribeAsync('ravao/v1/kiosks/gate-a/#', { qos: 1 });
    expect(await ask(link, 'echo', 'hello')).toBe('heard hello');
    expect(asked).toEqual(['gate-a: hello']);
    expect(overheard.filter((topic) => /ask|answer/.test(topic))).toEqual([]);
  });

  it('may be asked as soon as there is a connection, before the site has said what it answers', async () => {
    await startGateway();
    const link = await startKiosk();
    expect(await Promise.all([ask(link, 'echo', 'one'), ask(link, 'other', 'two')])).toEqual(['heard one', null]);
  });

  it('of a name that the gateway does not answer is not asked at all', async () => {
    answers = { other: async () => null };
    await startGateway();
    const link = await startKiosk();
    expect(await ask(link, 'echo', 'hello')).toBeNull();
    expect(running?.isOnline()).toBe(true);
    expect(log.events).not.toContain('question.unanswered');
  });

  it('is nothing to a gateway that knows of no questions: the connection stays', async () => {
    await startGateway();
    await using old = await MemoryGateway.start();
    const link = await startKiosk(old.dial);
    expect(await ask(link, 'echo', 'hello')).toBeNull();
    expect(old.taken.filter(({ topic }) => topic.includes('/ask/'))).toEqual([]);
    expect(running?.isOnline()).toBe(true);
  });

  it('is nothing where the kiosk may hear nothing: the log says so, and the connection stays', async () => {
    await startGateway();
    await using deaf = await MemoryGateway.start();
    deaf.broker.authorizeSubscribe = (_client, _subscription, done) => done(null, null);
    const link = await startKiosk(deaf.dial);
    expect(await ask(link, 'echo', 'hello')).toBeNull();
    const failed = kioskLog.lines.find(({ event }) => event === 'link.subscribe-failed');
    expect(failed).toMatchObject({ level: 'warn', fields: { topic: siteTopic, reason: expect.any(String) } });
    expect(running?.isOnline()).toBe(true);
  });

  it('without a connection comes to nothing at once', async () => {
    await startGateway();
    const link = await startKiosk();
    ends[0]?.destroy();
    await until(() => running?.isOnline() === false);
    expect(await link.ask('echo', Buffer.from('x'))).toBeNull();
  });

  it('comes to nothing when the connection is lost meanwhile, and can be asked over the next', async () => {
    const never = Promise.withResolvers<null>();
    answers = { slow: () => never.promise, ...answers };
    await startGateway();
    const link = await startKiosk();
    const answer = link.ask('slow', Buffer.from('x'));
    await settle(50);
    ends[0]?.destroy();
    expect(await answer).toBeNull();
    await until(() => running?.isOnline() === false);
    for (let step = 0; step < 20 && running?.isOnline() === false; step++) await clock.advance(100);
    expect(await ask(link, 'echo', 'again')).toBe('heard again');
    never.resolve(null);
  });

  it('whose answer comes too late is not taken for the answer to the next', async () => {
    const held: ((answer: Uint8Array) => void)[] = [];
    answers = { slow: () => new Promise((resolve) => held.push(resolve)) };
    await startGateway();
    const link = await startKiosk();
    expect(await ask(link, 'slow', 'first')).toBeNull();
    held[0]?.(Buffer.from('the first answer'));
    await settle(50);
    const second = ask(link, 'slow', 'second');
    await until(() => held.length === 2);
    held[1]?.(Buffer.from('the second answer'));
    expect(await second).toBe('the second answer');
  });

  it('comes to nothing when the gateway fails to answer, which it logs', async () => {
    answers = {
      broken: async () => {
        throw new Error('no space left');
      },
    };
    await startGateway();
    const link = await startKiosk();
    expect(await ask(link, 'broken', 'x')).toBeNull();
    expect(unanswered()).toEqual(['failed']);
  });

  it('that is too long is not asked, and an answer that is too long is not given', async () => {
    answers = { ...answers, long: async () => Buffer.alloc(answerBytesMax + 1) };
    await startGateway();
    const link = await startKiosk();
    expect(await ask(link, 'echo', 'x'.repeat(questionBytesMax + 1))).toBeNull();
    expect(asked).toEqual([]);
    expect(await ask(link, 'long', 'x')).toBeNull();
    expect(unanswered()).toEqual(['answer-too-long']);
  });

  it('that is under way is not asked a second time', async () => {
    await startGateway();
    const link = await startKiosk();
    const first = ask(link, 'echo', 'one');
    expect(await link.ask('echo', Buffer.from('two'))).toBeNull();
    expect(await first).toBe('heard one');
  });

  it('is not answered when the kiosk stops, which it does at once', async () => {
    const never = Promise.withResolvers<null>();
    answers = { slow: () => never.promise };
    await startGateway();
    const link = await startKiosk();
    const answer = link.ask('slow', Buffer.from('x'));
    await settle(50);
    stop.abort();
    expect(await answer).toBeNull();
    await running?.ended;
    never.resolve(null);
  });
});

describe('a kiosk gone wild', () => {
  async function publish(client: MqttClient, question: string, text: string, id = '1'): Promise<void> {
    await client.publishAsync(askTopic('gate-a', question, id), text, { qos: 0 });
    await settle(50);
  }

  it.each([
    ['asks what nobody answers', 'nonsense', 'x', 'unknown'],
    ['asks for what every object has', 'constructor', 'x', 'unknown'],
    ['asks at length', 'echo', 'x'.repeat(questionBytesMax + 1), 'too-long'],
  ])('that %s is passed over, and stays', async (_title, question, text, reason) => {
    await startGateway();
    const client = await attach('gate-a');
    await publish(client, question, text);
    expect(unanswered()).toEqual([reason]);
    expect(asked).toEqual([]);
    expect(client.connected).toBe(true);
  });

  it('that asks too often is passed over until the minute is over, also over other connections; others are not', async () => {
    await startGateway();
    const clients = [await attach('gate-a'), await attach('gate-a')];
    for (let time = 0; time < 20; time++) await publish(clients[time % 2] as MqttClient, 'echo', `${time}`);
    expect(asked).toHaveLength(10);
    expect(unanswered()).toEqual(['too-many']);
    const other = await attach('gate-b');
    await other.publishAsync(askTopic('gate-b', 'echo', '1'), 'hello', { qos: 0 });
    await until(() => asked.includes('gate-b: hello'));
    await clock.advance(60_000);
    await publish(clients[0] as MqttClient, 'echo', 'later');
    expect(asked.at(-1)).toBe('gate-a: later');
    expect(clients.map(({ connected }) => connected)).toEqual([true, true]);
  });

  it('that asks again before it has an answer is passed over', async () => {
    const held: ((answer: null) => void)[] = [];
    answers = { slow: () => new Promise((resolve) => held.push(resolve)) };
    await startGateway();
    const client = await attach('gate-a');
    await publish(client, 'slow', 'x');
    await publish(client, 'slow', 'x', '2');
    expect(held).toHaveLength(1);
    expect(unanswered()).toEqual(['under-way']);
    held[0]?.(null);
    await settle(50);
    await publish(client, 'slow', 'x', '3');
    expect(held).toHaveLength(2);
    held[1]?.(null);
  });

  it('that asks as another is disconnected, as with anything it says as another', async () => {
    await startGateway();
    const client = await attach('gate-a');
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.publish(askTopic('gate-b', 'echo', '1'), 'x', { qos: 0 });
    await closed;
    expect(asked).toEqual([]);
  });

  it('that answers itself, retained or not, is disconnected', async () => {
    await startGateway();
    const client = await attach('gate-a');
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.publish(answerTopic('gate-a', 'echo', '1'), 'x', { qos: 1, retain: true });
    await closed;
    expect(log.events).toContain('broker.topic-denied');
  });
});
