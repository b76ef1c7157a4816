import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandGroups, readHelp } from '../../../gateway/help.ts';
import { ownCommandNames } from '../../../gateway/own-commands.ts';
import { kioskHelp } from '../../../kiosk/help.ts';

/** Terminals are so wide, unless somebody made theirs wider. */
const columnsMax = 80;

const tooWide = (text: string) => text.split('\n').filter((line) => [...line].length > columnsMax);

describe('the help', () => {
  it('of all commands fits a terminal, and names each of them', async () => {
    const help = await readHelp('');
    expect(tooWide(help)).toEqual([]);
    for (const command of ownCommandNames) expect(help).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  it.each(ownCommandNames)('of %s fits a terminal, and shows how it is run', async (command) => {
    const help = await readHelp(command);
    expect(tooWide(help)).toEqual([]);
    expect(help).toContain(`  npm run -s gateway -- ${command} `);
    expect(help.endsWith('\n')).toBe(true);
  });

  it('of what has none of its own is that of all', async () => {
    const help = await readHelp('');
    for (const command of ['entries', 'revoke', 'nonsense', 'toString']) expect(await readHelp(command)).toBe(help);
  });

  it('names every command that the README shows', async () => {
    const help = await readHelp('');
    const shown = [...readFileSync('README.md', 'utf8').matchAll(/gateway -- ([a-z-]+)/g)].map(([, word = '']) => word);
    expect([...new Set(shown)].filter((word) => !help.includes(`\n  ${word} `))).toEqual([]);
    expect(shown.length).toBeGreaterThan(ownCommandNames.length);
  });

  it('of the kiosk fits a terminal', () => {
    expect(tooWide(kioskHelp)).toEqual([]);
  });
});

it('Every group of commands is a command', () => {
  expect(ownCommandNames).toEqual(expect.arrayContaining([...commandGroups]));
});
