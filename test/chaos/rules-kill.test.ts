import { existsSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readSiteRules, siteRulesDir } from '../../gateway/site-rules/site-rules-files.ts';
import { startProcess } from '../fakes/processes.ts';
import { idNumber, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';

/** What a command that is killed leaves behind while it writes. */
const isDraft = (name: string) => name.endsWith('.tmp') || name.endsWith('-journal');

it('rules that a command was killed over are those of before or of after, and the next command works', async () => {
  using folder = new SiteFolder();
  await folder.enrol('gate-a');
  await folder.command(['rules', 'expected', 'warn']);
  const dir = siteRulesDir(folder.gatewayDir);
  const draftsOf = () => (existsSync(dir) ? readdirSync(dir).filter(isDraft).length : 0);
  let killed = 0;
  for (let round = 0; round < 6; round++) {
    const before = readSiteRules(folder.gatewayDir).barred.length;
    const drafts = draftsOf();
    const env = folder.gatewayEnv();
    await using command = await startProcess(['gateway/main.ts', 'rules', 'bar'], { env });
    command.write(`${idNumber(round)}\n`);
    command.endInput();
    // The lock is taken, or the new file is being written.
    await until('it has begun', startDeadlineMs, () => draftsOf() > drafts || command.exit !== null);
    if (command.exit === null) {
      await command.kill('SIGKILL');
      killed++;
    }
    const { barred, settings } = readSiteRules(folder.gatewayDir);
    expect(settings.expected).toBe('warn');
    expect([before, before + 1]).toContain(barred.length);
  }
  expect(killed).toBeGreaterThan(0);
  const count = readSiteRules(folder.gatewayDir).barred.length;
  await using last = await startProcess(['gateway/main.ts', 'rules', 'bar'], { env: folder.gatewayEnv() });
  last.write(`${idNumber(100)}\n`);
  last.endInput();
  expect((await last.exited).code).toBe(0);
  expect(readSiteRules(folder.gatewayDir).barred).toHaveLength(count + 1);
  expect(draftsOf()).toBe(0);
});
