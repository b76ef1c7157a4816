import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeCards, toPrint } from '../../../gateway/cards/issue.ts';
import { openCardLists, openRegister } from '../../../gateway/cards/register.ts';
import type { Register } from '../../../gateway/cards/registered-cards.ts';
import { publishRules } from '../../../gateway/rules.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { openIssuer } from '../../../gateway/trust/issuer.ts';
import { makeGeneration, retireOlder } from '../../../gateway/trust/rotation.ts';
import { openRules } from '../../../kiosk/rules.ts';
import { nothingKnown } from '../../../shared/code/known.ts';
import { readCode } from '../../../shared/code/read-code.ts';
import { createSealer, importSiteKey } from '../../../shared/identity.ts';
import { decodeHead } from '../../../shared/rules.ts';
import { rulesTopic } from '../../../shared/topics.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { RulesRoad } from '../../fakes/rules-road.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dataDir: string;
let folder: string;
let register: Register;
const clock = new VirtualClock();
const log = new RecordingLog();
const chance = seededChance(7);

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ravao-former-'));
  folder = join(dataDir, 'trust');
  await openTrust(folder, { site: 'A', clock, log });
  register = openRegister(dataDir);
});
afterEach(async () => {
  register[Symbol.dispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** Issues cards to people by name, as `cards issue` does, and says what is printed on each. */
async function issue(...names: string[]) {
  const issuer = await openIssuer(folder, 'A');
  const { notice } = await openTrust(folder, { site: 'A', clock, log });
  const sealer = createSealer(await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url')));
  const holders = names.map((name) => ({ name, birthYear: 1950, number: '', phone: '', address: '' }));
  const made = await makeCards(holders, register, { issuer, sealer, chance, nowMs: clock.nowMs(), validDays: 30 });
  register.add(made.flatMap(({ fresh }) => fresh ?? []));
  return made.map(({ card, holder, fresh }) => ({ ...toPrint(card, issuer, holder), isNew: fresh !== null }));
}

/** What a kiosk of the site makes of texts. */
async function kioskReads(...texts: string[]) {
  const road = new RulesRoad(rulesTopic('gate-a'));
  using lists = openCardLists(dataDir);
  await using _publisher = publishRules({ lists, announcements: road, clock, log });
  await using kiosk = await openRules({
    ...{ dir: join(dataDir, 'kiosk'), kiosk: 'gate-a', onStateChanged: () => {}, clock, chance, log },
  });
  road.connect(kiosk);
  for (let step = 0; step < 20; step++) await road.run();
  const head = decodeHead(road.retained.get(rulesTopic('gate-a')) ?? new Uint8Array());
  const known = { ...nothingKnown, nowMs: clock.nowMs(), clockSynced: true, cards: kiosk.cards };
  const read = texts
    .map((text) => readCode(text, known))
    .map((code) => (code.type === 'code' ? code.number : code.reason));
  return { read, head };
}

it('a card is the same person scanned and typed, under whichever of the site’s keys it was issued', async () => {
  const before = await issue('An', 'Bình', 'Chi');
  await makeGeneration('issuer', { folder, site: 'A', clock });
  const after = await issue('Dũng', 'An');
  // Who has a card that is still taken gets no other: the same one is printed again.
  expect(after.map(({ isNew }) => isNew)).toEqual([true, false]);
  expect(after[1]?.text).toBe(before[0]?.text);
  await makeGeneration('issuer', { folder, site: 'A', clock });
  const last = await issue('Em');
  const all = [...before, ...after, ...last];
  const { read } = await kioskReads(...all.map(({ text }) => text), ...all.map(({ number }) => number ?? ''));
  expect(read.slice(all.length)).toEqual(read.slice(0, all.length));
  expect(new Set(read.map((number) => number.slice(0, 12))).size).toBe(3);
});

it('a card of a former key can be revoked, scanned and typed', async () => {
  const [card] = await issue('An');
  await makeGeneration('issuer', { folder, site: 'A', clock });
  await issue('Bình');
  const registered = [...register.all()][0];
  if (registered === undefined || card === undefined) throw new Error('no card');
  register.revoke(registered, 'lost', clock.nowMs());
  const { read } = await kioskReads(card.text, card.number ?? '');
  expect(read).toEqual(['card-revoked', 'card-revoked']);
});

it('a key that is not taken any more takes its cards with it, and their holders get new ones', async () => {
  const [card] = await issue('An');
  await makeGeneration('issuer', { folder, site: 'A', clock });
  await retireOlder('issuer', { folder, site: 'A', clock });
  const { read } = await kioskReads(card?.text ?? '', card?.number ?? '');
  expect(read).toEqual(['card-issuer-retired', 'card-number-unknown']);
  expect((await issue('An'))[0]).toMatchObject({ isNew: true });
});

it('a head says nothing of keys before there was a second one: kiosks of before know nothing of it', async () => {
  await issue('An', 'Bình');
  const { head } = await kioskReads();
  expect('head' in head && head.head.lists.issued).not.toHaveProperty('runs');
  await makeGeneration('issuer', { folder, site: 'A', clock });
  const later = (await kioskReads()).head;
  const [, former] = 'head' in later ? later.head.issuers : [];
  expect('head' in later && later.head.lists.issued?.runs).toEqual([{ from: 0, issuer: former?.id }]);
});
