/** That somebody who gets a card is named on no command line, and that no log keeps command lines. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startAtTerminal } from '../fakes/at-terminal.ts';
import { readWords } from '../fakes/pdf-reader.ts';
import { runProcess } from '../fakes/processes.ts';
import { SiteFolder, startDeadlineMs } from '../fakes/site.ts';

describe('npm', () => {
  it('keeps no log of command lines', async () => {
    using folder = new SiteFolder();
    const home = join(folder.dir, 'home');
    mkdirSync(home);
    const typed = ['cards', 'issue', '--help', '--name', 'Phạm Thị Không Lưu'];
    const ran = await runProcess(['run', '-s', 'gateway', '--', ...typed], {
      command: 'npm',
      env: { ...folder.gatewayEnv(), HOME: home },
    });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('cards issue') });
    expect(existsSync(join(home, '.npm', '_logs'))).toBe(false);
    for (const item of readdirSync(home, { withFileTypes: true, recursive: true })) {
      if (item.isFile()) expect(readFileSync(join(item.parentPath, item.name), 'utf8')).not.toContain('Không Lưu');
    }
  });
});

describe('at a terminal', () => {
  it('asks for the person who gets a card, and for the one whose card is revoked', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const out = join(folder.dir, 'card.pdf');
    const answers = async (line: string, ...all: (readonly [RegExp, string])[]) => {
      await using command = await startAtTerminal(`node gateway/main.ts cards ${line}`, { env: folder.gatewayEnv() });
      for (const [question, answer] of all) {
        await command.waitForOutput(question, startDeadlineMs);
        command.write(`${answer}\r`);
      }
      const { code } = await command.exited;
      return { code, text: command.stdout() };
    };
    const person = [
      [/Name: $/, 'Phạm Văn Đ'],
      [/Year of birth, or Enter: $/, '1933'],
      [/Number of a document, or Enter: $/, ''],
      [/Phone, or Enter: $/, '0900 000 001'],
    ] as const;
    const issued = await answers(`issue --out ${out}`, ...person, [/Address, or Enter: $/, 'Thôn 2']);
    expect(issued).toMatchObject({ code: 0, text: expect.stringContaining('1 issued') });
    expect(await readWords(out)).toMatch(/Phạm Văn Đ[\s\S]*Năm sinh: 1933/);
    expect(await folder.command(['cards', 'list', '--names', '--format', 'csv'])).toContain('0900000001,Thôn 2');
    const revoked = await answers('revoke --reason lost', ...person);
    expect(revoked).toMatchObject({ code: 0, text: expect.stringContaining('is revoked (lost).') });
    const gaveUp = await answers(`issue --out ${out}`, [/Name: $/, '']);
    expect(gaveUp).toMatchObject({ code: 1, text: expect.stringContaining('Nobody was named.') });
  });
});
