/** The gateway's side of renewal: a kiosk as it is, and one that tries what it can. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Act } from '../../../gateway/audit/audit.ts';
import { answerRenewals, certificateEveryMs, nonceValidMs } from '../../../gateway/enrol/renewal-answers.ts';
import { openTrust, type Trust } from '../../../gateway/trust/authority.ts';
import { kioskValidMs } from '../../../gateway/trust/lifetimes.ts';
import type { SiteNotice } from '../../../shared/entry.ts';
import { endsSoonMs, type Renewed, renewWithinMs } from '../../../shared/renewal.ts';
import { makeEndingCertificate } from '../../fakes/ended-certificate.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { isFor, makeKeyPair, RenewingKiosk } from '../../fakes/renewing-kiosk.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const dayMs = 86_400_000;
const yearMs = 365.25 * dayMs;

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let trust: Trust;
let acts: Act[];
let notice: SiteNotice;
let kiosk: RenewingKiosk;
let other: RenewingKiosk;
let folder: string;
/** Happens between the making of a certificate and the answer. */
let meanwhile: () => Promise<unknown>;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-renewal-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  trust = await openTrust(join(dir, 'trust'), { site: 'Nhà máy A', clock, log });
  folder = join(dir, 'gate-a');
  await trust.enrol('gate-a', folder);
  await trust.enrol('gate-b', join(dir, 'gate-b'));
  acts = [];
  notice = trust.notice;
  meanwhile = async () => {};
  const answer = answerRenewals({
    trust: {
      caPem: trust.caPem,
      enrolled: () => trust.enrolled(),
      revoked: () => trust.revoked(),
      revoke: (id) => trust.revoke(id),
      certify: async (id, key) => {
        const certified = await trust.certify(id, key);
        await meanwhile();
        return certified;
      },
    },
    grant: (certPem) => ({ ...trust.grant(certPem), notice }),
    notice: () => notice,
    audit: {
      record: async (act) => {
        acts.push({ ...act, what: { ...act.what, certificates: (await trust.enrolled()).length } });
        return { seq: acts.length, hash: '' };
      },
    },
    ...{ clock, chance: seededChance(1), log },
  });
  kiosk = new RenewingKiosk(answer, 'gate-a');
  other = new RenewingKiosk(answer, 'gate-b');
});
afterEach(() => rmSync(dir, { recursive: true }));

function serials(id: string): Promise<string[]> {
  return trust.enrolled().then((all) => all.filter(({ kiosk: its }) => its === id).map(({ serial }) => serial));
}

describe('a kiosk whose certificate has a year left', () => {
  beforeEach(() => clock.jumpWall(1.2 * yearMs));

  it('is given one for its new key and everything that an enrolment gives; the old one stays good', async () => {
    const key = makeKeyPair();
    const given = (await kiosk.ask({ folder, key })) as Renewed;
    expect(given).toMatchObject({ kiosk: 'gate-a', ca: trust.caPem, site: trust.notice });
    expect(Buffer.from(given.subjectKey, 'base64url')).toEqual(Buffer.from(trust.subjectKey));
    const certificate = new X509Certificate(given.cert);
    expect([certificate.subject, isFor(given.cert, key)]).toEqual(['CN=gate-a', true]);
    expect(certificate.validToDate.getTime() - clock.nowMs()).toBeCloseTo(kioskValidMs, -4);
    expect(await serials('gate-a')).toEqual([expect.anything(), certificate.serialNumber.toLowerCase()]);
    expect(await trust.revoked()).toEqual([]);
  });

  it('is not given one that the audit does not tell of before it is made', async () => {
    await kiosk.ask({ folder, key: makeKeyPair() });
    const [serial] = await serials('gate-a');
    expect(acts).toEqual([{ action: 'kiosk.renewed', what: { kiosk: 'gate-a', after: serial, certificates: 2 } }]);
  });

  it('is given the same for the same key as often as it asks, and one for another key only later', async () => {
    const key = makeKeyPair();
    const [first, again] = [await kiosk.ask({ folder, key }), await kiosk.ask({ folder, key })];
    expect(again).toEqual(first);
    expect(await serials('gate-a')).toHaveLength(2);
    expect(await kiosk.ask({ folder, key: makeKeyPair() })).toEqual({ v: 1, refused: 'too-soon' });
    await clock.advance(certificateEveryMs);
    expect(await kiosk.ask({ folder, key: makeKeyPair() })).toHaveProperty('cert');
  });

  it('gets nothing by a question that was asked before, or under a nonce that is old, made up or of another', async () => {
    const question = await kiosk.request({ folder, key: makeKeyPair() });
    expect(await kiosk.put(question)).toHaveProperty('cert');
    const stale = { v: 1, refused: 'stale' };
    expect(await kiosk.put(question)).toEqual(stale);
    const key = makeKeyPair();
    expect(await kiosk.ask({ folder, key, nonce: 'A'.repeat(43) })).toEqual(stale);
    expect(await kiosk.ask({ folder, key, nonce: await other.nonce() })).toEqual(stale);
    const nonce = await kiosk.nonce();
    await clock.advance(nonceValidMs + 1);
    expect(await kiosk.ask({ folder, key, nonce })).toEqual(stale);
    expect(log.lines.filter(({ event }) => event === 'renewal.refused')).toHaveLength(2);
  });

  it("gets nothing by another kiosk's certificate, nor another by its own", async () => {
    const key = makeKeyPair();
    const malformed = { v: 1, refused: 'malformed' };
    expect(await kiosk.ask({ folder: join(dir, 'gate-b'), key })).toEqual(malformed);
    expect(await kiosk.ask({ folder: join(dir, 'gate-b'), key, kiosk: 'gate-b' })).toEqual(malformed);
    expect(await other.ask({ folder, key, kiosk: 'gate-a' })).toEqual(malformed);
    expect(await serials('gate-b')).toHaveLength(1);
  });

  it('gets nothing without both keys, for a key of another kind, or for no key at all', async () => {
    const key = makeKeyPair();
    const stranger = makeKeyPair().privateKey;
    const malformed = { v: 1, refused: 'malformed' };
    expect(await kiosk.ask({ folder, key, proofBy: stranger })).toEqual(malformed);
    expect(await kiosk.ask({ folder, key, consentBy: stranger })).toEqual(malformed);
    expect(await kiosk.ask({ folder, key: makeKeyPair('P-384') })).toEqual(malformed);
    expect(await kiosk.put({ ...(await kiosk.request({ folder, key })), key: 'AAAA' })).toEqual(malformed);
    const swapped = await kiosk.request({ folder, key: makeKeyPair() });
    const spki = key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
    expect(await kiosk.put({ ...swapped, key: spki })).toEqual(malformed);
    expect(acts).toEqual([]);
  });

  it('gets nothing by a certificate that it made itself, or that another site made', async () => {
    const far = await openTrust(join(dir, 'far'), { site: 'Nhà máy A', clock, log });
    await far.enrol('gate-a', join(dir, 'far-gate-a'));
    expect(await kiosk.ask({ folder: join(dir, 'far-gate-a'), key: makeKeyPair() })).toEqual({
      v: 1,
      refused: 'unknown',
    });
    const keyPem = readFileSync(join(folder, 'key.pem'), 'utf8');
    const own = { certPem: readFileSync(join(folder, 'cert.pem'), 'utf8'), keyPem };
    const [serial = ''] = await serials('gate-a');
    const certPem = await makeEndingCertificate(own, { id: 'gate-a', keyPem, serial }, new Date(clock.nowMs() + dayMs));
    expect(await kiosk.ask({ folder, key: makeKeyPair(), certPem })).toEqual({ v: 1, refused: 'unknown' });
  });

  it('gets nothing once it was revoked, also when that happens while its certificate is being made', async () => {
    meanwhile = () => trust.revoke('gate-a');
    expect(await kiosk.ask({ folder, key: makeKeyPair() })).toEqual({ v: 1, refused: 'revoked' });
    const revoked = (await trust.revoked()).map(({ serial }) => serial);
    expect(revoked.toSorted()).toEqual((await serials('gate-a')).toSorted());
    meanwhile = async () => {};
    expect(await kiosk.ask({ folder, key: makeKeyPair() })).toEqual({ v: 1, refused: 'revoked' });
    expect(await serials('gate-a')).toHaveLength(2);
  });

  it('is cut off whole by a revocation that began before its certificate was recorded', async () => {
    // The revocation has looked which there are when this one is added.
    const [old = ''] = await serials('gate-a');
    meanwhile = async () => {
      const revoking = trust.revoke('gate-a');
      await trust.certify('gate-a', makeKeyPair().publicKey.export({ type: 'spki', format: 'der' }));
      await revoking;
    };
    await kiosk.ask({ folder, key: makeKeyPair() });
    const revoked = new Set((await trust.revoked()).map(({ serial }) => serial));
    expect(revoked.has(old)).toBe(true);
    await trust.revoke('gate-a');
    expect((await trust.revoked()).length).toBe((await serials('gate-a')).length);
  });
});

it('a kiosk whose certificate has ended gets no other', async () => {
  clock.jumpWall(2.1 * yearMs);
  expect(await kiosk.ask({ folder, key: makeKeyPair() })).toEqual({ v: 1, refused: 'ended' });
});

it('a kiosk that asks too early, because its clock is wrong, is given none; it is when the keys have changed', async () => {
  const credentials = notice.credentials ?? null;
  expect(await kiosk.ask({ folder, key: makeKeyPair(), credentials })).toEqual({ v: 1, refused: 'not-due' });
  notice = { ...notice, credentials: 'second' };
  expect(await kiosk.ask({ folder, key: makeKeyPair(), credentials: 'second' })).toEqual({ v: 1, refused: 'not-due' });
  expect(await kiosk.ask({ folder, key: makeKeyPair(), credentials: 'first' })).toMatchObject({
    site: { credentials: 'second' },
  });
});

it.each([
  '',
  'x',
  'null',
  '[]',
  '{"v":2,"want":"nonce"}',
  '{"v":1,"want":"all"}',
  '{"v":1,"want":"certificate"}',
  '\ud800',
])('a question like %j is refused', async (text) => {
  expect(await kiosk.put(text)).toEqual({ v: 1, refused: 'malformed' });
});

it('a kiosk has a year in a cupboard after half of the life of its certificate, and people hear of its end long before', () => {
  expect(kioskValidMs).toBeGreaterThanOrEqual(2 * renewWithinMs);
  expect(renewWithinMs).toBeGreaterThan(5 * endsSoonMs);
});
