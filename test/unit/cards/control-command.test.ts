import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditFileName } from '../../../gateway/audit/audit-file.ts';
import { type CardsContext, runCards } from '../../../gateway/cards/command.ts';
import { controlDays, tidyGuard } from '../../../gateway/cards/control-command.ts';
import { openRegisterReader } from '../../../gateway/cards/register.ts';
import { controlActions } from '../../../shared/control-card.ts';
import { auditLines } from '../../fakes/audit-lines.ts';
import { pipedInput } from '../../fakes/piped-input.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let dataDir: string;
let clock: VirtualClock;
let seed = 100;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-control-'));
  dataDir = join(dir, 'data');
  clock = new VirtualClock();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const cards = (...args: readonly string[]) => cardsOf('', ...args);

async function cardsOf(typed: string, ...args: readonly string[]) {
  const ran = { out: '', err: '' };
  const context: CardsContext = {
    ...{ dataDir, site: 'Nhà máy A', clock, chance: seededChance(++seed), log: new RecordingLog() },
    desk: scriptedDesk(null),
    input: pipedInput(typed),
    signal: new AbortController().signal,
    warn: (text) => {
      ran.err += text;
    },
    print: async (pieces) => {
      for await (const piece of pieces) ran.out += piece;
      return 0;
    },
  };
  return { code: await runCards(args, context), ...ran };
}

const pdf = () => join(dir, 'guard.pdf');
const make = (...more: string[]) => cards('control', '--for', 'Chú Tư, cổng A', '--out', pdf(), ...more);

function registered() {
  using reader = openRegisterReader(dataDir);
  return reader?.control.all() ?? [];
}

describe('cards control', () => {
  it('makes the six usual cards for ninety days, after the audit knows, and says to keep them like a key', async () => {
    const { code, out } = await make();
    expect(code).toBe(0);
    expect(out).toMatch(/6 cards, valid until 18\/02\/2027\.\nKeep them like a key/);
    expect(registered().map(({ action, kiosk, printed }) => [action, kiosk, printed])).toEqual(
      ['direction-in', 'direction-out', 'close', 'open', 'visitor', 'test'].map((action) => [action, null, true]),
    );
    expect(auditLines(dataDir)).toMatchObject([
      { action: 'control.issued', what: { kiosk: null, days: controlDays.default } },
    ]);
    expect(auditLines(dataDir)[0]?.what.cards).toHaveLength(6);
    const files = [auditFileName, 'cards.db'].map((name) => readFileSync(join(dataDir, name)).toString());
    expect(files.join('')).not.toContain('Tư');
  });

  it('gives the same cards again on the same day, and new ones on the next, naming how many older ones hold', async () => {
    await make('--actions', 'close, open,close');
    expect((await make('--actions', 'open,close,test')).err).toBe('');
    expect(registered().map(({ action }) => action)).toEqual(['close', 'open', 'test']);
    clock.jumpWall(86_400_000);
    expect((await make('--actions', 'close')).err).toMatch(/^3 older cards of the same guard/);
    expect(registered()).toHaveLength(4);
    clock.jumpWall(400 * 86_400_000);
    expect((await make('--actions', 'close')).err).toBe('');
  });

  it('gives another card than one that was revoked', async () => {
    await make('--actions', 'close');
    expect((await cards('revoke', '--for', 'CHÚ TƯ,  cổng A', '--reason', 'lost')).code).toBe(0);
    await make('--actions', 'close');
    expect(registered().map(({ revoked }) => revoked?.reason)).toEqual(['lost', undefined]);
    expect(auditLines(dataDir).map(({ action, why }) => [action, why])).toEqual([
      ['control.issued', null],
      ['control.revoked', 'lost'],
      ['control.issued', null],
    ]);
  });

  it('registers nothing where the PDF cannot be written, and leaves a file that is none', async () => {
    await writeFile(pdf(), 'my diary');
    await expect(make()).rejects.toThrow('PRINT_FAILED');
    expect(existsSync(dataDir)).toBe(false);
    expect(readFileSync(pdf(), 'utf8')).toBe('my diary');
  });

  it('has room on its page for every action', async () => {
    expect((await make('--actions', controlActions.join(','), '--kiosk', 'gate-a')).out).toContain('8 cards');
  });

  it('says that no such kiosk is enrolled, for a card that would work nowhere', async () => {
    expect((await make('--kiosk', 'gate-x')).err).toContain('No kiosk gate-x is enrolled yet');
  });

  it.each([
    [['--days', '0'], /--days is a number from 1 to 366/],
    [['--days', '367'], /--days is a number from 1 to 366/],
    [['--days', '1.5'], /--days/],
    [['--actions', 'close,explode'], /--actions are direction-in,/],
    [['--actions', ''], /--actions are/],
    [['--kiosk', '../gate-a'], /--kiosk is the id of a kiosk/],
    [['--page', 'large'], /control takes no --page/],
    [['--for', 'Cô\u0007 '], undefined],
    [['--for', '{}'], /control needs --for/],
    [['--for', 'x'.repeat(61)], /control needs --for/],
    [['--out', ''], /needs --out/],
  ] as const)('answers %j with what is wrong', async (args, message) => {
    const ran = await make(...args);
    if (message === undefined) expect(ran.code).toBe(0);
    else expect(ran).toMatchObject({ code: 64, err: expect.stringMatching(message) });
  });

  it('needs a clock that can be right', async () => {
    clock.jumpWall(-400 * 86_400_000);
    expect(await make()).toMatchObject({ code: 1, err: expect.stringContaining('Set it first') });
  });
});

describe('what else is done with a register', () => {
  it("lists guards' cards behind those of people, in every form, with names where the key is", async () => {
    await cardsOf('name: Trần Văn Ước', 'issue', '--out', join(dir, 'a.pdf'));
    await make('--actions', 'close', '--kiosk', 'gate-a');
    expect((await cards('list')).out).toMatch(/valid\n.*valid {2}close, gate-a\n2 cards\.\n$/);
    expect((await cards('list', '--names')).out).toContain('close, gate-a  Chú Tư, cổng A');
    const [person, guard] = JSON.parse((await cards('list', '--format', 'json')).out);
    expect([person.control, guard.control]).toEqual([undefined, { action: 'close', kiosk: 'gate-a' }]);
    expect((await cards('list', '--format', 'csv')).out).toMatch(
      /,reason,control,kiosk\n.*,,,,\n.*,true,,,close,gate-a\n$/,
    );
  });

  it("revokes by number, together with people's, and prints no guard's card again", async () => {
    await make('--actions', 'close');
    const { out } = await cards('list');
    const number = out.slice(0, 13);
    const reprint = await cards('reprint', number, '--out', join(dir, 'b.pdf'));
    expect(reprint).toMatchObject({ code: 1, err: expect.stringContaining("is a guard's card: make new ones") });
    expect((await cards('revoke', number)).out).toBe(`${number} is revoked (other).\n`);
    expect((await cards('revoke', number)).out).toMatch(/was revoked on 20\/11\/2026 already/);
  });

  it('names the gates that are closed, and that the revoked cards open no more', async () => {
    await writeFile(
      join(dir, 'gates.json'),
      JSON.stringify({ 'gate-c': 'closed', 'gate-a': 'closed', 'gate-b': 'open' }),
    );
    await make('--actions', 'open', '--kiosk', 'gate-a');
    await rename(join(dir, 'gates.json'), join(dataDir, 'gates.json'));
    const revoke = () => cards('revoke', '--for', 'Chú Tư, cổng A');
    expect((await revoke()).err).toMatch(
      /^CLOSED by a guard: gate-a\. .* make one with "cards control --actions open"\.\n$/,
    );
    expect((await revoke()).err).toBe('');
    await make('--actions', 'close');
    expect((await revoke()).err).toBe('');
    await make('--actions', 'close,open');
    expect((await revoke()).err).toMatch(/^CLOSED by a guard: gate-a, gate-c\. /);
  });

  it('makes nothing where no card was ever issued', async () => {
    for (const args of [
      ['revoke', '761 234 609 0'],
      ['reprint', '761 234 609 0', '--out', pdf()],
    ]) {
      expect(await cards(...args)).toMatchObject({
        code: 1,
        err: expect.stringContaining('No card was ever issued in '),
      });
    }
    expect([existsSync(dataDir), existsSync(pdf())]).toEqual([false, false]);
  });

  it('names nobody who has none, and takes one way to say whose', async () => {
    await make();
    expect(await cards('revoke', '--for', 'Ai đó')).toMatchObject({ code: 1, err: expect.stringMatching(/^Nobody/) });
    expect(await cards('revoke', '--for', 'Ai đó', '761 234 609 0')).toMatchObject({ code: 64 });
    expect(tidyGuard(' Chú  Tư ')).toBe('Chú Tư');
  });
});
