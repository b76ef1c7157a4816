import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishRules } from '../../../gateway/rules.ts';
import { openRules, type Rules } from '../../../kiosk/rules.ts';
import { chunkItemsOf, encodeHead } from '../../../shared/rules.ts';
import { listChunkTopic, rulesTopic } from '../../../shared/topics.ts';
import { cardId, MemoryCardLists, makeIssuer, shortNumber } from '../../fakes/card-lists.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { RulesRoad } from '../../fakes/rules-road.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const headTopic = rulesTopic('gate-a');
const firstChunk = listChunkTopic('revoked', 0);

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let gatewayLog: RecordingLog;
let lists: MemoryCardLists;
let road: RulesRoad;
let rules: Rules;
let gateway: AsyncDisposable;
let changes: number;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-rules-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  gatewayLog = new RecordingLog();
  lists = new MemoryCardLists();
  lists.named = [makeIssuer()];
  road = new RulesRoad(headTopic);
  changes = 0;
  rules = await openKiosk();
  gateway = publishRules({ lists, announcements: road, clock, log: gatewayLog });
});

afterEach(async () => {
  await rules[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

function openKiosk(): Promise<Rules> {
  const onStateChanged = () => void changes++;
  return openRules({ dir, kiosk: 'gate-a', onStateChanged, clock, chance: seededChance(1), log });
}

const revoke = (...numbers: readonly number[]) => lists.add('revoked', ...numbers.map((number) => cardId(number)));
const isRevoked = (number: number) => rules.cards.isRevoked(cardId(number));
const range = (count: number, first = 0) => Array.from({ length: count }, (_, index) => first + index);
const events = () => log.events.filter((event) => event !== 'rules.held');

/** Lets the gateway look and everything arrive. */
async function pass(ms = 1_000): Promise<void> {
  await clock.advance(ms);
  await road.run();
}

/** Restarts the kiosk's program, with what it wrote. */
async function restart(): Promise<void> {
  road.cut();
  await rules[Symbol.asyncDispose]();
  rules = await openKiosk();
}

describe('a kiosk', () => {
  it('asks only for chunks that it lacks, one at a time, and lets them go', async () => {
    const perChunk = chunkItemsOf(12);
    revoke(...range(2 * perChunk + 1));
    await pass();
    road.connect(rules);
    await pass();
    const chunk = (number: number) => listChunkTopic('revoked', number);
    expect(road.asked).toEqual([headTopic, chunk(0), chunk(1), chunk(2)]);
    expect([...road.subscribed]).toEqual([headTopic]);
    revoke(100_000);
    await pass();
    expect(road.asked.slice(4)).toEqual([chunk(2)]);
    expect([isRevoked(0), isRevoked(100_000), changes]).toEqual([true, true, 2]);
  });

  it('has nothing to fetch after a restart', async () => {
    revoke(1);
    road.connect(rules);
    await pass();
    await restart();
    expect(isRevoked(1)).toBe(true);
    road.asked.length = 0;
    road.connect(rules);
    await pass();
    expect(road.asked).toEqual([headTopic]);
    expect(events()).toEqual([]);
  });

  it('goes on where it was when the connection broke', async () => {
    revoke(...range(3 * chunkItemsOf(12)));
    await pass();
    road.connect(rules);
    await road.run(3);
    expect(rules.state.revoked).toBe(2 * chunkItemsOf(12));
    road.cut();
    road.asked.length = 0;
    road.connect(rules);
    await pass();
    expect(road.asked).toEqual([headTopic, listChunkTopic('revoked', 2)]);
    expect([rules.state.revoked, events()]).toEqual([3 * chunkItemsOf(12), []]);
  });

  it('trusts no issuer before it knows what is revoked', async () => {
    revoke(1);
    await pass();
    road.connect(rules);
    await road.run(1);
    expect([rules.cards.issuers.size, isRevoked(1)]).toEqual([0, false]);
    await road.run();
    expect([rules.cards.issuers.size, isRevoked(1)]).toEqual([1, true]);
  });

  it.each<[string, () => Uint8Array]>([
    ['nothing', () => new Uint8Array(0)],
    ['no JSON', () => Buffer.from('{"v":1')],
    ['a later version', () => Buffer.from('{"v":2,"version":"x","issuers":[],"lists":{}}')],
    ['an endless list', () => Buffer.alloc(60_000, ' ')],
  ])('stays as it is when its head is %s', async (_title, makePayload) => {
    revoke(1);
    road.connect(rules);
    await pass();
    const { state } = rules;
    road.inject(headTopic, makePayload());
    await road.run();
    expect(events()).toEqual(['rules.head-invalid']);
    expect([rules.state, isRevoked(1), rules.cards.issuers.size]).toEqual([state, true, 1]);
    revoke(2);
    await pass();
    expect(isRevoked(2)).toBe(true);
  });

  it('ignores what it has not asked for', async () => {
    road.connect(rules);
    await pass();
    road.inject(firstChunk, cardId(9));
    road.inject('ravao/v1/site/lists/other/0', cardId(9));
    await road.run();
    expect([isRevoked(9), events()]).toEqual([false, []]);
  });

  it.each<[string, Uint8Array, string]>([
    ['half an item', new Uint8Array(13), 'rules.chunk-invalid'],
    ['too many items', new Uint8Array(12 * (chunkItemsOf(12) + 1)), 'rules.chunk-invalid'],
    ['too few items', new Uint8Array(0), 'rules.chunk-missing'],
    ['other items', cardId(7), 'rules.list-replaced'],
  ])('asks again for a chunk of %s, ever more slowly, and takes it when it is right', async (_title, chunk, event) => {
    revoke(1);
    await pass();
    const right = road.retained.get(firstChunk) ?? new Uint8Array(0);
    road.retained.set(firstChunk, chunk);
    road.connect(rules);
    for (let second = 0; second < 60; second++) await pass();
    expect(events()).toContain(event);
    expect(road.asked.length).toBeGreaterThan(2);
    expect(road.asked.length).toBeLessThan(20);
    expect([rules.state.version, rules.cards.issuers.size]).toEqual([null, 0]);
    road.retained.set(firstChunk, right);
    for (let second = 0; second < 90; second++) await pass();
    expect([isRevoked(1), rules.cards.issuers.size]).toEqual([true, 1]);
  });

  it('waits for a chunk that its head has overtaken', async () => {
    revoke(1);
    await pass();
    const right = road.retained.get(firstChunk) ?? new Uint8Array(0);
    road.retained.set(firstChunk, right.subarray(0, 0));
    road.connect(rules);
    await road.run();
    await road.retain(firstChunk, right);
    await road.run();
    expect([isRevoked(1), events()]).toEqual([true, []]);
  });

  it('asks again for a chunk that does not come', async () => {
    revoke(1);
    await pass();
    const right = road.retained.get(firstChunk) ?? new Uint8Array(0);
    road.retained.delete(firstChunk);
    road.connect(rules);
    await road.run();
    await pass(10_000);
    expect(events()).toEqual(['rules.chunk-missing']);
    road.retained.set(firstChunk, right);
    await pass(1_000);
    expect(isRevoked(1)).toBe(true);
  });

  it('uses the old list until the one that takes its place is complete', async () => {
    const perChunk = chunkItemsOf(12);
    revoke(...range(perChunk + 5));
    lists.add('issued', shortNumber(500_000));
    road.connect(rules);
    await pass();
    lists.replace('revoked', ...range(perChunk + 9, 10_000).map((number) => cardId(number)));
    await clock.advance(1_000);
    // The head; then, of a chunk that goes on from the fifth, that it is another; then the first of two.
    await road.run(3);
    expect([isRevoked(0), isRevoked(10_000), rules.state.revoked]).toEqual([true, false, perChunk + 5]);
    await road.run();
    expect([isRevoked(0), isRevoked(10_000), isRevoked(10_000 + perChunk + 8)]).toEqual([true, true, true]);
    expect(rules.state).toMatchObject({ revoked: perChunk + 9, kept: perChunk + 5 });
    expect(events()).toEqual(['rules.list-replaced', 'rules.revocations-kept']);
  });

  it('keeps what it has of a list that a head does not name', async () => {
    revoke(1);
    road.connect(rules);
    await pass();
    road.inject(headTopic, encodeHead({ v: 1, version: 'other', issuers: [], lists: {} }));
    await road.run();
    expect([rules.state.version, isRevoked(1), rules.cards.issuers.size]).toEqual(['other', true, 0]);
  });

  it('goes by what it has heard while its disk fails, and writes it when it can: RULES_WRITE_FAILED', async () => {
    const inTheWay = join(dir, 'rules', 'rules.json.new');
    mkdirSync(inTheWay, { recursive: true });
    revoke(1);
    road.connect(rules);
    await pass();
    await rules[Symbol.asyncDispose]();
    expect(isRevoked(1)).toBe(true);
    expect(log.lines.find(({ event }) => event === 'rules.unkept')?.fields.error).toMatch(/^RULES_WRITE_FAILED/);
    await restart();
    // Without a record of it the list stands on its own: what it says is revoked is, and nobody is trusted.
    expect([isRevoked(1), rules.cards.issuers.size]).toEqual([true, 0]);
    rmSync(inTheWay, { recursive: true });
    road.connect(rules);
    await pass();
    await restart();
    expect([isRevoked(1), rules.cards.issuers.size, rules.state.damaged]).toEqual([true, 1, undefined]);
  });
});

describe('a gateway', () => {
  it('looks every second, and says nothing as long as nothing changes', async () => {
    await pass(60_000);
    expect(gatewayLog.events).toEqual(['rules.told']);
    lists.named = [...lists.named, makeIssuer('Xã X')];
    await pass();
    expect(gatewayLog.events).toEqual(['rules.told', 'rules.told']);
  });

  it('goes on with what it has told while the register cannot be read', async () => {
    revoke(1);
    await pass();
    const told = [...road.retained];
    lists.trouble = new Error('disk I/O error');
    await pass(30_000);
    expect(gatewayLog.lines.filter(({ level }) => level === 'error').map(({ event }) => event)).toEqual([
      'rules.not-told',
    ]);
    expect([...road.retained]).toEqual(told);
    lists.trouble = null;
    revoke(2);
    road.connect(rules);
    await pass();
    expect([isRevoked(1), isRevoked(2)]).toEqual([true, true]);
  });

  it('tells nothing that does not fit into a head, and says so', async () => {
    await pass();
    const told = road.retained.get(headTopic);
    lists.named = Array.from({ length: 33 }, () => makeIssuer());
    await pass();
    expect([road.retained.get(headTopic), gatewayLog.events]).toEqual([told, ['rules.told', 'rules.not-told']]);
  });

  it('takes back the chunks that a shorter list has no more', async () => {
    revoke(...range(2 * chunkItemsOf(12) + 1));
    await pass();
    lists.replace('revoked', cardId(1));
    await pass();
    expect([...road.retained.keys()].filter((topic) => topic.includes('/lists/'))).toEqual([firstChunk]);
    expect(road.retained.get(firstChunk)).toEqual(cardId(1));
  });

  it('tells the same rules under the same version after a restart', async () => {
    revoke(...range(chunkItemsOf(12)));
    road.connect(rules);
    await pass();
    const { version } = rules.state;
    await gateway[Symbol.asyncDispose]();
    road.cut();
    road.retained.clear();
    gateway = publishRules({ lists, announcements: road, clock, log: gatewayLog });
    road.asked.length = 0;
    road.connect(rules);
    await pass();
    expect([rules.state.version, road.asked]).toEqual([version, [headTopic]]);
  });
});

/** What may happen to a site's cards and to the way to a kiosk. */
const happenings = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('revoke' as const), count: fc.constantFrom(1, 2, 40, 2730, 3000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('restore' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  { weight: 2, arbitrary: fc.constant({ type: 'cut' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'restart' as const }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('packets' as const), count: fc.nat(4) }) },
);

it('whatever happens on the way, a kiosk comes to refuse all that was revoked, and what it has refused it refuses for ever', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happenings, { maxLength: 14 }), async (story) => {
      road.cut();
      await rules[Symbol.asyncDispose]();
      rmSync(join(dir, 'rules'), { recursive: true });
      rules = await openKiosk();
      lists.replace('revoked');
      const refused = new Set<number>();
      let register: number[] = [];
      let nextNumber = 1;
      const look = () => {
        for (const number of range(nextNumber)) {
          if (isRevoked(number)) refused.add(number);
          else expect(refused.has(number), `${number} is taken again`).toBe(false);
        }
      };
      road.connect(rules);
      await pass();
      for (const happening of story) {
        if (happening.type === 'revoke') {
          register.push(...range(happening.count, nextNumber));
          revoke(...range(happening.count, nextNumber));
          nextNumber += happening.count;
          await clock.advance(1_000);
        } else if (happening.type === 'restore') {
          register = register.slice(0, Math.floor(register.length * happening.share));
          lists.replace('revoked', ...register.map((number) => cardId(number)));
          await clock.advance(1_000);
        } else if (happening.type === 'packets') {
          await road.run(happening.count);
          look();
        } else {
          if (happening.type === 'restart') await restartAfterSaving(look);
          else road.cut();
          road.connect(rules);
        }
      }
      for (let second = 0; second < 5; second++) await pass();
      look();
      expect(register.filter((number) => !isRevoked(number))).toEqual([]);
      expect(rules.state.revoked).toBe(register.length);
    }),
    { numRuns: 60, seed: 4 },
  );
}, 60_000);

/** What a kiosk has refused and not written is refused again only when it has come again; that is the disk's limit. */
async function restartAfterSaving(look: () => void): Promise<void> {
  await pass();
  look();
  await restart();
}
