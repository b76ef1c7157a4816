import { expect, test } from 'vitest';
import { parseCommandLine } from '../../../shared/command-line.ts';

const options = { out: { type: 'string' }, force: { type: 'boolean', default: false } } as const;

test('Options and words are told apart, wherever they stand', () => {
  const typed = parseCommandLine(['enrol', '--force', 'gate-b', '--out=./gate-b'], { options, allowPositionals: true });
  expect(typed).toMatchObject({ values: { out: './gate-b', force: true }, positionals: ['enrol', 'gate-b'] });
});

test('An option that was not typed has its default, or is left out', () => {
  const typed = parseCommandLine([], { options });
  expect(typed).toMatchObject({ values: { force: false }, positionals: [] });
});

test.each([
  ['an option that nobody knows', ['--ou', 'x'], /--ou/],
  ['an option without its value', ['--out'], /--out/],
  ['a value for an option that takes none', ['--force=yes'], /--force/],
  ['a word where none is taken', ['gate-b'], /gate-b/],
])('What is wrong with %s is said in a sentence', (_, args, said) => {
  expect(parseCommandLine(args, { options })).toMatch(said);
});

test('A mistake in what a command takes is thrown, and not said to be the fault of who typed', () => {
  const broken = { out: { type: 'string', short: 'two' } } as const;
  expect(() => parseCommandLine([], { options: broken })).toThrow();
});
