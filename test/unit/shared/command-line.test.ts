import { describe, expect, test } from 'vitest';
import { asksForHelp, parseCommandLine, refuseArguments } from '../../../shared/command-line.ts';

const options = {
  out: { type: 'string', short: 'o' },
  force: { type: 'boolean', short: 'f', default: false },
} as const;

test('Options and words are told apart, wherever they stand', () => {
  const typed = parseCommandLine(['enrol', '--force', 'gate-b', '--out=./gate-b'], { options, allowPositionals: true });
  expect(typed).toMatchObject({ values: { out: './gate-b', force: true }, positionals: ['enrol', 'gate-b'] });
});

test('An option that was not typed has its default, or is left out', () => {
  const typed = parseCommandLine([], { options });
  expect(typed).toMatchObject({ values: { force: false }, positionals: [] });
});

describe('What is wrong is one sentence of our own', () => {
  test.each([
    ['an option that nobody knows', ['--json'], 'There is no option --json.'],
    ['a short option that nobody knows', ['-x'], 'There is no option -x.'],
    ['an unknown option with a value', ['--number=001099000001'], 'There is no option --number.'],
    ['a number behind dashes', ['--001099000001'], 'There is no such option.'],
    ['a name behind dashes', ['--Nguyễn Văn A'], 'There is no such option.'],
    ['an option without its value', ['--out'], '--out needs a value.'],
    ['a short option without its value', ['-o'], '--out needs a value.'],
    [
      'an option before another',
      ['--out', '--force'],
      '--out needs a value; one that begins with a dash is written --out=-….',
    ],
    ['a value for an option that takes none', ['--force=yes'], '--force takes no value.'],
    ['a word where none is taken', ['001099000001'], 'Only options are taken here, no other words.'],
  ])('about %s', (_, args, said) => {
    expect(parseCommandLine(args, { options })).toBe(said);
  });

  test('also where words are taken', () => {
    expect(parseCommandLine(['--json'], { options, allowPositionals: true })).toBe('There is no option --json.');
  });
});

test('A mistake in what a command takes is thrown, and not said to be the fault of who typed', () => {
  const broken = { out: { type: 'string', short: 'two' } } as const;
  expect(() => parseCommandLine([], { options: broken })).toThrow();
});

test.each<[string[], boolean]>([
  [['--help'], true],
  [['-h'], true],
  [['help'], true],
  [['issue', '--name', 'A', '--help'], true],
  [[], false],
  [['gate-a', 'help'], false],
  [['--name', 'help'], false],
  [['--', '--help'], false],
])('%j asks for help: %s', (args, isAsked) => {
  expect(asksForHelp(args)).toBe(isAsked);
});

test('Who is refused gets the reason on one line and on another where help is', () => {
  let said = '';
  const code = refuseArguments('There is no option --json.', 'gateway -- invite', (text) => {
    said += text;
  });
  expect(code).toBe(64);
  expect(said).toBe('There is no option --json.\nTry "npm run -s gateway -- invite --help".\n');
});
