import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { listAudit } from '../../../gateway/audit/listing.ts';
import { openRegister } from '../../../gateway/cards/register.ts';
import { Invitations } from '../../../gateway/enrol/invitations.ts';
import { runKeys } from '../../../gateway/keys/command.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { openIssuer } from '../../../gateway/trust/issuer.ts';
import { generationsMax } from '../../../gateway/trust/key-ledger.ts';
import { makeGeneration } from '../../../gateway/trust/rotation.ts';
import { cardDayOf, personalCard } from '../../../shared/card.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { cardIdOf } from '../../fakes/signed-cards.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dataDir: string;
let folder: string;
const clock = new VirtualClock();
const log = new RecordingLog();

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ravao-keys-'));
  folder = join(dataDir, 'trust');
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const open = () => openTrust(folder, { site: 'A', clock, log });

async function keys(...args: string[]) {
  const said: string[] = [];
  const warned: string[] = [];
  const code = await runKeys(args, {
    config: { dataDir, site: 'A' },
    ...{ clock, log, print: async (pieces) => void said.push(...pieces), warn: (text) => void warned.push(text) },
  });
  return { code, out: said.join(''), err: warned.join('') };
}

async function actions(): Promise<string[]> {
  let text = '';
  for await (const piece of listAudit(dataDir, 'ndjson')) text += piece;
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map(({ action, what, why }) => `${action} ${what.kind} ${what.generation ?? ''} ${why ?? ''}`.trim());
}

describe('keys', () => {
  it('lists what there is, for people and for programs', async () => {
    expect((await keys()).out).toMatch(
      /^site: .*\n {2}1 {2}[\w-]{16}, since the beginning, current, site\.key lies here/,
    );
    expect((await keys()).out).toContain('none: it is made at the first card');
    const listed = (await keys('--format', 'json')).out.trim().split('\n');
    expect(listed.map((line) => JSON.parse(line).kind)).toEqual(['site', 'subject', 'authority']);
  });

  it.each([
    [['rotate']],
    [['rotate', 'gateway']],
    [['rotate', 'site', 'subject']],
    [['finish', 'site']],
    [['retire', 'subject']],
    [['nonsense']],
    [['--format', 'xml']],
    [['--nonsense']],
  ])('refuses %j, with the reason, and where its help is', async (args) => {
    const err = expect.stringMatching(/^.+\.\nTry "npm run -s gateway -- keys --help"\.\n$/);
    expect(await keys(...args)).toMatchObject({ code: 64, out: '', err });
  });
});

describe('keys rotate', () => {
  it('records what it does before and after, with the reason', async () => {
    const { code, out } = await keys('rotate', 'site', '--why', 'the old key was copied');
    expect([code, out]).toEqual([0, expect.stringContaining(join('trust', 'keys', 'site-2', 'site.key'))]);
    expect(await actions()).toEqual([
      'key.rotate site 2 the old key was copied',
      'key.rotated site 2 the old key was copied',
    ]);
  });

  it('does nothing that the audit could not tell of', async () => {
    await open();
    await writeFile(join(folder, 'audit-head.json'), '');
    await rm(join(dataDir, 'audit.jsonl'), { force: true });
    await openAudit(dataDir, { clock }).record({ action: 'x', what: {} });
    await rm(join(dataDir, 'audit.jsonl'));
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(dataDir, 'audit.jsonl'));
    await expect(keys('rotate', 'subject')).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' });
    expect(await readdir(folder)).not.toContain('keys.jsonl');
  });

  it('makes no second one while kiosks have not come to have the first, unless it is told to', async () => {
    const trust = await open();
    await trust.enrol('gate-a', join(dataDir, 'a'));
    await keys('rotate', 'site');
    expect(await keys('rotate', 'site')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Nothing was done.*gate-a/),
    });
    expect((await keys()).out).toContain('not yet moved: gate-a');
    expect((await keys('rotate', 'site', '--again')).out).toContain('number 3');
    await trust.refresh();
    const { serial } = await trust.enrol('gate-a', join(dataDir, 'again'));
    await trust.noteUse('gate-a', serial);
    expect((await keys()).out).not.toContain('not yet moved');
    expect((await keys('rotate', 'site')).out).toContain('number 4');
  });

  it('goes on with one that was cut off', async () => {
    await open();
    await writeFile(
      join(folder, 'keys.jsonl'),
      '{"kind":"site","number":2,"event":"begun","at":"2026-11-20T08:00:00Z"}\n',
    );
    expect((await keys()).out).toContain('run "keys rotate site" again');
    expect((await keys('rotate', 'site')).out).toContain('number 2');
    expect((await keys()).out).not.toContain('again');
  });

  it('stops at the number of generations that can be told apart', async () => {
    await open();
    for (let number = 2; number <= generationsMax; number++)
      await makeGeneration('subject', { folder, site: 'A', clock });
    expect(await keys('rotate', 'subject')).toMatchObject({ code: 1, err: expect.stringContaining('no more can be') });
  });

  it('needs a card before it makes another key for cards, and a card signed with that before a third', async () => {
    expect(await keys('rotate', 'issuer')).toMatchObject({ code: 1, err: expect.stringContaining('No card was ever') });
    openRegister(dataDir)[Symbol.dispose]();
    await openIssuer(folder, 'A');
    expect((await keys('rotate', 'issuer')).out).toContain('number 2');
    expect((await keys('rotate', 'issuer')).out).toContain('no card was signed with it yet');
    expect((await keys('retire', 'issuer')).out).toContain('believed no more');
    expect((await keys('retire', 'issuer')).out).toContain('Nothing was done');
  });

  it('says how many valid cards end with the issuer before this one, and wants to be told twice', async () => {
    await open();
    const sealed = { enc: '', ct: '', key: '' };
    const of = (number: number, issuer: string, expiryDay = cardDayOf(clock.nowMs())) => ({
      ...{ id: cardIdOf(number), issuer, issuedDay: 1, expiryDay, kind: personalCard, sealed },
      ...{ person: new Uint8Array(32), guard: new Uint8Array(32), kiosk: null },
    });
    const guards = (number: number, issuer: string) => ({ ...of(number, issuer), action: 'open' as const });
    {
      using register = openRegister(dataDir);
      const first = (await openIssuer(folder, 'A')).notice.id;
      register.add([of(1, first), of(2, first), of(3, first), of(4, first, cardDayOf(clock.nowMs()) - 1)]);
      register.control.add([guards(11, first), guards(12, first)]);
      for (const card of [...register.all()].slice(0, 1)) register.revoke(card, 'lost', clock.nowMs());
      for (const card of register.control.all().slice(0, 1)) register.control.revoke(card, 'lost', clock.nowMs());
    }
    expect((await keys('rotate', 'issuer')).out).toContain('until "keys retire issuer" ends them');
    {
      using register = openRegister(dataDir);
      const second = (await openIssuer(folder, 'A')).notice.id;
      register.add([of(5, second)]);
      register.control.add([guards(13, second)]);
    }
    const ended = '2 cards of people and 1 card of a guard';
    const before = await actions();
    expect(await keys('retire', 'issuer')).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(new RegExp(`^${ended} .*could not be opened by today's guards' cards.*--force`)),
    });
    expect(await actions()).toEqual(before);
    expect((await openIssuer(folder, 'A')).former).toHaveLength(1);
    const forced = await keys('retire', 'issuer', '--force');
    expect(forced).toEqual({ code: 0, err: '', out: expect.stringContaining(`With it ended ${ended}.`) });
    expect((await openIssuer(folder, 'A')).former).toHaveLength(0);
  });
});

describe('a change of the authority', () => {
  it('goes by finish and retire, each of which says whom it would cut off', async () => {
    const trust = await open();
    await trust.enrol('gate-a', join(dataDir, 'a'));
    expect((await keys('finish', 'authority')).out).toContain('Nothing was done');
    expect((await keys('retire', 'authority')).out).toContain('Nothing was done');
    await keys('rotate', 'authority');
    expect(await keys('rotate', 'authority', '--again')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Two auth'),
    });
    expect(await keys('retire', 'authority')).toMatchObject({ code: 1, err: expect.stringContaining('finish') });
    const invited = { kiosk: 'gate-b', gate: 'B', direction: 'in' } as const;
    await new Invitations(folder, clock).make(invited, clock.nowMs() + 60_000, seededChance(1));
    const finished = await keys('finish', 'authority');
    expect(finished.err).toMatch(
      /gate-a cannot know the gateway any more[\s\S]*Invitations for gate-b are good no more/,
    );
    expect(await keys('retire', 'authority')).toMatchObject({
      code: 1,
      err: expect.stringContaining('gate-a would be cut'),
    });
    expect((await trust.revoked()).length).toBe(0);
    expect(await keys('retire', 'authority', '--force')).toMatchObject({ code: 0 });
    expect((await trust.revoked()).map(({ kiosk }) => kiosk)).toEqual(['gate-a']);
    expect((await keys()).out).toMatch(/1 {2}-, since the beginning, retired/);
  });
});
