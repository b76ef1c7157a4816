/** From the store to the other gates: what the gateway tells of passages, and what a kiosk makes of it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keysOf } from '../../../gateway/intake.ts';
import { type PresenceTeller, tellPresence } from '../../../gateway/presence/presence-teller.ts';
import { HeardPresence, peopleMax, staleAfterMs } from '../../../kiosk/heard-presence.ts';
import { LazyPresence, type Presence, type PresenceWish } from '../../../kiosk/presence.ts';
import type { Direction, Entry } from '../../../shared/entry.ts';
import { Fault } from '../../../shared/fault.ts';
import type { Clock } from '../../../shared/ports.ts';
import { encodePresence, encodeSnapshot, personOf, snapshotList } from '../../../shared/presence.ts';
import { listChunkTopic, presenceTopic, rulesTopic } from '../../../shared/topics.ts';
import { makeEntry } from '../../fakes/entries.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { RulesRoad } from '../../fakes/rules-road.ts';
import { MemorySiteRules, someSubject } from '../../fakes/site-rules.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const hourMs = 3_600_000;

/** A clock that knows whether anybody sleeps by it: the gateway's files are real, and take the time they take. */
class WatchedClock implements Clock {
  readonly #clock: VirtualClock;
  sleepers = 0;

  constructor(of: VirtualClock) {
    this.#clock = of;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, callback: () => void): Disposable {
    let isOver = false;
    const end = () => {
      if (!isOver) this.sleepers--;
      isOver = true;
    };
    this.sleepers++;
    const timer = this.#clock.after(delayMs, () => {
      end();
      callback();
    });
    return {
      [Symbol.dispose]() {
        end();
        timer[Symbol.dispose]();
      },
    };
  }
}

let dir: string;
let clock: VirtualClock;
let gatewayClock: WatchedClock;
let log: RecordingLog;
let gatewayLog: RecordingLog;
let store: MemoryStore;
let site: MemorySiteRules;
let road: RulesRoad;
let teller: PresenceTeller;
let entries: number;
let wish: PresenceWish;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-presence-'));
  clock = new VirtualClock();
  gatewayClock = new WatchedClock(clock);
  log = new RecordingLog();
  gatewayLog = new RecordingLog();
  store = new MemoryStore();
  site = new MemorySiteRules();
  road = new RulesRoad(rulesTopic('gate-a'));
  entries = 0;
  wish = { passages: true };
  teller = startTeller();
});
afterEach(async () => {
  await teller[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

function startTeller(): PresenceTeller {
  return tellPresence({ dataDir: dir, store, site, announcements: road, clock: gatewayClock, log: gatewayLog });
}

async function passes(person: number | null, direction: Direction, changes: Partial<Entry> = {}): Promise<void> {
  const subject = person === null ? null : someSubject(person);
  const at = new Date(clock.nowMs()).toISOString();
  const { entry, payload } = makeEntry(++entries, { seq: entries, subject, direction, at, ...changes });
  await store.append([{ type: 'entry', entry: keysOf(entry), body: payload, receivedMs: clock.nowMs() }]);
}

/** Lets time pass, the gateway look once more, and everything arrive. */
async function tick(ms = 500): Promise<void> {
  for (const partMs of [ms, 500]) {
    await until('the gateway has looked', 10_000, () => gatewayClock.sleepers > 0);
    await clock.advance(partMs);
  }
  await until('the gateway has looked', 10_000, () => gatewayClock.sleepers > 0);
  await road.run();
}

const strict = { everywhere: 'refuse', gates: {} } as const;
const limit = { limit: 5, strictness: 'refuse', resetAt: null } as const;

function newKiosk(): HeardPresence {
  return new HeardPresence({ wish: () => wish, clock, log });
}

const whereIs = (kiosk: Presence, person: number) => kiosk.lastPassage(someSubject(person), null)?.direction ?? null;

describe('a kiosk', () => {
  it('hears who passed elsewhere, before it came and since, and how many are inside', async () => {
    site.set({ passback: strict });
    await tick();
    await passes(1, 'in');
    await tick();
    const kiosk = newKiosk();
    expect([kiosk.isCurrent, kiosk.inside]).toEqual([false, null]);
    road.connect(kiosk);
    await tick();
    await passes(2, 'in');
    await passes(1, 'out');
    await passes(null, 'in', { method: 'manual' });
    await tick();
    expect([1, 2, 3].map((person) => whereIs(kiosk, person))).toEqual(['out', 'in', null]);
    expect([kiosk.isCurrent, kiosk.inside]).toEqual([true, 2]);
    expect([...road.subscribed]).toEqual([presenceTopic]);
    kiosk.passed('in');
    expect(kiosk.inside).toBe(3);
  });

  it('knows all of it however many passed before and meanwhile', async () => {
    site.set({ passback: strict });
    await tick();
    for (let person = 0; person < 3_000; person++) await passes(person, 'in');
    await tick();
    const kiosk = newKiosk();
    road.connect(kiosk);
    await road.run(4);
    for (let person = 0; person < 700; person++) await passes(person, 'out');
    await tick();
    await tick(10_000);
    const wrong = Array.from({ length: 3_000 }, (_, person) => person).filter(
      (person) => whereIs(kiosk, person) !== (person < 700 ? 'out' : 'in'),
    );
    expect(wrong).toEqual([]);
    expect([kiosk.isCurrent, kiosk.inside]).toEqual([true, 2_300]);
    expect(gatewayLog.events).not.toContain('presence.not-told');
  });

  it('goes on by what it heard, and says after two minutes that this is stale', async () => {
    site.set({ passback: strict });
    await tick();
    await passes(1, 'in');
    await tick();
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    teller.noteState('gate-a', { v: 1, online: true });
    road.cut();
    await clock.advance(staleAfterMs - 1);
    expect([kiosk.isCurrent, whereIs(kiosk, 1)]).toEqual([true, 'in']);
    await clock.advance(1);
    expect([kiosk.isCurrent, whereIs(kiosk, 1)]).toEqual([false, 'in']);
    road.connect(kiosk);
    await tick();
    expect(kiosk.isCurrent).toBe(true);
  });

  it('takes its own passage where that is the newer', async () => {
    site.set({ passback: strict });
    await tick();
    await passes(1, 'in');
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    const own = { direction: 'out', atMs: clock.nowMs() } as const;
    expect(kiosk.lastPassage(someSubject(1), own)).toEqual(own);
    expect(kiosk.lastPassage(someSubject(1), { ...own, atMs: 1 })).toMatchObject({ direction: 'in' });
    expect(kiosk.lastPassage(someSubject(2), own)).toEqual(own);
  });

  it('does not say that it knows all while a kiosk is not heard', async () => {
    site.set({ passback: strict });
    await tick();
    await passes(1, 'in');
    teller.noteState('gate-a', { v: 1, online: true });
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    expect(kiosk.isCurrent).toBe(true);
    teller.noteState('gate-a', { v: 1, online: false });
    await tick(40_000);
    expect(kiosk.isCurrent).toBe(false);
    teller.noteState('gate-a', { v: 1, online: true });
    await tick();
    expect(kiosk.isCurrent).toBe(true);
  });

  it('ignores what it cannot read, and asks again for a snapshot that is not the one spoken of', async () => {
    const kiosk = newKiosk();
    const chunk = listChunkTopic(snapshotList, 0);
    const one = { person: personOf(someSubject(1)), direction: 'in', atMs: 1_000 } as const;
    await road.retain(chunk, encodeSnapshot(1, [one]));
    await road.retain(
      presenceTopic,
      encodePresence({ generation: 2, isComplete: true, sinceMs: 0, inside: 1, passages: [] }),
    );
    road.connect(kiosk);
    await road.run();
    road.inject(presenceTopic, Uint8Array.of(9, 9));
    await road.run();
    expect([log.events, kiosk.isCurrent, whereIs(kiosk, 1)]).toEqual([['presence.invalid'], false, null]);
    await road.retain(chunk, encodeSnapshot(2, [one]));
    await tick();
    expect([kiosk.isCurrent, whereIs(kiosk, 1)]).toEqual([true, 'in']);
  });

  it('remembers no more people than it may', () => {
    const kiosk = newKiosk();
    road.connect(kiosk);
    for (let first = 0; first <= peopleMax; first += 500) {
      const passages = Array.from({ length: 500 }, (_, index) => ({
        person: personOf(someSubject(first + index)),
        direction: 'in' as const,
        atMs: 1_000 + first,
      }));
      kiosk.heard(presenceTopic, encodePresence({ generation: 1, isComplete: true, sinceMs: 0, inside: 1, passages }));
    }
    expect([whereIs(kiosk, 0), whereIs(kiosk, peopleMax - 1)]).toEqual([null, 'in']);
  });
});

describe('a gateway', () => {
  it('does and tells nothing where the site wants nothing, and stops telling when it is wanted no more', async () => {
    await passes(1, 'in');
    await tick();
    expect(road.retained.size).toBe(0);
    site.set({ occupancy: limit });
    await tick();
    await passes(2, 'in');
    await tick();
    // Who it was is nobody's business where only a number is wanted.
    expect([...road.retained.keys()]).toEqual([presenceTopic]);
    expect(road.retained.get(presenceTopic)).toHaveLength(20);
    site.set({ occupancy: null });
    await tick();
    expect(road.retained.size).toBe(0);
    expect(() => readFileSync(join(dir, 'presence.json'))).toThrow('ENOENT');
  });

  it('counts those inside again after a restart, and keeps nobody on its disk for it', async () => {
    site.set({ occupancy: limit });
    await tick();
    await passes(1, 'in');
    await passes(2, 'in');
    await tick();
    await teller[Symbol.asyncDispose]();
    await passes(2, 'out');
    await passes(3, 'in');
    teller = startTeller();
    wish = { passages: false };
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    expect(kiosk.inside).toBe(2);
    expect(Object.keys(JSON.parse(readFileSync(join(dir, 'presence.json'), 'utf8')))).toEqual(['v', 'marks']);
    // Without its marks it begins with nobody.
    await teller[Symbol.asyncDispose]();
    writeFileSync(join(dir, 'presence.json'), 'damaged');
    teller = startTeller();
    await tick();
    expect(kiosk.inside).toBe(0);
  });

  it('lets everybody leave after a stay, by hand, and at the hour that was said', async () => {
    wish = { passages: false };
    site.set({ occupancy: limit });
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    await passes(1, 'in');
    await tick();
    expect(kiosk.inside).toBe(1);
    await tick(16 * hourMs);
    expect(kiosk.inside).toBe(0);
    await passes(1, 'in');
    await tick();
    site.set({ resetMs: clock.nowMs() });
    await tick();
    expect(kiosk.inside).toBe(0);
    await passes(2, 'in');
    await tick();
    expect(kiosk.inside).toBe(1);
    const soon = new Date(clock.nowMs() + 7 * hourMs + 120_000).toISOString().slice(11, 16);
    site.set({ occupancy: { ...limit, resetAt: soon } });
    await tick();
    expect(kiosk.inside).toBe(1);
    await tick(180_000);
    expect(kiosk.inside).toBe(0);
  });

  it('forgets passages of before a reset at the kiosks too', async () => {
    site.set({ passback: strict });
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    await passes(1, 'in');
    await tick();
    const own = { direction: 'in', atMs: clock.nowMs() } as const;
    await tick();
    site.set({ resetMs: clock.nowMs() });
    await tick();
    expect([whereIs(kiosk, 1), kiosk.lastPassage(someSubject(2), own)]).toEqual([null, null]);
  });

  it('takes who was refused for nobody, a clock that is off for now, and old entries for over', async () => {
    wish = { passages: false };
    site.set({ occupancy: limit });
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    const unsynced = { synced: false, boot: 'b', monotonicMs: 1 };
    await passes(1, 'in', { outcome: 'refused', reason: 'full' });
    await passes(2, 'in', { at: '2020-01-01T00:00:00.000Z', clock: unsynced });
    await passes(3, 'in', { at: '2020-01-01T00:00:00.000Z' });
    await passes(null, 'in');
    await tick();
    expect(kiosk.inside).toBe(1);
  });

  it('takes a way out for newer than the way in before, by whatever clock, also after a restart', async () => {
    site.set({ passback: strict });
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    await passes(1, 'in');
    await passes(2, 'in');
    await tick();
    const hourAgo = new Date(clock.nowMs() - hourMs).toISOString();
    await passes(1, 'out', { at: hourAgo, clock: { synced: false, boot: 'b', monotonicMs: 1 } });
    await tick();
    expect([whereIs(kiosk, 1), kiosk.inside]).toEqual(['out', 1]);
    await teller[Symbol.asyncDispose]();
    await passes(3, 'in');
    teller = startTeller();
    await tick();
    expect(kiosk.inside).toBe(2);
  });

  it('goes on where it was when the store or the rules cannot be read for a while', async () => {
    wish = { passages: false };
    site.set({ occupancy: limit });
    const kiosk = newKiosk();
    road.connect(kiosk);
    await tick();
    site.trouble = new Fault('SITE_RULES_DAMAGED', 'made up.');
    await passes(1, 'in');
    await tick();
    expect(gatewayLog.events).toContain('presence.not-told');
    site.trouble = null;
    await tick();
    expect(kiosk.inside).toBe(1);
  });
});

describe('the shell of it', () => {
  it('loads nothing and asks for nothing until the site wants it, and lets go of it when it does not', async () => {
    wish = null;
    const shell = new LazyPresence({ wish: () => wish, clock, log });
    road.connect(shell);
    expect([shell.isCurrent, shell.inside, [...road.subscribed]]).toEqual([false, null, []]);
    wish = { passages: false };
    shell.rulesChanged();
    await import('../../../kiosk/heard-presence.ts');
    site.set({ occupancy: limit });
    await tick();
    await tick();
    expect([shell.isCurrent, shell.inside]).toEqual([true, 0]);
    shell.passed('in');
    expect([shell.inside, shell.lastPassage(someSubject(1), null)]).toEqual([1, null]);
    wish = null;
    shell.rulesChanged();
    expect([shell.inside, [...road.subscribed]]).toEqual([null, []]);
  });
});

describe('whatever order things come in', () => {
  it('a kiosk knows in the end where everybody went last', async () => {
    const step = fc.oneof(
      fc.record({ person: fc.nat(5), direction: fc.constantFrom<Direction>('in', 'out') }),
      fc.constantFrom('cut', 'connect', 'tick', 'one packet', 'restart'),
    );
    site.set({ passback: strict });
    await tick();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const kiosk = newKiosk();
        const last = new Map<number, Direction>();
        for (const one of steps) {
          await clock.advance(1);
          if (typeof one !== 'string') {
            await passes(one.person, one.direction);
            last.set(one.person, one.direction);
          } else if (one === 'cut') road.cut();
          else if (one === 'tick') await tick();
          else if (one === 'one packet') await road.run(1);
          else if (one === 'restart') {
            await teller[Symbol.asyncDispose]();
            teller = startTeller();
          } else road.connect(kiosk);
        }
        road.cut();
        road.connect(kiosk);
        await tick();
        await tick(12_000);
        for (const [person, direction] of last) expect(whereIs(kiosk, person)).toBe(direction);
        expect(kiosk.isCurrent).toBe(true);
        road.cut();
        teller.noteState('gate-a', { v: 1, online: true });
      }),
      { numRuns: 40 },
    );
  });
});
