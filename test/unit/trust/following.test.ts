import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Invitations } from '../../../gateway/enrol/invitations.ts';
import { CertificateUses } from '../../../gateway/keys/certificate-uses.ts';
import { askEveryMs, followKeys, lookEveryMs, quietMs } from '../../../gateway/keys/following.ts';
import { openTrust, type Trust } from '../../../gateway/trust/authority.ts';
import { newest } from '../../../gateway/trust/grant.ts';
import { makeGeneration } from '../../../gateway/trust/rotation.ts';
import type { SiteNotice } from '../../../shared/entry.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const patienceMs = 10_000;
let dataDir: string;
let folder: string;
let clock: VirtualClock;
let log: RecordingLog;
let trust: Trust;
let told: SiteNotice[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ravao-following-'));
  folder = join(dataDir, 'trust');
  clock = new VirtualClock();
  log = new RecordingLog();
  told = [];
  trust = await openTrust(folder, { site: 'A', clock, log });
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const rotate = (kind: 'site' | 'authority') => makeGeneration(kind, { folder, site: 'A', clock });
const follow = async () => {
  const uses = await CertificateUses.open(trust, clock, log);
  const onChanged = (_: unknown, notice: SiteNotice) => void told.push(notice);
  const where = { trustDir: folder, dataDir, site: 'A', host: '127.0.0.1' };
  const following = await followKeys({ trust, ...where, uses, onChanged, clock, log });
  return {
    noteUse: (kiosk: string, serial: string) => uses.note(kiosk, serial),
    async [Symbol.asyncDispose]() {
      await following[Symbol.asyncDispose]();
      await uses[Symbol.asyncDispose]();
    },
  };
};
/** Lets time pass, in steps that the gateway looks at, until something holds: what it does meanwhile takes real time. */
const passUntil = (what: string, holds: () => boolean | Promise<boolean>) =>
  until(what, patienceMs, async () => {
    await clock.advance(lookEveryMs);
    return await holds();
  });

describe('a gateway that serves', () => {
  it('tells kiosks of a new key soon after another process has made it, once', async () => {
    await using _ = await follow();
    const { id } = await rotate('site')
      .then(() => openTrust(folder, { site: 'A', clock, log }))
      .then((opened) => newest(opened.contents.sealingKeys));
    await passUntil('kiosks are told', () => told.length > 0);
    expect(told).toEqual([expect.objectContaining({ key: expect.objectContaining({ id }) })]);
    expect(told[0]).toEqual(trust.notice);
    await passUntil('it has looked again', () => clock.monotonicMs() > 100_000);
    expect(told).toHaveLength(1);
  });

  it('keeps to the keys of before while those on the disk are damaged, and says so', async () => {
    await using _ = await follow();
    await rotate('site');
    await rm(join(folder, 'keys', 'site-2', 'site.json'));
    const before = trust.notice;
    await passUntil('it has complained', () => log.events.includes('keys.unread'));
    expect(trust.notice).toEqual(before);
  });

  it('shows a new authority when the last kiosk came with a certificate by it, and no invitation needs the old one', async () => {
    await using following = await follow();
    const old = await trust.enrol('gate-a', join(dataDir, 'a'));
    following.noteUse('gate-a', old.serial.toUpperCase());
    await rotate('authority');
    await passUntil('it knows', () => trust.contents.authorities.length === 2);
    const moved = await trust.enrol('gate-a', join(dataDir, 'b'));
    await clock.advance(2 * askEveryMs);
    const invitations = new Invitations(folder, clock);
    const invited = { kiosk: 'gate-b', gate: 'B', direction: 'in' } as const;
    await invitations.make(invited, clock.nowMs() + 2 * quietMs, seededChance(1));
    following.noteUse('gate-a', moved.serial);
    await passUntil('it is written down', async () => (await trust.used()).at(-1)?.serial === moved.serial);
    await clock.advance(quietMs + 2 * askEveryMs);
    expect(trust.contents.serving.number).toBe(1);
    await clock.advance(quietMs);
    await passUntil('it shows the new one', () => trust.contents.serving.number === 2);
    expect((await invitations.list()).map(({ state }) => state)).toEqual(['expired']);
  });

  it('writes down which certificate a kiosk came with only when it is another, and at most once a minute', async () => {
    const one = await trust.enrol('gate-a', join(dataDir, 'a'));
    const other = await trust.enrol('gate-a', join(dataDir, 'b'));
    {
      await using following = await follow();
      for (const { serial } of [one, one, other, one, other]) following.noteUse('gate-a', serial);
      await passUntil('the first is written', async () => (await trust.used()).length === 1);
      await passUntil('the last is written', async () => (await trust.used()).length === 2);
    }
    expect((await trust.used()).map(({ serial }) => serial)).toEqual([one.serial, other.serial]);
    await using following = await follow();
    following.noteUse('gate-a', other.serial);
    await following[Symbol.asyncDispose]();
    expect(await trust.used()).toHaveLength(2);
  });
});
