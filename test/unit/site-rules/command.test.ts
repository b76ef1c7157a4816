/** The command `rules`, over a data directory of its own. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Invitations } from '../../../gateway/enrol/invitations.ts';
import { lockProcess } from '../../../gateway/process-lock.ts';
import { runRules } from '../../../gateway/site-rules/command.ts';
import {
  editSiteRules,
  firstRules,
  readSiteRules,
  siteRulesDir,
} from '../../../gateway/site-rules/site-rules-files.ts';
import { toTellable, watchSiteRules } from '../../../gateway/site-rules/tellable-rules.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { makeGeneration } from '../../../gateway/trust/rotation.ts';
import { cardDayOf } from '../../../shared/card.ts';
import { subjectOf } from '../../../shared/identity.ts';
import { decodeBar, personItemBytes, siteRulesLimits } from '../../../shared/site-rules.ts';
import { auditLines } from '../../fakes/audit-lines.ts';
import { bytesBelow } from '../../fakes/files-below.ts';
import { makePast } from '../../fakes/old-site.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { idCard, idNumber } from '../../fakes/site.ts';
import { someSubject } from '../../fakes/site-rules.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 20, 2);

let template: string;
let dataDir: string;
let clock: VirtualClock;
let subjectKey: Uint8Array;

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'ravao-rules-'));
  const parts = { site: 'Nhà máy A', clock: new VirtualClock(startMs), log: new RecordingLog() };
  ({ subjectKey } = await openTrust(join(template, 'trust'), parts));
});
afterAll(() => rmSync(template, { recursive: true }));

beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'ravao-rules-')), 'gateway');
  cpSync(template, dataDir, { recursive: true });
  clock = new VirtualClock(startMs);
});
afterEach(() => rmSync(join(dataDir, '..'), { recursive: true }));

async function rules(args: readonly string[], { typed = '', isTerminal = false } = {}) {
  let out = '';
  let err = '';
  const code = await runRules(args, {
    config: { dataDir, site: 'Nhà máy A' },
    clock,
    log: new RecordingLog(),
    input: { isTerminal, ask: async () => typed, readAll: async () => Buffer.from(typed) },
    print: async (pieces) => {
      for (const piece of pieces) out += piece;
    },
    warn: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

const subject = (number: number) => subjectOf(subjectKey, idNumber(number));
const kept = () => readSiteRules(dataDir);
const barred = () => kept().barred.map((person) => person.subject);

describe('rules bar and unbar', () => {
  it('takes a scanned code, a typed number or a subject, and keeps the pseudonym alone', async () => {
    expect(await rules(['bar', '--reason', 'health', '--until', '1/12/2026'], { typed: `${idCard(1)}\n` })).toEqual({
      code: 0,
      out: 'Barred: 1.\n',
      err: '',
    });
    await rules(['bar', '--gate', 'Cổng B', '--kiosk', 'gate-c'], { typed: '001 099 000 002', isTerminal: true });
    await rules(['bar', `--subject=${subject(3)}`]);
    expect(kept().barred).toMatchObject([
      { subject: subject(1), reason: 'health', until: '2026-12-01', gates: [] },
      { subject: subject(2), reason: 'ban', until: null, gates: ['Cổng B', 'gate-c'] },
      { subject: subject(3) },
    ]);
    expect(auditLines(dataDir)).toMatchObject([
      { action: 'rules.barred', what: { person: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/), reason: 'health' } },
      {
        action: 'rules.barred',
        what: { person: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/), gates: ['Cổng B', 'gate-c'] },
      },
      { action: 'rules.barred', what: { person: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/) } },
    ]);
    const everything = bytesBelow(dataDir);
    for (const secret of [idNumber(1), idNumber(2), 'Nguyễn', '123456789'])
      expect(everything.includes(secret), secret).toBe(false);
    // A person can be erased, the audit cannot.
    expect(readFileSync(join(dataDir, 'audit.jsonl'), 'utf8')).not.toContain(subject(1));
    expect((await rules(['show'])).out).toContain(
      `${subject(1)}  health, everywhere, since 2026-11-20, until 2026-12-01`,
    );
    expect(await rules(['unbar'], { typed: `${idNumber(1)}\n${idNumber(9)}` })).toMatchObject({
      out: expect.stringMatching(/^Lifted: 1 of 2\.\n.* may be barred by another of theirs: .*\n$/),
    });
    expect(barred()).toEqual([subject(2), subject(3)]);
  });

  it('are lifted, or barred anew, of people who were barred before the key of the pseudonyms changed', async () => {
    await rules(['bar'], { typed: `${idNumber(1)}\n${idNumber(2)}` });
    const parts = { site: 'Nhà máy A', clock, log: new RecordingLog() };
    await makeGeneration('subject', { folder: join(dataDir, 'trust'), ...parts });
    const { subjectKey: next } = await openTrust(join(dataDir, 'trust'), parts);
    expect(next).not.toEqual(subjectKey);
    expect((await rules(['unbar'], { typed: idNumber(1) })).out).toBe('Lifted: 1 of 1.\n');
    await rules(['bar', '--reason', 'health'], { typed: idNumber(2) });
    expect(kept().barred).toMatchObject([{ subject: subjectOf(next, idNumber(2)), reason: 'health' }]);
  });

  it('takes everybody that it can, and names the lines that are wrong without saying what stands in them', async () => {
    const ran = await rules(['bar'], { typed: `${idNumber(1)}\n\nhello\n12345678901\n${idNumber(2)}\n` });
    expect(ran).toMatchObject({ code: 1, out: 'Barred: 2.\n' });
    expect(ran.err).toMatch(/^line 3: no personal code.*\nline 4: 11 digits.*\n$/);
    expect(ran.err).not.toContain('hello');
    expect(barred()).toEqual([subject(1), subject(2)]);
    expect((await rules(['bar'], { typed: '\n \n' })).code).toBe(1);
  });

  it('makes a reason of a text, once, and lets it go when nobody is barred for it', async () => {
    const text = 'Xin gặp phòng nhân sự.';
    await rules(['bar', '--reason', text], { typed: idNumber(1) });
    await rules(['bar', '--reason', text], { typed: idNumber(2) });
    const { reasons } = toTellable(kept(), 0).settings;
    expect(reasons.filter(({ vi }) => vi === text)).toHaveLength(1);
    const items = toTellable(kept(), cardDayOf(clock.nowMs())).barred;
    expect(reasons[decodeBar(items.subarray(0, personItemBytes)).reason]?.vi).toBe(text);
    await rules(['unbar'], { typed: `${idNumber(1)}\n${idNumber(2)}` });
    await rules(['bar', '--reason', 'Khác'], { typed: idNumber(1) });
    expect(kept().settings.reasons.map(({ vi }) => vi)).not.toContain(text);
  });

  it('warn of a gate that no entry, no invitation and no kiosk names, and name those that there are', async () => {
    const typed = idNumber(1);
    const first = await rules(['bar', '--gate', 'Cong B'], { typed });
    expect(first).toMatchObject({ code: 0, out: 'Barred: 1.\n' });
    expect(first.err).toMatch(
      /^WARNING: no gate and no kiosk is called "Cong B": .*\n.* known: none\. Kiosks: none\.\n$/,
    );
    await makePast(dataDir, { from: 1, count: 1, receivedMs: startMs, personOf: () => 1 });
    const invitations = new Invitations(join(dataDir, 'trust'), clock);
    const invited = { kiosk: 'cong-b', gate: 'Cổng B', direction: 'in' } as const;
    await invitations.make(invited, startMs + dayMs, seededChance(1));
    const trust = await openTrust(join(dataDir, 'trust'), { site: 'Nhà máy A', clock, log: new RecordingLog() });
    await trust.enrol('gate-c', join(dataDir, '..', 'gate-c'));
    await trust.enrol('gate-d', join(dataDir, '..', 'gate-d'));
    await trust.revoke('gate-d');
    for (const place of ['Cổng A', 'Cổng B', 'gate-c']) {
      expect(await rules(['bar', '--gate', place], { typed }), place).toMatchObject({ code: 0, err: '' });
      expect(await rules(['passback', 'warn', '--kiosk', place]), place).toMatchObject({ code: 0, err: '' });
    }
    const wrong = await rules(['passback', 'warn', '--gate', 'Cổng A', '--gate', 'Cong B', '--kiosk', 'gate-d']);
    expect(wrong).toMatchObject({ code: 0, out: expect.stringContaining('Cong B') });
    expect(wrong.err).toMatch(
      /called "Cong B", "gate-d": .*\nGates that are known: Cổng A, Cổng B\. Kiosks: gate-c\.\n$/,
    );
  });

  it('warn that gates cannot be told where the store cannot be read, and hold all the same', async () => {
    writeFileSync(join(dataDir, 'store.db'), 'no database');
    const ran = await rules(['bar', '--gate', 'Cổng A'], { typed: idNumber(1) });
    expect(ran).toMatchObject({
      code: 0,
      out: 'Barred: 1.\n',
      err: expect.stringMatching(/cannot be told: .*store\.db/),
    });
  });

  it('tells kiosks of no bar that has ended', async () => {
    await rules(['bar', '--until', '2026-11-20'], { typed: idNumber(1) });
    const today = cardDayOf(clock.nowMs());
    const told = [today, today + 1].map((day) => toTellable(kept(), day).barred.length);
    expect(told).toEqual([personItemBytes, 0]);
  });
});

describe('rules expect', () => {
  it('adds people to a day from a table or from lines, and clears', async () => {
    const list = join(dataDir, '..', 'list.csv');
    writeFileSync(list, `\uFEFF"Họ tên";"Số CCCD";Ghi chú\n"Lê, A";${idNumber(1)};x\n;;\nB;${idNumber(2)};\nC;?;\n`);
    expect(await rules(['expect', '--day', 'today', '--from', list])).toMatchObject({
      code: 1,
      out: 'Expected on 2026-11-20: 2.\n',
      err: expect.stringMatching(/^line 5: /),
    });
    expect((await rules(['expect', '--day', 'today'], { typed: idCard(3) })).out).toBe('Expected on 2026-11-20: 3.\n');
    expect((await rules(['expect', '--day', '2026-11-21'], { typed: `subject\n${subject(4)}\nno\n` })).code).toBe(1);
    expect(kept().expected).toEqual({
      '2026-11-20': [subject(1), subject(2), subject(3)],
      '2026-11-21': [subject(4)],
    });
    const day = cardDayOf(clock.nowMs());
    expect(toTellable(kept(), day).expected).toHaveLength(4 * personItemBytes);
    clock.jumpWall(2 * dayMs);
    await rules(['expect', '--day', 'today'], { typed: idCard(5) });
    expect(Object.keys(kept().expected)).toEqual(['2026-11-22']);
    await rules(['expect', 'clear', '--day', '2026-11-23']);
    expect(Object.keys(kept().expected)).toEqual(['2026-11-22']);
    await rules(['expect', 'clear']);
    expect(kept().expected).toEqual({});
  });
});

describe('rules expected, passback and occupancy', () => {
  it('are kept, told and shown', async () => {
    await rules(['expected', 'warn']);
    await rules(['passback', 'refuse']);
    await rules(['passback', 'off', '--gate', 'Cổng B', '--kiosk', 'gate-c']);
    await rules(['occupancy', '120', '--warn', '--reset-at', '03:30']);
    await rules(['occupancy', '100']);
    const { settings, resets } = toTellable(kept(), 0);
    expect(settings).toMatchObject({
      expected: 'warn',
      passback: { everywhere: 'refuse', gates: { 'Cổng B': 'off', 'gate-c': 'off' } },
      occupancy: { limit: 100, strictness: 'refuse' },
    });
    expect(resets).toEqual({ resetAt: '03:30', resetMs: null });
    const { out } = await rules(['show']);
    expect(out).toContain(
      'not expected: warn.\nPassback: refuse, Cổng B: off, gate-c: off.\nOccupancy: at most 100, refuse',
    );
    await rules(['occupancy', 'reset']);
    expect(toTellable(kept(), 0).resets.resetMs).toBe(clock.nowMs());
    await rules(['occupancy', 'off']);
    await rules(['passback', 'off']);
    expect(JSON.parse((await rules(['show', '--format', 'json'])).out)).toMatchObject({
      settings: { occupancy: null, passback: { everywhere: 'off', gates: {} } },
    });
    expect(auditLines(dataDir).map(({ action }) => action)).toEqual(Array(8).fill('rules.changed'));
  });
});

describe('wrong words', () => {
  it.each<[string, readonly string[]]>([
    ['no such command', ['forgive']],
    ['a number as an argument', ['bar', '001099000001']],
    ['a number in the reason', ['bar', '--reason', 'số 001099000001']],
    ['a reason that is too long', ['bar', '--reason', 'x'.repeat(57)]],
    ['a day that there is not', ['bar', '--until', '2026-02-30']],
    ['a day that is over', ['bar', '--until', '2026-11-19']],
    ['no subject', ['bar', '--subject', '001099000001']],
    ['no subject to lift', ['unbar', '--subject', 'x']],
    ['too many gates', ['bar', ...Array.from({ length: 17 }, (_, n) => ['--gate', `Cổng ${n}`]).flat()]],
    ['a gate without a name', ['passback', 'warn', '--gate', '']],
    ['no day', ['expect', '--from', 'list.csv']],
    ['yesterday', ['expect', '--day', '2026-11-19']],
    ['another word', ['expect', 'all', '--day', 'today']],
    ['no strictness', ['expected', 'maybe']],
    ['no strictness of passback', ['passback']],
    ['no limit', ['occupancy', '0']],
    ['no number for a limit', ['occupancy', '1e3']],
    ['two strictnesses', ['occupancy', '5', '--warn', '--refuse']],
    ['no hour', ['occupancy', '5', '--reset-at', '25:00']],
    ['a foreign option', ['show', '--gate', 'Cổng A']],
    ['an unknown option', ['show', '--all']],
    ['no such format', ['show', '--format', 'xml']],
    ['two words', ['expected', 'warn', 'refuse']],
  ])('are refused with the help, and change and record nothing: %s', async (_, args) => {
    const { code, err, out } = await rules(args, { typed: idNumber(1) });
    expect([code, out]).toEqual([64, '']);
    expect(err).toMatch(/^.+\.\nTry "npm run -s gateway -- rules --help"\.\n$/);
    expect(err).not.toContain('001099000001');
    expect(kept()).toEqual(firstRules);
    expect(auditLines(dataDir)).toEqual([]);
  });

  it('a list that cannot be read is said', async () => {
    expect(await rules(['expect', '--day', 'today', '--from', join(dataDir, 'none.csv')])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^The list cannot be read: ENOENT/),
    });
  });
});

describe('what does not fit', () => {
  const since = '2026-11-20T00:00:00.000Z';
  const person = (number: number, gates: string[] = [], reason = 'ban') => {
    return { subject: someSubject(number), reason, until: null, gates, since };
  };
  it.each<[string, RegExp, () => Partial<typeof firstRules>]>([
    [
      'too many people',
      /At most 100000 people/,
      () => ({ barred: Array.from({ length: siteRulesLimits.peoplePerListMax }, (_, n) => person(n)) }),
    ],
    [
      'too many sets of gates',
      /At most 32 different sets/,
      () => ({ barred: Array.from({ length: siteRulesLimits.scopesMax }, (_, n) => person(n, [`Cổng ${n}`])) }),
    ],
    [
      'too many reasons',
      /At most 32 different reasons/,
      () => ({
        settings: {
          ...firstRules.settings,
          reasons: Array.from({ length: siteRulesLimits.reasonsMax }, (_, n) => ({ code: `r-${n}`, vi: 'x', en: 'x' })),
        },
      }),
    ],
    [
      'gates with long names',
      /reach the kiosks/,
      () => ({ barred: Array.from({ length: 26 }, (_, n) => person(n, [`${n}`.padEnd(200, 'ă')])) }),
    ],
  ])('is refused, and nothing is changed or recorded: %s', async (_, problem, before) => {
    await editSiteRules(dataDir, async () => ({ ...firstRules, ...before() }));
    const count = kept().barred.length;
    const ran = await rules(['bar', '--reason', 'Khác hẳn', '--gate', 'Cổng mới'], { typed: idNumber(1) });
    expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringMatching(problem) });
    expect(kept().barred).toHaveLength(count);
    expect(auditLines(dataDir)).toEqual([]);
  });
});

describe('the files', () => {
  it('that are damaged are left as they are, and named', async () => {
    mkdirSync(siteRulesDir(dataDir), { recursive: true });
    for (const [name, text] of [
      ['settings.json', '{"v":1}'],
      ['barred.json', '{"v":1,"people":[{}]}'],
      ['expected.json', 'nothing'],
    ] as const) {
      const path = join(siteRulesDir(dataDir), name);
      writeFileSync(path, text);
      await expect(rules(['bar'], { typed: idNumber(1) })).rejects.toMatchObject({
        code: 'SITE_RULES_DAMAGED',
        message: expect.stringContaining(path),
      });
      expect(readFileSync(path, 'utf8')).toBe(text);
      rmSync(path);
    }
    expect(auditLines(dataDir)).toEqual([]);
  });

  it('are changed by one command at a time', async () => {
    await rules(['expected', 'warn']);
    {
      using _ = lockProcess(join(siteRulesDir(dataDir), 'rules.lock'), 0);
      await expect(editSiteRules(dataDir, async (rules) => rules, 1)).rejects.toMatchObject({
        code: 'SITE_RULES_BUSY',
      });
    }
    await rules(['expected', 'refuse']);
    expect(kept().settings.expected).toBe('refuse');
  });

  it('are told anew when one of them is another, and the same objects until then', async () => {
    const source = watchSiteRules(dataDir);
    expect(source.read(clock.nowMs())).toBeNull();
    await rules(['bar'], { typed: idNumber(1) });
    const first = source.read(clock.nowMs());
    expect(source.read(clock.nowMs())).toBe(first);
    expect(source.read(clock.nowMs() + dayMs)).not.toBe(first);
    await rules(['unbar'], { typed: idNumber(1) });
    expect(source.read(clock.nowMs())?.barred).toHaveLength(0);
  });
});
