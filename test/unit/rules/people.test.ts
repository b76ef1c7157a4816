/** People in the rules, from the gateway's publisher to the kiosk's answers, over topics without a network. */
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishRules } from '../../../gateway/rules.ts';
import { openRules, type Rules } from '../../../kiosk/rules.ts';
import { cardDayOf } from '../../../shared/card.ts';
import { Fault } from '../../../shared/fault.ts';
import { chunkItemsOf, decodeHead, encodeHead, makeHead } from '../../../shared/rules.ts';
import { noSiteRules, personItemBytes, siteRulesLimits } from '../../../shared/site-rules.ts';
import { rulesTopic } from '../../../shared/topics.ts';
import { cardId, MemoryCardLists, makeIssuer } from '../../fakes/card-lists.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { RulesRoad } from '../../fakes/rules-road.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { MemorySiteRules, someSubject } from '../../fakes/site-rules.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

/** One site: a gateway, a kiosk, and what lies between. */
class Site implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'ravao-people-'));
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  readonly gatewayLog = new RecordingLog();
  readonly lists = new MemoryCardLists();
  readonly site = new MemorySiteRules();
  readonly road = new RulesRoad(rulesTopic('gate-a'));
  readonly #gateway: AsyncDisposable;
  #rules: Rules | null = null;

  constructor() {
    this.lists.named = [makeIssuer()];
    const { lists, site, road: announcements, clock, gatewayLog: log } = this;
    this.#gateway = publishRules({ lists, site, announcements, clock, log });
  }

  get rules(): Rules {
    if (this.#rules === null) throw new Error('the kiosk was not started');
    return this.#rules;
  }

  async start(): Promise<void> {
    const { dir, clock, log } = this;
    const parts = { dir, kiosk: 'gate-a', onStateChanged: () => {}, clock, chance: seededChance(1), log };
    this.#rules = await openRules(parts);
  }

  /** Ends the kiosk's program, with what it wrote. */
  async stop(): Promise<void> {
    this.road.cut();
    await this.rules[Symbol.asyncDispose]();
  }

  async pass(ms = 1_000): Promise<void> {
    await this.clock.advance(ms);
    await this.road.run();
  }

  barOf(number: number, ...places: readonly string[]) {
    return this.rules.people.barOf(someSubject(number), places);
  }

  barred(upTo: number): number[] {
    return Array.from({ length: upTo }, (_, number) => number).filter((number) => this.barOf(number) !== null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#gateway[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true });
  }
}

let site: Site;
beforeEach(async () => {
  site = new Site();
  await site.start();
});
afterEach(() => site[Symbol.asyncDispose]());

describe('a kiosk', () => {
  it('knows who is barred, where, until when and why', async () => {
    site.site.bar(1, 2);
    const [one, other] = site.site.kept?.barred ?? [];
    if (site.site.kept === null || !one || !other) throw new Error('nobody is barred');
    const barred = [
      { ...one, gates: ['Cổng A', 'gate-b'] },
      { ...other, until: '2026-12-01', reason: 'gone' },
    ];
    site.site.kept = { ...site.site.kept, barred };
    site.road.connect(site.rules);
    await site.pass();
    expect(site.barOf(1, 'Cổng A', 'gate-a')).toMatchObject({
      lastDay: null,
      code: 'health',
      text: expect.any(String),
    });
    expect([site.barOf(1, 'Cổng B', 'gate-b'), site.barOf(1, 'Cổng C', 'gate-c')]).toMatchObject([
      { code: 'health' },
      null,
    ]);
    // A reason that is not in the table any more.
    expect(site.barOf(2, 'Cổng C')).toEqual({ lastDay: cardDayOf(Date.UTC(2026, 11, 1)), code: null, text: null });
    expect(site.rules.state).toMatchObject({ barred: 2 });
  });

  it('knows who is expected on which day, and lets days go that are over', async () => {
    const today = cardDayOf(site.clock.nowMs());
    const date = new Date(site.clock.nowMs() + 7 * 3_600_000).toISOString().slice(0, 10);
    site.site.expect(date, 1, 2);
    site.site.set({ expected: 'warn' });
    site.road.connect(site.rules);
    await site.pass();
    const isExpected = (number: number, day: number) => site.rules.people.isExpected(someSubject(number), day);
    expect([isExpected(1, today), isExpected(3, today), isExpected(1, today + 1)]).toEqual([true, false, false]);
    expect(site.rules.people.site.expected).toBe('warn');
    site.clock.jumpWall(2 * 86_400_000);
    await site.pass();
    expect([isExpected(1, today), site.rules.state.expected]).toEqual([false, undefined]);
  });

  it('forgets a bar that was lifted, and keeps a revocation that was', async () => {
    site.site.bar(1, 2, 3);
    site.lists.add('revoked', cardId(1));
    site.road.connect(site.rules);
    await site.pass();
    site.site.bar(3);
    site.lists.replace('revoked', cardId(2));
    await site.pass();
    expect(site.barred(5)).toEqual([3]);
    expect(site.rules.cards.isRevoked(cardId(1))).toBe(true);
    site.site.bar();
    await site.pass();
    expect(site.barred(5)).toEqual([]);
    expect(site.log.events).not.toContain('rules.chunk-missing');
  });

  it('goes on by what it was told where the gateway’s own file cannot be read, also after both started again', async () => {
    site.site.bar(1);
    site.site.set({ expected: 'refuse' });
    site.road.connect(site.rules);
    await site.pass();
    site.site.trouble = new Fault('SITE_RULES_DAMAGED', 'made up.');
    site.lists.add('revoked', cardId(7));
    await site.pass();
    expect([site.barred(3), site.rules.cards.isRevoked(cardId(7))]).toEqual([[1], true]);
    expect(site.gatewayLog.events).toContain('rules.site-unreadable');
    // A gateway that never could read it names none of it.
    const cards = decodeHead(site.road.retained.get(rulesTopic('gate-a')) ?? new Uint8Array());
    if ('problem' in cards) throw new Error(cards.problem);
    const { revoked, issued } = cards.head.lists;
    if (!revoked || !issued) throw new Error('no cards');
    const made = makeHead({ issuers: cards.head.issuers, lists: { revoked, issued } });
    if ('problem' in made) throw new Error(made.problem);
    site.road.inject(rulesTopic('gate-a'), encodeHead(made.head));
    await site.pass();
    expect(site.rules.state.version).toBe(made.head.version);
    await site.stop();
    await site.start();
    expect([site.barred(3), site.rules.people.site.expected]).toEqual([[1], 'refuse']);
  });

  it('refuses who was barred when its files are damaged, by what can be read, and asks for nothing else', async () => {
    site.site.bar(1, 2);
    site.site.set({ expected: 'refuse' });
    site.road.connect(site.rules);
    await site.pass();
    await site.stop();
    const folder = join(site.dir, 'rules');
    const list = join(folder, readdirSync(folder).find((name) => name.startsWith('barred-')) ?? '');
    truncateSync(list, personItemBytes + 7);
    await site.start();
    expect([site.barred(3), site.rules.people.site]).toEqual([[1], noSiteRules]);
    await site.stop();
    writeFileSync(join(folder, 'rules.json'), 'damaged');
    await site.start();
    expect(site.barred(3)).toEqual([1]);
    site.road.connect(site.rules);
    await site.pass();
    expect([site.barred(3), site.rules.people.site.expected]).toEqual([[1, 2], 'refuse']);
  });

  it('finds nothing of people where nobody said anything, and has no file of them', async () => {
    site.road.connect(site.rules);
    await site.pass();
    expect(site.rules.people.site).toEqual(noSiteRules);
    expect(site.rules.state).not.toHaveProperty('barred');
    await site.stop();
    expect(readdirSync(join(site.dir, 'rules')).filter((name) => /barred|expected/.test(name))).toEqual([]);
    await site.start();
  });
});

describe('the list of those who are barred', () => {
  const perChunk = chunkItemsOf(personItemBytes);
  type Step =
    | { readonly type: 'bar'; readonly numbers: readonly number[] }
    | { readonly type: 'restart' | 'cut' | 'pass' };
  const numbers = fc.oneof(
    fc.uniqueArray(fc.nat(40), { maxLength: 8 }),
    fc.nat(2 * perChunk + 2).map((count) => Array.from({ length: count }, (_, index) => index)),
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ type: fc.constant('bar' as const), numbers }),
    fc.record({ type: fc.constantFrom('restart' as const, 'cut' as const, 'pass' as const) }),
  );

  it('is the gateway’s in the end, however it grew, shrank and was replaced, over cuts and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), numbers, async (steps, last) => {
        await using world = new Site();
        await world.start();
        for (const one of steps) {
          if (one.type === 'bar') world.site.bar(...one.numbers);
          else if (one.type === 'restart') {
            await world.stop();
            await world.start();
          }
          if (one.type !== 'bar') {
            if (one.type !== 'pass') world.road.cut();
            world.road.connect(world.rules);
            await world.clock.advance(1_000);
            await world.road.run(3);
          }
        }
        world.site.bar(...last);
        world.road.cut();
        world.road.connect(world.rules);
        await world.pass();
        await world.pass(60_000);
        const upTo = 2 * perChunk + 50;
        expect(world.barred(upTo)).toEqual(last.toSorted((a, b) => a - b));
      }),
      { numRuns: 15 },
    );
  });
});

describe('a head', () => {
  it('has the same version with the site’s rules whoever made it, and another for other rules', () => {
    const content = { issuers: [], lists: {} };
    const versionOf = (site?: typeof noSiteRules) => {
      const made = makeHead(site === undefined ? content : { ...content, site });
      return 'head' in made ? made.head.version : made.problem;
    };
    const other = { ...noSiteRules, expected: 'warn' as const };
    expect(versionOf(noSiteRules)).toBe(versionOf({ ...noSiteRules }));
    expect(new Set([versionOf(), versionOf(noSiteRules), versionOf(other)]).size).toBe(3);
  });

  it('holds the fullest settings that the commands take', () => {
    const { settingsBytesMax } = siteRulesLimits;
    const reason = { code: 'a', vi: 'ă'.repeat(20), en: 'ă'.repeat(20) };
    const count = Math.min(32, Math.floor(settingsBytesMax / JSON.stringify(reason).length));
    const site = { ...noSiteRules, reasons: Array.from({ length: count }, () => reason) };
    const issuers = Array.from({ length: 8 }, () => makeIssuer());
    expect(makeHead({ issuers, lists: {}, site })).toHaveProperty('head');
  });
});
