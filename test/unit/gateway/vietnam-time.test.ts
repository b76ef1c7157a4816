/** What the gateway's commands print for people says when by the clock on the wall: Viet Nam's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { listAudit } from '../../../gateway/audit/listing.ts';
import { runInvite } from '../../../gateway/enrol/invite-command.ts';
import { describeKiosks, listKiosks, resetKiosk } from '../../../gateway/enrol/kiosk-commands.ts';
import { runKeys } from '../../../gateway/keys/command.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { readWords } from '../../fakes/pdf-reader.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

/** Half past nine in the evening of the 20th in London is the next morning in Hà Nội. */
const night = Date.UTC(2026, 10, 20, 21, 30, 15);
const there = '2026-11-21 04:30:15';
/** A moment as machines write it. */
const utc = /\d{4}-\d\d-\d\dT[\d:.]+Z/;

let dataDir: string;
let clock: VirtualClock;
const log = new RecordingLog();
const said: string[] = [];
const talk = { print: async (pieces: Iterable<string>) => void said.push(...pieces), warn: () => {} };

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-vietnam-'));
  clock = new VirtualClock(night);
  said.length = 0;
  const trust = await openTrust(join(dataDir, 'trust'), { site: 'A', clock, log });
  await trust.enrol('gate-a', join(dataDir, 'a'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

it('kiosks: when one was seen, copied and ordered to leave, and when an invitation ends', async () => {
  const at = new Date(night).toISOString();
  writeFileSync(join(dataDir, 'seen.json'), JSON.stringify({ 'gate-a': at }));
  writeFileSync(join(dataDir, 'clones.json'), JSON.stringify({ 'gate-a': { sign: 'entries', since: at, last: at } }));
  await resetKiosk('gate-a', false, { dataDir, site: 'A' }, { clock, log });
  await invite('text');
  const text = [...describeKiosks(await listKiosks({ dataDir, site: 'A' }, { clock, log }), 'text')].join('');
  expect(text).toContain(`last seen ${there}`);
  expect(text).toContain(`USE IT, since ${there}`);
  expect(text).toContain(`told at ${there}`);
  expect(text).toContain('invited, until 2026-11-22 04:30:15');
  expect(text).not.toMatch(utc);
  const json = [...describeKiosks(await listKiosks({ dataDir, site: 'A' }, { clock, log }), 'json')].join('');
  expect(json).toContain(`"lastSeen":"${at}"`);
});

it('keys: since when each is, and when the last was made', async () => {
  const keys = (...args: string[]) => runKeys(args, { config: { dataDir, site: 'A' }, clock, log, ...talk });
  await keys('rotate', 'site');
  await keys('rotate', 'site');
  await keys();
  expect(said.join('')).toContain(`number 2 was made at ${there}`);
  expect(said.join('')).toContain(`since ${there}, current`);
  expect(said.join('')).not.toMatch(utc);
});

it('the audit, where it is for reading', async () => {
  await openAudit(dataDir, { clock }).record({ action: 'kiosk.reset', what: { kiosk: 'gate-a' } });
  expect([...listAudit(dataDir, 'text')].join('')).toMatch(new RegExp(`^1 {2}${there} {2}`));
  expect([...listAudit(dataDir, 'csv')].join('')).toMatch(utc);
});

it('an invitation, on the screen and on paper, in both languages', async () => {
  await invite('terminal');
  expect(said.join('')).toContain('once, until 2026-11-22 04:30:15.');
  const out = join(dataDir, 'sheet.pdf');
  await invite('pdf', '--out', out);
  const words = await readWords(out);
  expect(words).toContain('until 2026-11-22 04:30.');
  expect(words).toContain('đến 04:30 22/11/26');
  expect(words).not.toMatch(utc);
});

function invite(format: string, ...more: string[]) {
  const config = { dataDir, site: 'A', host: '127.0.0.1', enrolPort: 8884 };
  const parts = { clock, chance: seededChance(1), log, ...talk, color: false };
  return runInvite(['--gate', 'B', '--format', format, ...more], config, parts);
}
