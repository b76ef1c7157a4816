/** A kiosk whose site wants more than good codes: what is shown, and what goes into the entries. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGateRules, presenceWish } from '../../../kiosk/gate-rules.ts';
import { Kiosk } from '../../../kiosk/kiosk.ts';
import type { SubjectKeys } from '../../../kiosk/known-as.ts';
import type { BarHere, KnownPeople } from '../../../kiosk/known-people.ts';
import { type Outbox, openOutbox, type Passage } from '../../../kiosk/outbox.ts';
import type { Presence } from '../../../kiosk/presence.ts';
import { nothingKnown } from '../../../shared/code/known.ts';
import { refusalTexts, warningTexts } from '../../../shared/code/refusal-texts.ts';
import type { Direction, Entry } from '../../../shared/entry.ts';
import { createSealer, generateSiteKey, importSiteKey, subjectOf } from '../../../shared/identity.ts';
import { noSiteRules, type SiteRules } from '../../../shared/site-rules.ts';
import { RecordingIndicator } from '../../fakes/recording-indicator.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { ScriptedScanner } from '../../fakes/scripted-scanner.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { idCard, idNumber } from '../../fakes/site.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const subjectKey = new Uint8Array(32).fill(7);
const subject = (number: number) => subjectOf(subjectKey, idNumber(number));

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let outbox: Outbox;
let site: SiteRules;
let bars: Map<string, BarHere>;
let heard: Map<string, Passage>;
let inside: number | null;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-gate-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  outbox = openOutbox({ dir, kiosk: 'gate-a', clock, chance: seededChance(1), log });
  site = noSiteRules;
  bars = new Map();
  heard = new Map();
  inside = null;
});
afterEach(async () => {
  await outbox[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

/** Shows cards, one after the other, a minute apart. */
async function scan(
  cards: readonly number[],
  direction: Direction | 'toggle' = 'in',
  subjectKeys: SubjectKeys = [subjectKey],
) {
  const scanner = new ScriptedScanner();
  const indicator = new RecordingIndicator();
  const people: KnownPeople = {
    get site() {
      return site;
    },
    barOf: (person, places) => (places.includes('Cổng A') ? (bars.get(person) ?? null) : null),
    isExpected: (person) => person === subject(1),
  };
  const presence: Presence = {
    isCurrent: true,
    get inside() {
      return inside;
    },
    lastPassage: (person, own) => heard.get(person) ?? own,
    passed: (way) => {
      if (inside !== null) inside += way === 'in' ? 1 : -1;
    },
  };
  const place = { gate: 'Cổng A', kiosk: 'gate-a' };
  using kiosk = new Kiosk({
    scanner,
    indicator,
    outbox,
    onRecorded: () => {},
    onStateChanged: () => {},
    gate: place.gate,
    station: { direction, repeatWindowMs: 0, stayMsMax: 16 * 3_600_000 },
    known: () => nothingKnown,
    gateRules: createGateRules({
      people,
      presence,
      ...place,
      time: { clock, timeSync: { boot: 'boot', synced: () => true } },
    }),
    subjectKeys,
    sealer: createSealer(await importSiteKey((await generateSiteKey()).publicKey)),
    timeSync: { boot: 'boot-1', synced: () => true, [Symbol.dispose]() {} },
    clock,
    chance: seededChance(2),
    log,
  });
  for (const card of cards) scanner.scan(idCard(card));
  scanner.end();
  await kiosk.run(new AbortController().signal);
  return { shown: indicator.shown, notes: indicator.notes };
}

const entries = () => outbox.peek(0, 100).map(({ body }) => JSON.parse(body) as Entry);
const answers = () => entries().map(({ direction, reason, code }) => [direction, reason, ...(code.warnings ?? [])]);

describe('a kiosk', () => {
  it('refuses who is barred like anybody else, and tells the reason to the guard, the log and nobody further', async () => {
    bars.set(subject(1), { lastDay: null, code: 'health', text: 'Xin gặp nhân viên y tế.' });
    const { shown, notes } = await scan([1]);
    expect(shown.filter((signal) => signal === 'refused')).toHaveLength(1);
    expect(notes).toContain('Xin gặp nhân viên y tế.');
    const [entry] = entries();
    expect(entry).toMatchObject({ outcome: 'refused', reason: 'barred', subject: subject(1), code: { kind: 'cccd' } });
    expect(entry?.identity).not.toBeNull();
    expect(JSON.stringify(entry)).not.toMatch(/health|y tế/);
    expect(log.lines.find(({ event }) => event === 'scan.recorded')).toMatchObject({ fields: { bar: 'health' } });
    bars.set(subject(1), { lastDay: null, code: null, text: null });
    expect((await scan([1])).notes).toContain(refusalTexts.barred.vi);
  });

  it('says so with the green light where it only warns', async () => {
    site = { ...noSiteRules, expected: 'warn' };
    const { shown, notes } = await scan([1, 2]);
    expect(shown.filter((signal) => signal === 'admitted')).toHaveLength(2);
    expect(notes).toContain(warningTexts['not-expected'].vi);
    expect(answers()).toEqual([
      ['in', 'ok'],
      ['in', 'ok', 'not-expected'],
    ]);
  });

  it('remembers passages on a gate of one direction only where passback is wanted', async () => {
    await scan([1]);
    expect(outbox.lastDirection(subject(1))).toBeNull();
    site = { ...noSiteRules, passback: { everywhere: 'refuse', gates: {} } };
    await scan([1, 1]);
    expect(outbox.lastDirection(subject(1))).toMatchObject({ direction: 'in' });
    expect(answers().map(([, reason]) => reason)).toEqual(['ok', 'ok', 'passback']);
    site = { ...site, passback: { everywhere: 'refuse', gates: { 'gate-a': 'off' } } };
    await scan([1]);
    expect(answers().at(-1)).toEqual(['in', 'ok']);
  });

  it('lets somebody out at a gate of both directions who came in at another', async () => {
    site = { ...noSiteRules, passback: { everywhere: 'refuse', gates: {} } };
    heard.set(subject(1), { direction: 'in', atMs: clock.nowMs() - 60_000 });
    await scan([1], 'toggle');
    expect(answers()).toEqual([['out', 'ok']]);
  });

  it('knows people again whose key of pseudonyms has changed: who is barred, expected, and where they went', async () => {
    const keys: SubjectKeys = [new Uint8Array(32).fill(8), subjectKey];
    bars.set(subject(2), { lastDay: null, code: 'ban', text: 'Xin gặp ban quản lý.' });
    site = { ...noSiteRules, expected: 'refuse', passback: { everywhere: 'refuse', gates: {} } };
    await scan([1]);
    await scan([1, 2], 'in', keys);
    await scan([1], 'toggle', keys);
    expect(answers()).toEqual([
      ['in', 'ok'],
      ['in', 'passback'],
      ['in', 'barred'],
      ['out', 'ok'],
    ]);
    heard.set(subject(1), { direction: 'in', atMs: clock.nowMs() });
    await scan([1], 'in', keys);
    expect(answers().at(-1)).toEqual(['in', 'passback']);
  });

  it('counts its own until it hears how many are inside', async () => {
    site = { ...noSiteRules, occupancy: { limit: 2, strictness: 'refuse' } };
    inside = 0;
    await scan([1, 2, 3]);
    await scan([1], 'out');
    await scan([3]);
    expect(answers().map(([, reason]) => reason)).toEqual(['ok', 'ok', 'full', 'ok', 'ok']);
  });

  it('wants to hear of other gates only what its rules need', () => {
    const wishOf = (rules: SiteRules) => {
      const people = { site: rules, barOf: () => null, isExpected: () => false };
      return presenceWish({ people, gate: 'Cổng A', kiosk: 'gate-a' });
    };
    const passback = { everywhere: 'off', gates: { 'Cổng A': 'warn' } } as const;
    expect(wishOf(noSiteRules)).toBeNull();
    expect(wishOf({ ...noSiteRules, passback })).toEqual({ passages: true });
    expect(wishOf({ ...noSiteRules, occupancy: { limit: 1, strictness: 'warn' } })).toEqual({ passages: false });
  });
});
