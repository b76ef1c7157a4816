import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCards } from '../../../gateway/cards/command.ts';
import { openRegister, openRegisterReader } from '../../../gateway/cards/register.ts';
import { isForgotten } from '../../../gateway/cards/registered-cards.ts';
import { runBackup } from '../../../gateway/retention/backup-command.ts';
import { listBackups } from '../../../gateway/retention/backups.ts';
import { runPerson } from '../../../gateway/retention/person-command.ts';
import { runPurge } from '../../../gateway/retention/purge-command.ts';
import { findPerson } from '../../../gateway/retention/subject-person.ts';
import { findTraces } from '../../../gateway/retention/trace-search.ts';
import { editSiteRules, readSiteRules } from '../../../gateway/site-rules/site-rules-files.ts';
import { openSqliteStore } from '../../../gateway/store/sqlite.ts';
import { formatCardNumber } from '../../../shared/card-number.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { dayMs, makePast, ownUpstream } from '../../fakes/old-site.ts';
import { pipedInput } from '../../fakes/piped-input.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { idNumber } from '../../fakes/site.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let dataDir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-person-'));
  dataDir = join(dir, 'data');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const upstream = { type: 'file', name: ownUpstream, inBase: true } as const;
const config = () => ({
  dataDir,
  site: 'Nhà máy A',
  keepDays: 30,
  upstreams: [{ ...upstream, path: join(dataDir, 'upstream.ndjson') }],
});

type Run = (parts: {
  print: (pieces: Iterable<string>) => Promise<unknown>;
  warn: (text: string) => void;
}) => Promise<number>;

/** Runs a command; what it says. */
async function run(command: Run) {
  let text = '';
  const code = await command({
    print: async (pieces) => {
      for (const piece of pieces) text += piece;
    },
    warn: (piece) => {
      text += piece;
    },
  });
  return { code, text };
}

const signal = new AbortController().signal;
const purge = (args: readonly string[], clock = systemClock) =>
  run((parts) => runPurge(args, { config: config(), clock, signal, ...parts }));
const backup = (clock = systemClock) => run((parts) => runBackup([], { config: config(), clock, ...parts }));
const person = (args: readonly string[], ...lines: string[]) =>
  run((parts) => {
    const input = (async function* () {
      yield Buffer.from(`${lines.join('\n')}\n`);
    })();
    const desk = scriptedDesk(null);
    return runPerson([...args, '--why', 'asked'], {
      config: config(),
      clock: systemClock,
      signal,
      desk,
      input,
      ...parts,
    });
  });

describe('purge', () => {
  it('only counts when told so, names an upstream that holds entries back, and forgets it on demand', async () => {
    await makePast(dataDir, { from: 1, count: 10, receivedMs: systemClock.nowMs() - 40 * dayMs, personOf: () => 1 });
    expect(await purge(['--dry-run'])).toMatchObject({
      code: 0,
      text: expect.stringContaining('Would go: 10 entries and 0 things in quarantine'),
    });
    await expect(purge(['--forget-upstream', 'https://never.example/'])).rejects.toMatchObject({
      code: 'UPSTREAM_UNKNOWN',
    });
    expect(await purge(['--forget-upstream', ownUpstream])).toMatchObject({
      code: 64,
      text: expect.stringContaining('is set up'),
    });
    expect((await purge(['--days', '1'])).code).toBe(64);
    expect((await purge([])).text).toMatch(/^Deleted: 10 entries/);
  });

  it('removes backups whose days are over, and leaves nothing that a killed one had begun', async () => {
    await makePast(dataDir, { from: 1, count: 10, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    const clock = new VirtualClock(systemClock.nowMs() - 31 * dayMs);
    await backup(clock);
    await backup();
    expect(await listBackups(dataDir)).toHaveLength(2);
    expect((await purge([])).text).toContain('Backups removed: 1; deleted in others: 0.');
    expect(await listBackups(dataDir)).toHaveLength(1);
    // Nor does this process hold a file of them open, whose blocks would stay.
    const open = readdirSync('/proc/self/fd').flatMap((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`);
      } catch {
        return []; // closed meanwhile
      }
    });
    expect(open.filter((path) => path.includes('/backups/'))).toEqual([]);
  });
});

describe('lists of people', () => {
  const today = new Date(systemClock.nowMs() + 7 * 3_600_000).toISOString().slice(0, 10);
  const someone = 'A'.repeat(22);

  it('of who was expected go with a purge when the day is over', async () => {
    await makePast(dataDir, { from: 1, count: 1, receivedMs: systemClock.nowMs(), personOf: () => 1 });
    const expected = { '2026-01-01': [someone], [today]: [someone] };
    await editSiteRules(dataDir, async (kept) => ({ ...kept, expected }));
    expect((await purge([])).code).toBe(0);
    expect(readSiteRules(dataDir).expected).toEqual({ [today]: [someone] });
  });

  it('name nobody who was erased, but a bar stays, is told of, and is in backups', async () => {
    await makePast(dataDir, { from: 1, count: 1, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    const found = await findPerson(dataDir, [idNumber(1)]);
    const [subject = ''] = 'wrong' in found ? [] : found.subjects;
    const bar = { subject, reason: 'ban', until: null, gates: [], since: '2026-11-20T00:00:00Z' };
    await editSiteRules(dataDir, async (kept) => ({
      ...kept,
      expected: { [today]: [subject, someone] },
      barred: [bar],
    }));
    await backup();
    const erased = await person(['erase'], idNumber(1));
    expect(erased).toMatchObject({ code: 1, text: expect.stringContaining('who is barred: see "rules unbar"') });
    expect(readSiteRules(dataDir)).toMatchObject({ expected: { [today]: [someone] }, barred: [bar] });
    const [{ path } = { path: '' }] = await listBackups(dataDir);
    expect(readSiteRules(path)).toMatchObject({ expected: {}, barred: [bar] });
  });
});

describe('person', () => {
  async function issueCards(): Promise<readonly number[]> {
    const cards = (args: readonly string[]) =>
      runCards(args, {
        dataDir,
        site: 'Nhà máy A',
        clock: systemClock,
        chance: seededChance(5),
        log: new RecordingLog(),
        signal,
        desk: scriptedDesk(null),
        input: pipedInput(''),
        warn: () => {},
        print: async () => 0,
      });
    const list = join(dir, 'people.csv');
    writeFileSync(list, 'name,birth_year,number\nPhạm Văn Đ,1933,001033000001\nLê Thị E,1940,001040000002\n');
    await cards(['issue', '--from', list, '--out', join(dir, 'cards.pdf')]);
    using register = openRegister(dataDir);
    return [...register.all()].map(({ number }) => number);
  }

  it('corrects whose a card is, and erases it: the card stays known, and what it said is in no file', async () => {
    await makePast(dataDir, { from: 1, count: 5, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    const [first = 0, second = 0] = await issueCards();
    await backup();
    const find = (number: number) => {
      using register = openRegisterReader(dataDir);
      const card = register?.find(number);
      if (card === undefined || card === null) throw new Error(`no card ${number}`);
      return card;
    };
    const issued = find(first);
    const corrected = await person(['correct'], formatCardNumber(first), 'name: Phạm Văn Đúng', 'birth_year: 1934');
    expect(corrected).toMatchObject({ code: 0, text: expect.stringContaining('Cards put right: 1') });
    const right = find(first);
    expect(right.sealed).not.toEqual(issued.sealed);
    const out = join(dir, 'out.json');
    const order = ['export', '--names', '--format', 'json'];
    expect((await person(order, formatCardNumber(first))).text).toContain('"name": "Phạm Văn Đúng"');
    await person([...order, '--out', out], formatCardNumber(first));
    await expect(person([...order, '--out', out], formatCardNumber(first))).rejects.toMatchObject({
      code: 'PERSON_FAILED',
    });

    const erased = await person(['erase'], formatCardNumber(first));
    expect(erased).toMatchObject({
      code: 0,
      text: expect.stringContaining('Cards that say no more whose they are: 1'),
    });
    expect(isForgotten(find(first))).toBe(true);
    expect(isForgotten(find(second))).toBe(false);
    for (const { sealed, person: digest } of [issued, right]) {
      expect(await findTraces(dataDir, [sealed.enc, sealed.ct])).toEqual([]);
      expect(readFileSync(join(dataDir, 'cards.db')).includes(Buffer.from(digest))).toBe(false);
    }
    expect(await findTraces(dataDir, [find(second).sealed.ct])).toHaveLength(2);
    expect((await person(['erase'], formatCardNumber(first))).code).toBe(0);
  });

  it('names the line and the field that is none, and the fields that there are', async () => {
    await makePast(dataDir, { from: 1, count: 1, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    const fields = 'use name, birth_year, number, phone, address, note.\n';
    expect(await person(['correct'], idNumber(1), 'name: Lê Thị E', 'foo: bar')).toEqual({
      code: 1,
      text: `Line 3: "foo" is no field; ${fields}`,
    });
    expect((await person(['correct'], 'họ tên: x', 'birth year: 1', idNumber(1))).text).toMatch(/^Line 1 is no code/);
    expect((await person(['correct'], idNumber(1), 'birth year: 1')).text).toBe(
      `Line 2: "birth year" is no field; ${fields}`,
    );
    expect((await person(['export'], idNumber(1), 'foo: bar')).text).toBe(
      'Line 2 is no code and no number: nothing of that form is known.\n',
    );
    // Some codes begin as a field does.
    expect((await person(['correct'], idNumber(1), 'uvci:x:1', 'note: y')).code).toBe(0);
  });

  it('is told to whom entries went, and to whom they did not', async () => {
    await makePast(dataDir, { from: 1, count: 2, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    const forwardTo = async (upstream: string) => {
      await using store = await openSqliteStore({ dir: dataDir, log: new RecordingLog() });
      await store.markForwarded(upstream, 2, [], systemClock.nowMs());
    };
    // Its own file is none, as what lies there is put right from here.
    expect((await person(['correct'], idNumber(1), 'note: x')).text).toBe(
      'Kept beside the entries: 1. Cards put right: 0.\n',
    );
    expect(JSON.parse((await person(['export'], idNumber(1))).text.replace(/\n\d+ entr.*\n$/, ''))).toMatchObject({
      forwardedTo: [],
    });
    await forwardTo('https://health.example/entries');
    expect((await person(['correct'], idNumber(1), 'note: y')).text).toContain(
      'Entries were forwarded to https://health.example/entries: tell them too.\n',
    );
    const erased = await person(['erase'], idNumber(1));
    expect(erased.text).toContain('2 lines of forwarded files');
    expect(erased.text).toContain('Entries were forwarded to https://health.example/entries: what lies there,');
    expect(erased.text).not.toContain('upstream.ndjson');
  });

  it('is told that nothing was forwarded where it was not', async () => {
    await makePast(dataDir, { from: 1, count: 2, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    expect((await person(['erase'], idNumber(1))).text).toMatch(/\nNothing was forwarded out of the data directory\./);
  });

  it('says so where nothing is kept, where there is nothing to correct, and what a field may not hold', async () => {
    await makePast(dataDir, { from: 1, count: 5, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    expect(await person(['correct'], idNumber(2), 'name: Lê Thị E')).toMatchObject({
      code: 1,
      text: expect.stringContaining('Nothing is kept'),
    });
    expect((await person(['correct'], idNumber(1))).text).toContain('There is nothing to correct');
    expect((await person(['correct'], idNumber(1), 'birth_year: 1066')).text).toMatch(/birth_year is no year/);
    expect((await person(['correct'], idNumber(1), `note: ${'x'.repeat(1001)}`)).text).toMatch(/note has more than/);
  });
});
