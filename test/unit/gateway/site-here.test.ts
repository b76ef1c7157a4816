import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { runCommand } from '../../../gateway/command-line.ts';
import { openSqliteStore } from '../../../gateway/store/sqlite.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
const log = new RecordingLog();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-here-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const run = (args: readonly string[], dataDir = dir) =>
  runCommand(args, { RAVAO_DATA_DIR: dataDir }, new AbortController().signal);

const commands: [string, string[]][] = [
  ['SITE_MISSING', ['kiosks']],
  ['SITE_MISSING', ['kiosks', 'reset', 'gate-a']],
  ['SITE_MISSING', ['revoke', 'gate-a']],
  ['SITE_MISSING', ['keys']],
  ['SITE_MISSING', ['keys', 'rotate', 'site']],
  ['SITE_MISSING', ['cards', 'issuer']],
  ['SITE_MISSING', ['cards', 'list']],
  ['SITE_MISSING', ['rules', 'show']],
  ['SITE_MISSING', ['rules', 'passback', 'warn']],
  ['SITE_MISSING', ['audit']],
  ['SITE_MISSING', ['site-key', 'status']],
  ['SITE_MISSING', ['site-key', 'protect']],
  ['SITE_MISSING', ['unseal', '--person', '--why', 'x']],
  ['SITE_MISSING', ['person', 'export', '--why', 'x']],
  ['SITE_MISSING', ['backfill', '--from', 'list.csv', '--gate', 'A']],
  ['STORE_MISSING', ['entries']],
  ['STORE_MISSING', ['quarantine']],
  ['STORE_MISSING', ['check']],
  ['STORE_MISSING', ['report', '--day', '2026-11-20']],
  ['STORE_MISSING', ['backup']],
  ['STORE_MISSING', ['purge']],
  ['STORE_MISSING', ['incident', '--why', 'x', '--from', '2026-11-20', '--to', '2026-11-21', '--out', 'gone']],
];

describe('a data directory without a site', () => {
  test.each(commands)('is %s to %j, and nothing is made there', async (code, args) => {
    const fault = { code, remedy: expect.stringContaining('Check RAVAO_DATA_DIR') };
    await expect(run(args)).rejects.toMatchObject(fault);
    expect(readdirSync(dir)).toEqual([]);
    await expect(run(args, join(dir, 'not', 'there'))).rejects.toMatchObject(fault);
    expect(readdirSync(dir)).toEqual([]);
  });

  test.each(commands)('(%s) that is a file ends %j with a Fault too', async (code, args) => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const expected = code === 'SITE_MISSING' ? 'DATA_DIR_UNUSABLE' : code;
    await expect(run(args, file)).rejects.toMatchObject({ code: expected });
  });

  it('keeps nobody from reading how a command is used', async () => {
    for (const args of [
      ['help', 'keys'],
      ['keys', '--help'],
      ['keys', 'rotate', '-h'],
    ])
      expect(await run(args)).toBe(0);
    await expect(run(['keys', 'x', '--', '-h'])).rejects.toMatchObject({ code: 'SITE_MISSING' });
  });
});

it('a store whose trust folder is gone or empty is no site, and gets no new keys', async () => {
  await using _ = await openSqliteStore({ dir, log });
  await expect(run(['kiosks'])).rejects.toMatchObject({ code: 'SITE_MISSING' });
  mkdirSync(join(dir, 'trust'));
  await expect(run(['keys'])).rejects.toMatchObject({ code: 'SITE_MISSING' });
  expect(readdirSync(join(dir, 'trust'))).toEqual([]);
});

it('a trust folder that lacks a file is damaged, not missing', async () => {
  await openTrust(join(dir, 'trust'), { site: 'A', clock: new VirtualClock(), log });
  rmSync(join(dir, 'trust', 'site.json'));
  await expect(run(['kiosks'])).rejects.toMatchObject({ code: 'TRUST_DAMAGED' });
});

it('where there is a site, a wrong word is told as one', async () => {
  await run(['enrol', 'gate-a', '--out', join(dir, 'out')]);
  const said: string[] = [];
  using write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  expect(await run(['site-key', 'bogus'])).toBe(64);
  expect(write).toHaveBeenCalled();
  expect(said.join('')).toMatch(/^There is no command "site-key bogus"\.\nTry /);
});

it('enrolling and inviting begin a site', async () => {
  for (const args of [
    ['enrol', 'gate-a', '--out', join(dir, 'out')],
    ['invite', '--gate', 'A', '--format', 'text'],
  ]) {
    const dataDir = join(dir, args[0] ?? '');
    expect(await run(args, dataDir)).toBe(0);
    expect(readdirSync(dataDir)).toContain('trust');
  }
});
