/** A kiosk whose site wants more than good codes: what is shown, and what goes into the entries. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGateRules, presenceWish } from '../../../kiosk/gate-rules.ts';
import type { SubjectKeys } from '../../../kiosk/known-as.ts';
import type { BarHere, KnownPeople } from '../../../kiosk/known-people.ts';
import type { Passage } from '../../../kiosk/outbox.ts';
import type { Presence } from '../../../kiosk/presence.ts';
import { refusalTexts, warningTexts } from '../../../shared/code/refusal-texts.ts';
import type { Direction } from '../../../shared/entry.ts';
import { subjectOf } from '../../../shared/identity.ts';
import { noSiteRules, type SiteRules } from '../../../shared/site-rules.ts';
import { ScriptedGate } from '../../fakes/scripted-gate.ts';
import { idCard, idNumber } from '../../fakes/site.ts';

const subject = (number: number) => subjectOf(gate.subjectKey, idNumber(number));

let gate: ScriptedGate;
let site: SiteRules;
let bars: Map<string, BarHere>;
let heard: Map<string, Passage>;
let inside: number | null;

beforeEach(() => {
  gate = new ScriptedGate();
  site = noSiteRules;
  bars = new Map();
  heard = new Map();
  inside = null;
});
afterEach(() => gate[Symbol.asyncDispose]());

/** Shows cards, one after the other; a card is no repeat of the one before. */
function scan(cards: readonly number[], direction: Direction | 'toggle' = 'in', subjectKeys?: SubjectKeys) {
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
  const { clock } = gate;
  const time = { clock, timeSync: { boot: 'boot', synced: () => true } };
  return gate.run(cards.map(idCard), {
    station: { direction, repeatWindowMs: 0 },
    gateRules: createGateRules({ people, presence, gate: 'Cổng A', kiosk: 'gate-a', time }),
    ...(subjectKeys && { subjectKeys }),
  });
}

const answers = () =>
  gate.entries().map(({ direction, reason, code }) => [direction, reason, ...(code.warnings ?? [])]);

describe('a kiosk', () => {
  it('refuses who is barred like anybody else, and tells the reason to the guard, the log and nobody further', async () => {
    bars.set(subject(1), { lastDay: null, code: 'health', text: 'Xin gặp nhân viên y tế.' });
    const { shown, notes } = await scan([1]);
    expect(shown.filter((signal) => signal === 'refused')).toHaveLength(1);
    expect(notes).toContain('Xin gặp nhân viên y tế.');
    const [entry] = gate.entries();
    expect(entry).toMatchObject({ outcome: 'refused', reason: 'barred', subject: subject(1), code: { kind: 'cccd' } });
    expect(entry?.identity).not.toBeNull();
    expect(JSON.stringify(entry)).not.toMatch(/health|y tế/);
    expect(gate.log.lines.find(({ event }) => event === 'scan.recorded')).toMatchObject({ fields: { bar: 'health' } });
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
    expect(gate.outbox.lastDirection(subject(1))).toBeNull();
    site = { ...noSiteRules, passback: { everywhere: 'refuse', gates: {} } };
    await scan([1, 1]);
    expect(gate.outbox.lastDirection(subject(1))).toMatchObject({ direction: 'in' });
    expect(answers().map(([, reason]) => reason)).toEqual(['ok', 'ok', 'passback']);
    site = { ...site, passback: { everywhere: 'refuse', gates: { 'gate-a': 'off' } } };
    await scan([1]);
    expect(answers().at(-1)).toEqual(['in', 'ok']);
  });

  it('lets somebody out at a gate of both directions who came in at another', async () => {
    site = { ...noSiteRules, passback: { everywhere: 'refuse', gates: {} } };
    heard.set(subject(1), { direction: 'in', atMs: gate.clock.nowMs() - 60_000 });
    await scan([1], 'toggle');
    expect(answers()).toEqual([['out', 'ok']]);
  });

  it('knows people again whose key of pseudonyms has changed: who is barred, expected, and where they went', async () => {
    const keys: SubjectKeys = [new Uint8Array(32).fill(8), gate.subjectKey];
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
    heard.set(subject(1), { direction: 'in', atMs: gate.clock.nowMs() });
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
