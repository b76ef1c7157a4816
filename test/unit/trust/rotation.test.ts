import { X509Certificate } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { appendLine } from '../../../gateway/trust/durable-file.ts';
import { newest } from '../../../gateway/trust/grant.ts';
import { openIssuer, readIssuers } from '../../../gateway/trust/issuer.ts';
import { type KeyKind, keyKinds, readKeyHistory } from '../../../gateway/trust/key-ledger.ts';
import { makeGeneration, retireOlder, serveNewestAuthority } from '../../../gateway/trust/rotation.ts';
import { readCredentials } from '../../../kiosk/credentials.ts';
import { importSiteKey, openIdentity, sealIdentity } from '../../../shared/identity.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const machine = () => ({ hostname: 'may-chu', addresses: ['192.168.7.20'] });

let root: string;
let folder: string;
let clock: VirtualClock;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravao-rotation-'));
  folder = join(root, 'trust');
  clock = new VirtualClock();
  await open();
  await openIssuer(folder, 'A');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = () => openTrust(folder, { site: 'A', clock, log: new RecordingLog(), machine });
const rotation = () => ({ folder, site: 'A', clock, machine });
const rotate = (kind: KeyKind) => makeGeneration(kind, rotation());
const ledger = () => join(folder, 'keys.jsonl');
const numbers = (kind: KeyKind) => readKeyHistory(folder).generations[kind].map(({ number }) => number);

/** Every file directly in the trust folder, as it is. */
async function firstFiles(): Promise<Record<string, string>> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((found) => found.isFile());
  const read = async (name: string) => [name, (await readFile(join(folder, name))).toString('hex')] as const;
  return Object.fromEntries(await Promise.all(names.map(({ name }) => read(name))));
}

describe('a key of the site', () => {
  it.each(keyKinds)('(%s) is changed by a new one beside it: nothing is written over', async (kind) => {
    const before = await firstFiles();
    expect(await rotate(kind)).toMatchObject({ kind, number: 2, at: '2026-11-20T08:00:00.000Z', isRetired: false });
    expect(await firstFiles()).toEqual({ ...before, 'keys.jsonl': expect.any(String) });
    expect(await rotate(kind)).toMatchObject({ number: 3 });
    expect(numbers(kind)).toEqual([1, 2, 3]);
    await open();
  });

  it.each(keyKinds)(
    '(%s) whose change was cut off anywhere is as before, and changed once when it is run again',
    async (kind) => {
      const whole = join(root, 'whole');
      await cp(folder, join(root, 'before'), { recursive: true });
      await rotate(kind);
      await cp(folder, whole, { recursive: true });
      const [begun = '', made = ''] = (await readFile(ledger(), 'utf8')).split('\n');
      const name = `${kind}-2`;
      const cuts: (() => Promise<unknown>)[] = [
        () => writeFile(ledger(), begun.slice(0, 20)),
        () => appendLine(ledger(), begun),
        async () => {
          await appendLine(ledger(), begun);
          await mkdir(join(folder, 'keys', `${name}.0a6f.tmp`), { recursive: true });
        },
        async () => {
          await appendLine(ledger(), begun);
          await cp(join(whole, 'keys'), join(folder, 'keys'), { recursive: true });
        },
        async () => {
          await writeFile(ledger(), `${begun}\n${made.slice(0, 30)}`);
          await cp(join(whole, 'keys'), join(folder, 'keys'), { recursive: true });
        },
      ];
      for (const [index, cut] of cuts.entries()) {
        await rm(folder, { recursive: true });
        await cp(join(root, 'before'), folder, { recursive: true });
        await cut();
        await open();
        expect(numbers(kind), `cut ${index}`).toEqual([1]);
        expect(await rotate(kind)).toMatchObject({ number: 2 });
        await open();
        expect(numbers(kind), `cut ${index}`).toEqual([1, 2]);
        expect(await readdir(join(folder, 'keys'))).toEqual([name]);
      }
    },
  );

  it('that two processes change at once is never half changed', async () => {
    const made = await Promise.allSettled([rotate('subject'), rotate('subject')]);
    expect(made.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(numbers('subject').at(-1)).toBeLessThanOrEqual(3);
    await open();
  });

  it.each([
    ['a generation', () => rm(join(folder, 'keys', 'site-2'), { recursive: true }), 'keys/site-2 is missing'],
    ['all generations', () => rm(join(folder, 'keys'), { recursive: true }), 'keys/site-2 is missing'],
    ['the ledger', () => rm(ledger()), 'keys.jsonl, of which something is missing'],
    ['the public half', () => rm(join(folder, 'keys', 'site-2', 'site.json')), 'site.json is missing'],
    [
      'a whole private half',
      () => writeFile(join(folder, 'keys', 'site-2', 'site.key'), 'rác'),
      'site.key holds 4 bytes',
    ],
  ])('is damaged without %s: nothing falls back to the key of before', async (_, damage, problem) => {
    await rotate('site');
    await damage();
    await expect(open()).rejects.toMatchObject({ code: 'TRUST_DAMAGED', message: expect.stringContaining(problem) });
  });
});

describe('the sealing key', () => {
  it('of each generation opens what was sealed to it, and nothing else', async () => {
    const first = await open();
    const seal = async ({ notice }: typeof first) =>
      sealIdentity(await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url')), { name: 'A' }, 'id');
    const before = await seal(first);
    await rotate('site');
    const later = await open();
    const after = await seal(later);
    expect(later.contents.sealingKeys.map(({ id, isPrivateKeyHere }) => [id, isPrivateKeyHere])).toEqual([
      [before.key, true],
      [after.key, true],
    ]);
    const keyOf = (place: string) => readFile(join(place, 'site.key'));
    const [one = '', two = ''] = later.contents.sealingKeys.map((key) => key.folder);
    expect(await openIdentity(await keyOf(one), before, 'id')).toEqual({ name: 'A' });
    expect(await openIdentity(await keyOf(two), after, 'id')).toEqual({ name: 'A' });
    await expect(openIdentity(await keyOf(one), after, 'id')).rejects.toThrow();
    await rm(join(two, 'site.key'));
    expect((await open()).contents.sealingKeys.at(-1)?.isPrivateKeyHere).toBe(false);
  });
});

describe('the authority', () => {
  const fingerprints = (pem: string) =>
    (pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(
      (one) => new X509Certificate(one).fingerprint256,
    );
  const isBy = (pem: string, authority: { readonly certPem: string }) =>
    new X509Certificate(pem).verify(new X509Certificate(authority.certPem).publicKey);

  it('is changed in steps in which nobody is without one that he believes', async () => {
    const trust = await open();
    const old = trust.contents.serving;
    const versions = [trust.notice.credentials];
    await rotate('authority');
    await trust.refresh();
    const next = newest(trust.contents.authorities);
    expect(fingerprints(trust.caPem)).toEqual(
      [old, next].map(({ certPem }) => new X509Certificate(certPem).fingerprint256),
    );
    expect(isBy((await trust.gatewayCredentials('127.0.0.1')).certPem, old)).toBe(true);
    const given = await trust.enrol('gate-a', join(root, 'a'));
    expect(given.keys?.authority).toBe(next.id);
    versions.push(trust.notice.credentials);

    await serveNewestAuthority(rotation());
    await serveNewestAuthority(rotation());
    await trust.refresh();
    const shown = await trust.gatewayCredentials('127.0.0.1');
    expect(isBy(shown.certPem, next)).toBe(true);
    expect(fingerprints(shown.caPem)).toEqual(
      [next, old].map(({ certPem }) => new X509Certificate(certPem).fingerprint256),
    );
    versions.push(trust.notice.credentials);

    expect(await retireOlder('authority', rotation())).toBe(1);
    expect(await retireOlder('authority', rotation())).toBe(0);
    await trust.refresh();
    expect(fingerprints(trust.caPem)).toHaveLength(1);
    versions.push(trust.notice.credentials);
    // Kiosks ask anew when there is one more to believe, and when there is one fewer.
    expect(versions[1]).toBe(versions[2]);
    expect(new Set(versions).size).toBe(3);
  });

  it('that the gateway shows signs for a new kiosk, which is told that there is another', async () => {
    await rotate('authority');
    const trust = await open();
    const { publicKey } = new X509Certificate(trust.contents.serving.gatewayPem);
    const der = publicKey.export({ type: 'spki', format: 'der' });
    const enrolled = await trust.certify('gate-a', der, 'serving');
    const renewed = await trust.certify('gate-a', der);
    expect(isBy(enrolled.certPem, trust.contents.serving)).toBe(true);
    expect(isBy(renewed.certPem, newest(trust.contents.authorities))).toBe(true);
    expect(trust.grant(enrolled.certPem).notice.credentials).not.toBe(trust.notice.credentials);
    expect(trust.grant(renewed.certPem).notice).toEqual(trust.notice);
  });

  it('that is believed no more takes with it the certificates that it made, and no others', async () => {
    const trust = await open();
    const old = await trust.enrol('gate-a', join(root, 'a'));
    await rotate('authority');
    await trust.refresh();
    const moved = await trust.enrol('gate-b', join(root, 'b'));
    await trust.revokeOlder();
    expect(await trust.revoked()).toEqual([]);
    await serveNewestAuthority(rotation());
    await trust.refresh();
    await trust.revokeOlder();
    await trust.revokeOlder();
    expect((await trust.revoked()).map(({ serial }) => serial)).toEqual([old.serial]);
    expect(moved.serial).not.toBe(old.serial);
  });

  it('that the gateway is to show, but that is believed no more, is damage', async () => {
    await rotate('authority');
    await appendLine(
      ledger(),
      JSON.stringify({ kind: 'authority', number: 1, event: 'retired', at: '2026-11-20T08:00:00Z' }),
    );
    await expect(open()).rejects.toMatchObject({ code: 'TRUST_DAMAGED', message: expect.stringContaining('in use') });
  });
});

describe('the issuer', () => {
  it('keeps the cards of its former keys until they are retired', async () => {
    const first = await openIssuer(folder, 'A');
    await rotate('issuer');
    const second = await openIssuer(folder, 'B');
    expect(second.notice.id).not.toBe(first.notice.id);
    expect(second.former.map(({ notice }) => notice)).toEqual([{ ...first.notice, name: 'B' }]);
    expect(readIssuers(folder)).toEqual([second.notice, { ...first.notice, name: 'B' }]);
    expect(await retireOlder('issuer', rotation())).toBe(1);
    expect(readIssuers(folder)).toEqual([second.notice]);
    expect((await openIssuer(folder, 'B')).former).toEqual([]);
  });
});

it('a trust folder that cannot be read again stays what it was', async () => {
  const trust = await open();
  await rotate('subject');
  await rm(join(folder, 'keys', 'subject-2', 'subject.key'));
  const before = trust.contents;
  await expect(trust.refresh()).rejects.toMatchObject({ code: 'TRUST_DAMAGED' });
  expect(trust.contents).toBe(before);
});

it('a kiosk is given the keys of the pseudonyms of before too, newest first', async () => {
  const trust = await open();
  await trust.enrol('gate-a', join(root, 'a'));
  expect(await readdir(join(root, 'a'))).not.toContain('former-subject.keys');
  const first = trust.subjectKey;
  await rotate('subject');
  await trust.refresh();
  const second = trust.subjectKey;
  await rotate('subject');
  await trust.refresh();
  await trust.enrol('gate-b', join(root, 'b'));
  const { subjectKey, formerSubjectKeys } = await readCredentials(join(root, 'b'));
  const wanted = [trust.subjectKey, second, first];
  expect([subjectKey, ...formerSubjectKeys].map((key) => Buffer.from(key))).toEqual(
    wanted.map((key) => Buffer.from(key)),
  );
  await writeFile(join(root, 'b', 'former-subject.keys'), 'rác');
  await expect(readCredentials(join(root, 'b'))).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
});
