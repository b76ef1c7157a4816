import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Issuing, makeCards, openHolder, toPrint, whyInvalid } from '../../../gateway/cards/issue.ts';
import { type Holder, personDigest } from '../../../gateway/cards/person.ts';
import { openRegister } from '../../../gateway/cards/register.ts';
import type { Register } from '../../../gateway/cards/registered-cards.ts';
import { type Issuer, openIssuer } from '../../../gateway/trust/issuer.ts';
import { cardDayOf, importIssuerKey, isSignedBy, parseCard } from '../../../shared/card.ts';
import { cardNumberOf } from '../../../shared/card-number.ts';
import { createOpener, createSealer, generateSiteKey, importSiteKey } from '../../../shared/identity.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 20, 8);
const site = await generateSiteKey();
const siteKey = await importSiteKey(site.publicKey);

let dir: string;
let issuer: Issuer;
let register: Register;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-issue-'));
  register = openRegister(dir);
  issuer = await openIssuer(dir, 'Nhà máy A');
});
afterEach(async () => {
  register[Symbol.dispose]();
  await rm(dir, { recursive: true, force: true });
});

const a: Holder = {
  name: 'Nguyễn Văn A',
  birthYear: 1950,
  number: '001050012345',
  phone: '0900000000',
  address: 'Xã X',
};
const b: Holder = { name: 'Trần Thị B' };

function issuing(changes: Partial<Issuing> = {}): Issuing {
  return { issuer, sealer: createSealer(siteKey), chance: seededChance(1), nowMs, validDays: 365, ...changes };
}

/** Issues and registers, as the command does. */
async function issue(holders: readonly Holder[], changes: Partial<Issuing> = {}) {
  const made = await makeCards(holders, register, issuing(changes));
  register.add(made.flatMap(({ fresh }) => fresh ?? []));
  return made;
}

describe('issuing', () => {
  it('gives everybody a card of today, and the same one when it runs again', async () => {
    const first = await issue([a, b]);
    expect(first.map(({ fresh }) => fresh !== null)).toEqual([true, true]);
    expect(first[0]?.card).toMatchObject({
      issuer: issuer.notice.id,
      kind: 1,
      issuedDay: cardDayOf(nowMs),
      expiryDay: cardDayOf(nowMs) + 365,
    });
    const again = await issue([b, a], { chance: seededChance(2), nowMs: nowMs + 100 * dayMs });
    expect(again.map(({ fresh }) => fresh)).toEqual([null, null]);
    expect(again.map(({ card }) => card.id)).toEqual([first[1]?.card.id, first[0]?.card.id]);
  });

  it('knows a person again in other capitals and at another address, not with another number', async () => {
    await issue([a]);
    const again = async (holder: Holder) =>
      (await makeCards([holder], register, issuing({ chance: seededChance(3) })))[0]?.fresh;
    expect(await again({ ...a, name: 'NGUYỄN VĂN A', address: 'Xã Z' })).toBeNull();
    for (const other of [
      { ...a, number: '001050012346' },
      { ...a, birthYear: 1951 },
      { ...a, name: 'Nguyên Văn A' },
      b,
    ]) {
      expect(await again(other)).not.toBeNull();
    }
  });

  it('gives a new card for one that was revoked, has expired, or was signed with another key', async () => {
    const [first] = await issue([a]);
    const old = register.find(cardNumberOf(first?.card.id ?? new Uint8Array(12)));
    if (old === null) throw new Error('not registered');
    expect(whyInvalid(old, issuing({ nowMs: nowMs + 365 * dayMs }))).toBeNull();
    expect(whyInvalid(old, issuing({ nowMs: nowMs + 366 * dayMs }))).toBe('expired');
    const elsewhere = await mkdtemp(join(tmpdir(), 'ravao-other-'));
    expect(whyInvalid(old, issuing({ issuer: await openIssuer(elsewhere, 'B') }))).toBe('other-key');
    await rm(elsewhere, { recursive: true });
    expect((await issue([a], { chance: seededChance(4), nowMs: nowMs + 366 * dayMs }))[0]?.fresh).not.toBeNull();
    for (const card of register.ofPerson(old.person)) register.revoke(card, 'lost', nowMs);
    expect((await issue([a], { chance: seededChance(5) }))[0]?.fresh).not.toBeNull();
  });

  it('never gives one short number to two cards', async () => {
    // Draws the same id again and again: all zeros, then counting up in the last byte only, then another number.
    let draws = 0;
    const stubborn = {
      fraction: () => 0,
      bytes: (count: number) => {
        const bytes = new Uint8Array(count);
        bytes[count - 1] = draws++;
        if (draws > 20) bytes[3] = draws;
        return bytes;
      },
    };
    const made = await issue([a, b], { chance: stubborn });
    expect(made.map(({ card }) => cardNumberOf(card.id))).toEqual([0, 21]);
    draws = 0;
    expect((await issue([{ name: 'C' }], { chance: stubborn })).map(({ card }) => cardNumberOf(card.id))).toEqual([22]);
    await expect(issue([{ name: 'D' }], { chance: { ...stubborn, bytes: () => new Uint8Array(12) } })).rejects.toThrow(
      'no free',
    );
  });

  it('prints a signed text, and the same again', async () => {
    const [made] = await issue([a]);
    if (made === undefined) throw new Error('no card');
    const printed = toPrint(made.card, issuer, a);
    expect(printed).toMatchObject({ name: a.name, birthYear: 1950, expires: '20/11/2027' });
    expect(printed.number).toMatch(/^\d{3} \d{3} \d{3} \d$/);
    expect(toPrint(made.card, issuer, a)).toEqual(printed);
    const parsed = parseCard(printed.text);
    expect(parsed).toMatchObject({ id: made.card.id });
    expect(parsed && isSignedBy(parsed, importIssuerKey(Buffer.from(issuer.notice.publicKey, 'base64url')))).toBe(true);
  });

  it("seals the holder to the site's key, bound to the card", async () => {
    const made = await issue([a, b]);
    const [first, second] = made.map(({ card }) => register.find(cardNumberOf(card.id)));
    if (!first || !second) throw new Error('not registered');
    const opener = await createOpener(site.privateKey);
    const openers = new Map([[opener.id, opener]]);
    expect(await openHolder(openers, first)).toEqual(a);
    expect(await openHolder(openers, second)).toEqual(b);
    expect(await openHolder(openers, { ...first, sealed: second.sealed })).toBeNull();
    const other = await createOpener((await generateSiteKey()).privateKey);
    expect(await openHolder(new Map([[other.id, other]]), first)).toBeNull();
    expect(await openHolder(new Map([[opener.id, other]]), first)).toBeNull();
  });

  it("leaves nobody's name, number, phone or address on the disk", async () => {
    await issue([a, b]);
    register[Symbol.dispose]();
    for (const name of await readdir(dir)) {
      const bytes = (await readFile(join(dir, name))).toString('latin1').toLowerCase();
      for (const secret of ['Nguyễn', 'Văn A', 'Trần', 'Thị B', '001050012345', '0900000000', 'Xã X']) {
        for (const form of [Buffer.from(secret).toString('latin1'), Buffer.from(secret).toString('hex')]) {
          expect(bytes.includes(form.toLowerCase()), `${secret} in ${name}`).toBe(false);
        }
      }
    }
    register = openRegister(dir);
  });
});

describe("a person's digest", () => {
  it('is another with another key, and tells people apart whatever their names hold', () => {
    const key = new Uint8Array(32).fill(1);
    expect(personDigest(key, a)).toEqual(personDigest(key, { ...a }));
    expect(personDigest(new Uint8Array(32).fill(2), a)).not.toEqual(personDigest(key, a));
    const holders = fc.record({
      name: fc.string(),
      number: fc.option(fc.string(), { nil: undefined }),
      phone: fc.option(fc.string(), { nil: undefined }),
    });
    fc.assert(
      fc.property(holders, holders, (one, other) => {
        const bare = ({
          name,
          number,
          phone,
        }: {
          name: string;
          number: string | undefined;
          phone: string | undefined;
        }): Holder => ({
          name,
          ...(number === undefined ? {} : { number }),
          ...(phone === undefined ? {} : { phone }),
        });
        const same =
          one.name.toLowerCase() === other.name.toLowerCase() &&
          one.number === other.number &&
          one.phone === other.phone;
        expect(Buffer.from(personDigest(key, bare(one))).equals(personDigest(key, bare(other)))).toBe(same);
      }),
    );
  });
});
