/** `backup`: what it says of the keys that open names, and of a folder where nothing can be backed up. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAt } from '../../../gateway/officer/passphrase-source.ts';
import { protectKeys } from '../../../gateway/officer/protecting.ts';
import { runUnseal } from '../../../gateway/officer/unseal-command.ts';
import { runBackup } from '../../../gateway/retention/backup-command.ts';
import { runIncident } from '../../../gateway/retention/incident-command.ts';
import { runPerson } from '../../../gateway/retention/person-command.ts';
import { runPurge } from '../../../gateway/retention/purge-command.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { dayMs, makePast } from '../../fakes/old-site.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { idNumber } from '../../fakes/site.ts';

const passphrase = 'quả xoài vàng ngủ trưa';
const signal = new AbortController().signal;

let dir: string;
let dataDir: string;
let said: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-backup-'));
  dataDir = join(dir, 'data');
  said = '';
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const surroundings = () => ({
  config: { dataDir, site: 'Nhà máy A', keepDays: 30, upstreams: [] },
  ...{ clock: systemClock, signal, desk: scriptedDesk(null) },
  print: async (pieces: Iterable<string>) => {
    for (const piece of pieces) said += piece;
  },
  warn: (text: string) => {
    said += text;
  },
});

async function* lineOf(text: string) {
  yield Buffer.from(`${text}\n`);
}

const commands: Readonly<Record<string, () => Promise<number>>> = {
  backup: () => runBackup([], surroundings()),
  purge: () => runPurge([], surroundings()),
  incident: () =>
    runIncident(
      ['--why', 'x', '--from', '2026-01-01', '--to', '2026-01-02', '--out', join(dir, 'pack')],
      surroundings(),
    ),
  'person export': () => runPerson(['export', '--why', 'x'], { ...surroundings(), input: lineOf(idNumber(1)) }),
  unseal: () =>
    runUnseal(['--person', '--why', 'x'], {
      ...{ ...surroundings(), input: lineOf(idNumber(1)), print: async () => undefined },
      openStored: () => expect.fail('it is not asked for'),
    }),
};

describe('a data directory that cannot be used', () => {
  it.each(['backup', 'purge', 'incident', 'person export', 'unseal'])('is told as such by %s', async (name) => {
    const command = commands[name] ?? expect.fail(name);
    symlinkSync('data', dataDir);
    await expect(command()).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    rmSync(dataDir);
    writeFileSync(dataDir, 'a file');
    await expect(command()).rejects.toMatchObject({
      code: expect.stringMatching(/^(DATA_DIR_UNUSABLE|STORE_MISSING)$/),
    });
    expect(readFileSync(dataDir, 'utf8')).toBe('a file');
  });

  it.each(['backup', 'purge', 'incident'])('is left as it is by %s where it holds no store', async (name) => {
    const command = commands[name] ?? expect.fail(name);
    await expect(command()).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(existsSync(dataDir)).toBe(false);
    mkdirSync(join(dataDir, 'trust'), { recursive: true });
    await expect(command()).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(readdirSync(dataDir, { recursive: true })).toEqual(['trust']);
  });

  it('is told as such by backup where its lock cannot be taken', async () => {
    await makePast(dataDir, { from: 1, count: 1, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });
    mkdirSync(join(dataDir, 'retention.lock'));
    await expect(runBackup([], surroundings())).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
  });
});

describe('a backup', () => {
  const made = () =>
    makePast(dataDir, { from: 1, count: 1, receivedMs: systemClock.nowMs() - dayMs, personOf: () => 1 });

  it('that fails leaves nothing of it', async () => {
    await made();
    mkdirSync(join(dataDir, 'rules'));
    symlinkSync('settings.json', join(dataDir, 'rules', 'settings.json'));
    await expect(runBackup([], surroundings())).rejects.toMatchObject({ code: 'BACKUP_FAILED' });
    expect(existsSync(join(dataDir, 'backups'))).toBe(false);
  });

  it('says which key that opens names it lacks, which it holds, and where there is none', async () => {
    await made();
    await runBackup(['--out', join(dir, 'one')], surroundings());
    expect(said).toMatch(/It lacks trust\/site\.key, which opens names: keep that apart\.\n$/);

    const desk = scriptedDesk([passphrase, passphrase]);
    const source = askAt(() => desk.open());
    const access = { dataDir, keyFile: null, passphrase: source, newPassphrase: source, clock: systemClock, signal };
    await protectKeys({ ...access, warn: () => {}, cost: { n: 16, r: 1, p: 1 } });
    said = '';
    await runBackup(['--out', join(dir, 'two')], surroundings());
    expect(said).toMatch(
      /two\. It holds trust\/site\.key\.wrapped, which opens names with the officer's passphrase\.\n$/,
    );
    expect(existsSync(join(dir, 'two', 'trust', 'site.key.wrapped'))).toBe(true);

    rmSync(join(dataDir, 'trust', 'site.key.wrapped'));
    said = '';
    await runBackup(['--out', join(dir, 'three')], surroundings());
    expect(said).toMatch(/three\. No key that opens names is in it: that was taken off this machine\.\n$/);
  });
});
