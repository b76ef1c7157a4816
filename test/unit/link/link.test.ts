import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TopicReader, Topics } from '../../../kiosk/gateway-link.ts';
import { createLink, type Link, type LinkOptions } from '../../../kiosk/link.ts';
import { type Outbox, openOutbox } from '../../../kiosk/outbox.ts';
import type { SiteNotice } from '../../../shared/entry.ts';
import { Fault } from '../../../shared/fault.ts';
import { entriesTopic, siteTopic, stateTopic } from '../../../shared/topics.ts';
import { makeDraft } from '../../fakes/entries.ts';
import { MemoryGateway } from '../../fakes/memory-gateway.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

const entries = entriesTopic('gate-a');
const stateOf = stateTopic('gate-a');

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let outbox: Outbox;
let gateway: MemoryGateway;
let stop: AbortController;
let statuses: string[];
let notices: SiteNotice[];
let running: { link: Link; ended: Promise<void> } | null;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-link-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  const freeBytes = () => 1024 ** 4;
  // Its timer is its own: only those of the link are counted here.
  const own = { clock: new VirtualClock(), chance: seededChance(1), log: new RecordingLog() };
  outbox = openOutbox({ dir, kiosk: 'gate-a', ...own, freeBytes });
  gateway = await MemoryGateway.start();
  stop = new AbortController();
  statuses = [];
  notices = [];
  running = null;
});

afterEach(async () => {
  stop.abort();
  // Whatever a test left hanging ends when the time for a goodbye is over.
  for (let round = 0; round < 5; round++) await clock.advance(1_000);
  await running?.link[Symbol.asyncDispose]();
  await running?.ended.catch(() => {});
  await gateway[Symbol.asyncDispose]();
  await outbox[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

function options(changes: Partial<LinkOptions> = {}): LinkOptions {
  return {
    outbox,
    kiosk: 'gate-a',
    dial: gateway.dial,
    clock,
    chance: seededChance(2),
    log,
    state: () => ({ scanner: 'working' }),
    onSite: (notice) => notices.push(notice),
    onStatus: (status) => statuses.push(status),
    ...changes,
  };
}

function start(changes: Partial<LinkOptions> = {}): Link {
  const link = createLink(options(changes));
  running = { link, ended: link.run(stop.signal) };
  return link;
}

function append(count: number): void {
  for (let made = 0; made < count; made++) outbox.append(makeDraft(outbox.depth() + 1));
}

/** The gateway acknowledges no entry from now on: each one's acknowledgement, to be called, in the order they came. */
function holdEntries(): readonly (() => void)[] {
  const held: (() => void)[] = [];
  gateway.onPublish = (topic, acknowledge) => {
    if (topic === entries) held.push(acknowledge);
    else acknowledge();
  };
  return held;
}

/** Lets everything happen that needs no time, until `done` says so. */
async function until(done: () => boolean): Promise<void> {
  for (let round = 0; round < 5_000; round++) {
    if (done()) return;
    await settle(1);
  }
  expect.fail(`nothing more happens; log: ${JSON.stringify(log.lines)}`);
}

/** Lets time pass in small steps, until `done` says so. */
async function afterSome(done: () => boolean, withinMs = 120_000): Promise<void> {
  for (let passedMs = 0; passedMs < withinMs; passedMs += 100) {
    if (done()) return;
    await clock.advance(100);
    await settle(20);
  }
  expect.fail(`not within ${withinMs} ms; log: ${JSON.stringify(log.lines)}`);
}

function takenSeqs(): number[] {
  return gateway.taken.filter(({ topic }) => topic === entries).map(({ body }) => JSON.parse(body).seq as number);
}

function takenStates(): Record<string, unknown>[] {
  return gateway.taken.filter(({ topic }) => topic === stateOf).map(({ body }) => JSON.parse(body));
}

describe('sending', () => {
  it('delivers what waits, in order, byte for byte, and then forgets it', async () => {
    append(100);
    const bodies = outbox.peek(0, 100).map(({ body }) => body);
    start();
    await until(() => outbox.depth() === 0);
    expect(gateway.taken.filter(({ topic }) => topic === entries).map(({ body }) => body)).toEqual(bodies);
    expect(log.events.filter((event) => event !== 'link.connected')).toEqual([]);
  });

  it('sends a new entry when it is woken', async () => {
    const link = start();
    await until(() => statuses.length === 1);
    append(1);
    link.wake();
    await until(() => outbox.depth() === 0);
    expect(takenSeqs()).toEqual([1]);
  });

  it('keeps at most a window under way, and forgets nothing before its acknowledgement', async () => {
    const held = holdEntries();
    append(40);
    start({ limits: { windowMax: 16 } });
    await until(() => held.length === 16);
    await settle(50);
    expect([held.length, outbox.depth()]).toEqual([16, 40]);
    held[3]?.();
    await until(() => outbox.depth() === 39);
    expect(outbox.peek(0, 5).map(({ seq }) => seq)).toEqual([1, 2, 3, 5, 6]);
  });

  it('sends again from the oldest on, in order, when the connection is cut', async () => {
    const held = holdEntries();
    append(6);
    start();
    await until(() => held.length === 6);
    held[4]?.();
    await until(() => outbox.depth() === 5);
    gateway.onPublish = (_topic, acknowledge) => acknowledge();
    gateway.cut();
    await afterSome(() => outbox.depth() === 0);
    expect(takenSeqs()).toEqual([5, 1, 2, 3, 4, 6]);
  });

  it('ignores acknowledgements that an old connection still brings', async () => {
    const held = holdEntries();
    append(1);
    start();
    await until(() => held.length === 1);
    await afterSome(() => held.length === 2);
    held[0]?.();
    await settle(100);
    expect(outbox.depth()).toBe(1);
    held[1]?.();
    await until(() => outbox.depth() === 0);
  });
});

describe('a gateway in trouble', () => {
  const dark: Record<string, (stream: Duplex) => void> = {
    'accepts and says nothing': () => {},
    'accepts, swallows everything and says nothing': (stream) => void stream.resume(),
    'closes at once': (stream) => void stream.destroy(),
    'ends at once': (stream) => void stream.end(),
    'talks nonsense': (stream) => void stream.resume().write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'breaks with an error': (stream) => void stream.destroy(new Error('broken')),
    'promises a packet of 200 MB': (stream) => {
      stream.resume().write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x5f]));
      for (let chunk = 0; chunk < 10; chunk++) stream.write(Buffer.alloc(64 * 1024));
    },
  };

  for (const [what, answer] of Object.entries(dark)) {
    it(`that ${what} is tried again until it works`, async () => {
      const proper = gateway.answer;
      gateway.answer = answer;
      append(3);
      start();
      await afterSome(() => gateway.dials >= 4);
      expect(statuses).toEqual(['offline']);
      gateway.answer = proper;
      await afterSome(() => outbox.depth() === 0);
      expect(takenSeqs()).toEqual([1, 2, 3]);
      expect(statuses).toEqual(['offline', 'online']);
    });
  }

  it('that refuses the connection is tried again until it works', async () => {
    let refusing = true;
    await gateway[Symbol.asyncDispose]();
    gateway = await MemoryGateway.start(() => (refusing ? Object.assign(new Error('no'), { returnCode: 5 }) : null));
    append(1);
    start();
    await afterSome(() => gateway.dials >= 3);
    expect(log.lines.find(({ event }) => event === 'link.retry')?.fields).toMatchObject({
      reason: 'the gateway has cut this kiosk off',
      remedy: expect.stringContaining('whether it was revoked'),
    });
    refusing = false;
    await afterSome(() => outbox.depth() === 0);
  });

  it('that cannot be dialled at all is tried again until it works', async () => {
    let dials = 0;
    append(1);
    start({
      dial: () => {
        dials += 1;
        if (dials < 3) throw new Error('no route');
        return gateway.dial();
      },
    });
    await afterSome(() => outbox.depth() === 0);
  });

  it.each([
    ['a message', Object.assign(new Error('reset by peer'), { code: 'ECONNRESET' }), 'reset by peer'],
    ['a code and no message', Object.assign(new Error(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
  ])('whose line breaks with an error that has %s is tried again, and the log says why', async (_, error, reason) => {
    let dials = 0;
    append(1);
    start({
      dial: () => {
        dials += 1;
        const stream = gateway.dial();
        if (dials === 1) setImmediate(() => stream.destroy(error));
        return stream;
      },
    });
    await afterSome(() => outbox.depth() === 0);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ event: 'link.retry', fields: expect.objectContaining({ reason }) }),
    );
  });

  it('that never acknowledges loses the connection after the time for it, not before', async () => {
    gateway.onPublish = (topic, acknowledge) => {
      if (topic !== entries) acknowledge();
    };
    append(1);
    start();
    await until(() => statuses.length === 1);
    await clock.advance(9_000);
    expect(statuses).toEqual(['online']);
    await clock.advance(1_000);
    expect(statuses).toEqual(['online', 'offline']);
    expect(log.lines.at(-1)?.fields.reason).toContain('did not acknowledge an entry');
    expect(outbox.depth()).toBe(1);
  });

  it('that acknowledges some and then no more loses the connection, too', async () => {
    let left = 5;
    gateway.onPublish = (topic, acknowledge) => {
      if (topic !== entries || left-- > 0) acknowledge();
    };
    append(50);
    start();
    await until(() => outbox.depth() === 45);
    await clock.advance(10_000);
    expect(statuses).toEqual(['online', 'offline']);
  });

  it('that sends more than any packet of it needs loses the connection at once', async () => {
    start();
    await until(() => takenStates().length === 1);
    for (let chunk = 0; chunk < 10; chunk++) {
      gateway.streams[0]?.write(chunk === 0 ? Buffer.from([0x30, 0xff, 0xff, 0xff, 0x5f]) : Buffer.alloc(64 * 1024));
    }
    await until(() => statuses.length === 2);
    expect(log.lines.find(({ event }) => event === 'link.lost')?.fields.reason).toContain('too long a packet');
  });

  it('that falls silent while nothing is under way is noticed by the keepalive', async () => {
    start();
    await until(() => takenStates().length === 1);
    // From here on the line is dead in both directions, and nobody says so.
    for (const stream of gateway.streams) stream.removeAllListeners('data').removeAllListeners('readable').pause();
    gateway.answer = () => {};
    await afterSome(() => statuses.length === 2, 46_000);
    expect(log.lines.find(({ event }) => event === 'link.lost')?.fields.reason).toContain('eepalive');
  });

  it('that stays silent but answers pings keeps its connection for a day', async () => {
    start();
    await until(() => statuses.length === 1);
    for (let hour = 0; hour < 24; hour++) await clock.advance(3_600_000);
    expect(statuses).toEqual(['online']);
    expect(gateway.dials).toBe(1);
  });

  it('is not asked more often than every half minute in the long run, and logs one line for one reason', async () => {
    gateway.answer = (stream) => void stream.destroy();
    start();
    await clock.advance(3_600_000);
    expect(gateway.dials).toBeGreaterThan(3600 / 31);
    expect(gateway.dials).toBeLessThan(3600 / 15 + 10);
    expect(log.lines.filter(({ event, level }) => event === 'link.retry' && level === 'warn')).toHaveLength(1);
  });

  it('is asked soon again after a connection that took an entry, and later and later after ones that did not', async () => {
    const delays = () =>
      log.lines.filter(({ event }) => event === 'link.retry').map(({ fields }) => Number(fields.delayMs));
    gateway.onPublish = (topic, acknowledge) => acknowledge(topic === entries ? new Error('no') : null);
    append(1);
    start();
    await afterSome(() => delays().length === 6);
    expect(delays().at(-1)).toBeGreaterThan(4_000);
    gateway.onPublish = (_topic, acknowledge) => acknowledge();
    await afterSome(() => outbox.depth() === 0);
    gateway.cut();
    await afterSome(() => delays().length === 7);
    expect(delays().at(-1)).toBeLessThanOrEqual(500);
  });

  it('is asked soon again after a connection that lasted half a minute', async () => {
    const delays = () =>
      log.lines.filter(({ event }) => event === 'link.retry').map(({ fields }) => Number(fields.delayMs));
    const proper = gateway.answer;
    gateway.answer = (stream) => void stream.destroy();
    start();
    await afterSome(() => delays().length === 6);
    gateway.answer = proper;
    await afterSome(() => statuses.includes('online'));
    await clock.advance(30_000);
    gateway.cut();
    await afterSome(() => delays().length === 7);
    expect(delays().at(-1)).toBeLessThanOrEqual(500);
  });
});

describe('an outbox in trouble', () => {
  /** The outbox, but for what a test changes. */
  function outboxBut(changes: Partial<Outbox>): Outbox {
    return {
      epoch: outbox.epoch,
      entriesMax: outbox.entriesMax,
      append: (draft, presence, gate) => outbox.append(draft, presence, gate),
      gate: () => outbox.gate(),
      lastDirection: (subject) => outbox.lastDirection(subject),
      peek: (afterSeq, limit) => outbox.peek(afterSeq, limit),
      forget: (seqs) => outbox.forget(seqs),
      depth: () => outbox.depth(),
      oldestAtMs: () => outbox.oldestAtMs(),
      level: () => outbox.level(),
      [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose](),
      ...changes,
    };
  }

  it('that cannot forget for a while costs no second copy, also across a reconnect, and goes on by itself', async () => {
    let failing = true;
    const forget = (seqs: readonly number[]) => {
      if (failing) throw new Fault('OUTBOX_WRITE_FAILED', 'for a test');
      outbox.forget(seqs);
    };
    append(40);
    start({ outbox: outboxBut({ forget }) });
    await until(() => log.events.includes('link.forget-failed'));
    const sent = takenSeqs().length;
    gateway.cut();
    await clock.advance(30_000);
    expect(takenSeqs()).toHaveLength(sent);
    failing = false;
    await afterSome(() => outbox.depth() === 0);
    expect(takenSeqs()).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(log.events.filter((event) => event === 'link.forget-failed')).toHaveLength(1);
  });

  it('that cannot be read ends the link with its fault, and leaves nothing behind', async () => {
    const peek = () => {
      throw new Fault('OUTBOX_CORRUPT', 'for a test');
    };
    start({ outbox: outboxBut({ peek }) });
    await expect(running?.ended).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' });
    await settle();
    expect(clock.timers).toBe(0);
  });
});

describe('the state', () => {
  it('is told, retained, on connecting, at a change and every minute', async () => {
    const link = start();
    await until(() => takenStates().length === 1);
    expect(takenStates()).toEqual([{ v: 1, online: true, scanner: 'working' }]);
    expect(gateway.taken[0]?.retain).toBe(true);
    await clock.advance(1_000);
    link.stateChanged();
    await clock.advance(0);
    await until(() => takenStates().length === 2);
    await clock.advance(60_000);
    await until(() => takenStates().length === 3);
  });

  it('becomes offline by the last will when the kiosk vanishes', async () => {
    start();
    await until(() => takenStates().length === 1);
    gateway.cut();
    await until(() => takenStates().length === 2);
    expect(takenStates()[1]).toEqual({ v: 1, online: false });
    expect(gateway.taken.at(-1)?.retain).toBe(true);
  });

  it('becomes offline by the kiosk itself at a clean stop, once, after what was under way', async () => {
    const held = holdEntries();
    append(2);
    start();
    await until(() => held.length === 2);
    stop.abort();
    await settle(20);
    for (const acknowledge of held) acknowledge();
    await running?.ended;
    expect(outbox.depth()).toBe(0);
    expect(takenStates().filter(({ online }) => online === false)).toEqual([{ v: 1, online: false }]);
    expect(clock.timers).toBe(0);
  });
});

describe('stopping', () => {
  it('takes at most two seconds when the gateway no longer answers', async () => {
    gateway.onPublish = () => {};
    append(1);
    start();
    await until(() => statuses.length === 1);
    stop.abort();
    await clock.advance(2_000);
    await running?.ended;
    expect(outbox.depth()).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it('that came before the start leaves nothing to do', async () => {
    stop.abort();
    start();
    await running?.ended;
    expect([gateway.dials, clock.timers]).toEqual([0, 0]);
  });

  it('ends at once while connecting and while waiting for the next attempt', async () => {
    gateway.answer = () => {};
    start();
    await settle();
    stop.abort();
    await running?.ended;
    expect(clock.timers).toBe(0);

    gateway.answer = (stream) => void stream.destroy();
    stop = new AbortController();
    start();
    await until(() => log.events.includes('link.retry'));
    stop.abort();
    await running?.ended;
    expect(clock.timers).toBe(0);
  });

  it('is what disposing does, twice without harm, also when it never ran', async () => {
    const link = start();
    await until(() => statuses.length === 1);
    await link[Symbol.asyncDispose]();
    await link[Symbol.asyncDispose]();
    await running?.ended;
    const idle = createLink(options());
    idle.wake();
    idle.stateChanged();
    await idle[Symbol.asyncDispose]();
  });
});

describe('a reader of other topics', () => {
  const publish = (topic: string, payload: string) =>
    new Promise<void>((resolve) => {
      gateway.broker.publish({ cmd: 'publish', topic, payload, qos: 1, retain: true, dup: false }, () => resolve());
    });

  it('hears what it asks for on each connection, until it gives it back, and never the notice of the site', async () => {
    const happened: string[] = [];
    let topics: Topics | null = null;
    const reader: TopicReader = {
      connected: (given) => {
        topics = given;
        happened.push('connected');
        given.subscribe('a/topic');
      },
      lost: () => happened.push('lost'),
      heard: (topic, payload) => happened.push(`${topic} ${Buffer.from(payload)}`),
    };
    await publish('a/topic', '1');
    await publish(siteTopic, '{}');
    start({ reader });
    await until(() => happened.length === 2);
    await publish('a/topic', '2');
    await until(() => happened.length === 3);
    gateway.cut();
    await until(() => happened.length === 4);
    const old = topics as Topics | null;
    old?.subscribe('b/topic');
    await afterSome(() => happened.length === 6);
    (topics as Topics | null)?.unsubscribe('a/topic');
    await settle(50);
    await publish('a/topic', '3');
    await publish('b/topic', '4');
    await settle(50);
    expect(happened).toEqual(['connected', 'a/topic 1', 'a/topic 2', 'lost', 'connected', 'a/topic 2']);
  });

  it('is not told of a connection that never came up', async () => {
    const happened: string[] = [];
    gateway.answer = (stream) => void stream.destroy();
    const reader = { connected: () => happened.push('connected'), lost: () => happened.push('lost'), heard: () => {} };
    start({ reader });
    await afterSome(() => gateway.dials === 3);
    expect(happened).toEqual([]);
  });
});

describe('the notice of the site', () => {
  const notice: SiteNotice = { v: 1, site: 'Nhà máy A', key: { id: 'abc', publicKey: 'A'.repeat(43) } };

  async function publishNotice(payload: string): Promise<void> {
    const packet = { cmd: 'publish', topic: siteTopic, payload, qos: 1, retain: true, dup: false } as const;
    await new Promise<void>((resolve, reject) =>
      gateway.broker.publish(packet, (error) => (error ? reject(error) : resolve())),
    );
  }

  it('is handed on, whether it was there before or comes later', async () => {
    await publishNotice(JSON.stringify(notice));
    start();
    await until(() => notices.length === 1);
    await publishNotice(JSON.stringify({ ...notice, site: 'Nhà máy B' }));
    await until(() => notices.length === 2);
    expect(notices.map(({ site }) => site)).toEqual(['Nhà máy A', 'Nhà máy B']);
  });

  it('is ignored and logged when it is nonsense or too long', async () => {
    start();
    await until(() => takenStates().length === 1);
    for (const bad of ['', '{', 'null', '{"v":1}', JSON.stringify({ ...notice, pad: 'x'.repeat(5_000) })]) {
      await publishNotice(bad);
    }
    await publishNotice(JSON.stringify(notice));
    await until(() => notices.length === 1);
    expect(log.events.filter((event) => event === 'link.notice-invalid').length).toBeGreaterThanOrEqual(4);
    expect(statuses).toEqual(['online']);
  });
});

describe('a thousand reconnects', () => {
  it('leave no timer, listener or stream behind and lose nothing', async () => {
    const link = start({ limits: { retry: { firstMs: 10, factor: 1, maxMs: 10, jitter: 0 } } });
    const resources = () => process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length;
    const warnings: string[] = [];
    const warn = (warning: Error) => warnings.push(warning.name);
    process.on('warning', warn);
    const timers = new Set<number>();
    let before = 0;
    for (let round = 0; round < 1_000; round++) {
      append(1);
      link.wake();
      await until(() => outbox.depth() === 0);
      timers.add(clock.timers);
      if (round === 10) before = resources();
      gateway.cut();
      await until(() => log.events.at(-1) === 'link.retry');
      log.lines.length = 0;
      await clock.advance(10);
    }
    await until(() => gateway.dials === 1_001);
    process.off('warning', warn);
    // Of the keepalive, the state and, at times, an acknowledgement.
    expect(Math.max(...timers)).toBeLessThanOrEqual(3);
    expect(resources()).toBeLessThanOrEqual(before + 2);
    expect(warnings).toEqual([]);
    expect(gateway.broker.connectedClients).toBeLessThanOrEqual(1);
    expect(new Set(takenSeqs()).size).toBe(1_000);
  });
});
