/** What the page of the gateway says of the data directory, held against what the programs write and copy there. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditFileName } from '../../../gateway/audit/audit-file.ts';
import { controlPlaceFileName } from '../../../gateway/cards/control-audit.ts';
import { registerFileName } from '../../../gateway/cards/register-file.ts';
import { backupHelp } from '../../../gateway/retention/backup-command.ts';
import { makeBackup } from '../../../gateway/retention/backups.ts';
import { siteRulesDir } from '../../../gateway/site-rules/site-rules-files.ts';
import { storeFileName } from '../../../gateway/store/connection.ts';
import { timesFileName } from '../../../gateway/times-file.ts';

/** Rows of the page: the name, and what it says of backups. */
const rows = (readFileSync('gateway/README.md', 'utf8').split('## The data directory')[1] ?? '')
  .split('\n## ')[0]
  ?.split('\n')
  .flatMap((line) => {
    const [, name, backup] = /^\| `([^`]+)` \|.*\| ([^|]+) \|$/.exec(line) ?? [];
    return name === undefined || backup === undefined ? [] : [{ name, backup }];
  });
const names = rows?.map(({ name }) => name) ?? [];

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-data-directory-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

describe('the page of the data directory', () => {
  it('names each thing once', () => {
    expect(names).toEqual([...new Set(names)]);
    const known = [storeFileName, registerFileName, auditFileName, controlPlaceFileName, timesFileName];
    expect(names).toEqual(expect.arrayContaining([...known, 'upstream.ndjson', 'trust/', 'backfill/', 'backups/']));
  });

  it('says truly what a backup holds', async () => {
    for (const name of names) {
      if (name.endsWith('.db')) new Database(join(dataDir, name)).exec('CREATE TABLE t (a)').close();
      else if (name.endsWith('/')) mkdirSync(join(dataDir, name));
      else writeFileSync(join(dataDir, name), '{}\n');
    }
    for (const name of ['settings.json', 'barred.json', 'expected.json'])
      writeFileSync(join(siteRulesDir(dataDir), name), '{}');
    for (const name of ['site.key', 'site.key.wrapped', 'audit-head.json', 'ca.key.pem'])
      writeFileSync(join(dataDir, 'trust', name), '{}');
    const copy = await makeBackup(dataDir, null, 0);
    const held = (folder: string) => readdirSync(join(copy, folder)).sort();
    const yes = rows?.filter(({ backup }) => backup.startsWith('yes')).map(({ name }) => name.replace('/', ''));
    expect(held('')).toEqual(yes?.sort());
    expect(held('trust')).toEqual(['audit-head.json', 'ca.key.pem', 'site.key.wrapped']);
    expect(held('rules')).toEqual(['barred.json', 'settings.json']);
  });

  it('is what the help of backup says in words', () => {
    for (const part of ['Store', 'register of cards', 'trust folder', 'rules', 'audit', 'keys of written\nlists'])
      expect(backupHelp).toContain(part);
  });
});
