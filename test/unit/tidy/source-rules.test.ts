import { describe, expect, test } from 'vitest';
import { checkForms, checkPorts, checkSkips, checkText } from '../../tidy/bans.ts';
import { checkDeclared, checkImports } from '../../tidy/imports.ts';
import { checkDocstrings, checkNames, checkPath, checkSizes } from '../../tidy/limits.ts';
import { parseSource } from '../../tidy/source.ts';

describe('the walls between the rooms', () => {
  test.each([
    ['shared/entry.ts', `import { x } from '../kiosk/outbox.ts';`],
    ['shared/system/log.ts', `import { x } from '../../gateway/main.ts';`],
    ['kiosk/kiosk.ts', `import { x } from '../gateway/store/store.ts';`],
    ['kiosk/kiosk.ts', `import { x } from '../hardware/scanner/framer.ts';`],
    ['kiosk/kiosk.ts', `const x = await import('../hardware/scanner/framer.ts');`],
    ['kiosk/kiosk.ts', `import { x } from '../test/fakes/entries.ts';`],
    ['kiosk/config.ts', `type X = import('../gateway/config.ts').X;`],
    ['gateway/gateway.ts', `export { x } from '../kiosk/link.ts';`],
    ['gateway/main.ts', `import { x } from '../hardware/scanner/framer.ts';`],
    ['hardware/scanner/serial-scanner.ts', `import type { X } from '../../kiosk/station.ts';`],
    ['site/main.ts', `import { x } from '../kiosk/main.ts';`],
    ['kiosk/link.ts', `import { SerialPort } from 'serialport';`],
    ['gateway/gateway.ts', `import { Aedes } from 'aedes';`],
    ['kiosk/kiosk.ts', `import mqtt from 'mqtt';`],
    ['gateway/intake.ts', `import Database from 'better-sqlite3';`],
    ['gateway/upstream/http.ts', `import { pino } from 'pino';`],
    ['shared/entry.ts', `import { v7 } from 'uuid';`],
    ['gateway/broker.ts', `import { X509Certificate } from '@peculiar/x509';`],
    ['shared/code/cccd.ts', `import { createHash } from 'node:crypto';`],
    ['shared/code/cccd.ts', `import { subjectOf } from '../identity.ts';`],
    ['shared/code/signature.ts', `import { readFileSync } from 'node:fs';`],
    ['kiosk/kiosk.ts', `import { decode } from 'cborg';`],
    ['kiosk/station.ts', `export * from './outbox.ts';`],
    ['kiosk/station.ts', `import { v7 } from 'uuid';`],
  ])('do not let %s say %s', (path, text) => {
    expect(checkImports(parseSource(path, text))).toMatchObject([{ path, line: 1 }]);
  });

  test.each([
    ['kiosk/main.ts', `import { x } from '../hardware/scanner/line-scanner.ts';`],
    [
      'kiosk/kiosk.ts',
      `import manifest from '../package.json'; import { x } from '../shared/entry.ts'; import { y } from './outbox.ts';`,
    ],
    ['gateway/store/sqlite.ts', `import Database from 'better-sqlite3'; import { join } from 'node:path';`],
    ['shared/code/code.ts', `import type { Identity } from '../identity.ts';`],
    ['shared/code/known.ts', `import type { KeyObject } from 'node:crypto';`],
    ['shared/code/signature.ts', `import { verify } from 'node:crypto';`],
    ['shared/code/base45.ts', `import { decode } from 'base45';`],
    ['shared/entry.ts', `import { z } from 'zod'; import { x } from './topics.ts';`],
    ['test/bench/ingest.ts', `import { x } from '../../gateway/broker.ts'; import Database from 'better-sqlite3';`],
  ])('let %s say %s', (path, text) => {
    expect(checkImports(parseSource(path, text))).toEqual([]);
  });

  test('name the line of the import', () => {
    const source = parseSource('shared/x.ts', `// one\n\nimport { x } from '../kiosk/outbox.ts';`);
    expect(checkImports(source)[0]?.line).toBe(3);
  });

  test('let a program import only what it depends on, and a test what serves development', () => {
    const check = (path: string, text: string) => checkDeclared(parseSource(path, text), ['zod', '@a/b'], ['vitest']);
    expect(check('kiosk/x.ts', `import 'left-pad';`)).toHaveLength(1);
    expect(check('kiosk/x.ts', `import { test } from 'vitest';`)).toHaveLength(1);
    expect(check('kiosk/x.ts', `import 'zod/v4'; import '@a/b/c'; import 'node:fs';`)).toEqual([]);
    expect(check('test/x.test.ts', `import { test } from 'vitest';`)).toEqual([]);
  });
});

describe('time, chance, environment and console', () => {
  test.each([
    'Date.now()',
    'new Date()',
    'Date()',
    'Math.random()',
    'performance.now()',
    'setTimeout(f, 1)',
    'globalThis.setTimeout(f, 1)',
    'const wait = setInterval',
    'process.env.HOME',
    'const { env } = process',
    'process.exit(1)',
    'process.hrtime.bigint()',
    'console.log(1)',
    `import { setTimeout as wait } from 'node:timers/promises'`,
    `import { env } from 'node:process'`,
  ])('are not taken by %s', (text) => {
    expect(checkPorts(parseSource('kiosk/kiosk.ts', text)).length).toBeGreaterThan(0);
  });

  test.each([
    'new Date(0)',
    'Date.UTC(2026, 10, 20)',
    'socket.setTimeout(1000)',
    'const options = { setTimeout: 1, console: 2 }',
    '// Date.now() says so',
    `const text = 'process.env'`,
    'process.stdout.write(text)',
    'process.exitCode = 1',
    'class Timer { setTimeout(): void {} }',
  ])('are not meant by %s', (text) => {
    expect(checkPorts(parseSource('kiosk/kiosk.ts', text))).toEqual([]);
  });

  test('are taken by the files that wrap them', () => {
    expect(checkPorts(parseSource('shared/system/clock.ts', 'Date.now(); setTimeout(f, 1);'))).toEqual([]);
    expect(checkPorts(parseSource('kiosk/main.ts', 'process.env.HOME; process.exit(1);'))).toEqual([]);
  });
});

describe('forms', () => {
  test.each([
    'export default 1;',
    'enum Light { Red }',
    'namespace N { export const x = 1; }',
    'let x: any;',
    'const x = y as any;',
    'const x = y!;',
    'class C { constructor(private readonly x: number) {} }',
  ])('of TypeScript that are not ours include %s', (text) => {
    expect(checkForms(parseSource('kiosk/x.ts', text))).toHaveLength(1);
  });

  test('that are ours pass', () => {
    expect(
      checkForms(
        parseSource(
          'kiosk/x.ts',
          'export const x: unknown = y?.z; // any default enum\ndeclare module "x" { export class C {} }',
        ),
      ),
    ).toEqual([]);
  });
});

describe('a test', () => {
  test.each(['skip', 'only', 'todo', 'skipIf', 'runIf', 'fails'])('may not be called with .%s', (dodge) => {
    for (const text of [`test.${dodge}('x')`, `describe.${dodge}('x')`, `it.each([1]).${dodge}('x')`]) {
      expect(checkSkips(parseSource('test/x.test.ts', text))).toHaveLength(1);
    }
  });

  test('may skip over bytes', () => {
    expect(checkSkips(parseSource('test/x.test.ts', 'reader.skip(4); test.each([])'))).toEqual([]);
  });
});

describe('a text', () => {
  const at = (...parts: readonly string[]) => parts.join('/');
  test.each([
    `// ${'TO'}${'DO'}: later`,
    `// ${'FIX'}${'ME'}`,
    `const dir = '${at('', 'work', 'main')}';`,
    `see ${at('', 'tmp', 'ravao.sock')}`,
    `https://registry.${'npm' + 'js'}.org`,
  ])('may not hold %s', (text) => {
    expect(checkText('README.md', `fine\n${text}`)).toMatchObject([{ path: 'README.md', line: 2 }]);
  });

  test.each([
    'docs/work/x',
    'https://example.org/work/x',
    'a framework/tmp',
    '"./tmp/x"',
    'todo list in small letters',
  ])('may hold %s', (text) => {
    expect(checkText('README.md', text)).toEqual([]);
  });
});

describe('sizes and names', () => {
  const lines = (count: number) => 'x();\n'.repeat(count);

  test.each([
    `function f() {\n${lines(59)}}`,
    `const f = () => {\n${lines(59)}};`,
    `class C {\n  m() {\n${lines(59)}}\n}`,
    `test('x', () => {\n${lines(59)}});`,
  ])('a function of 61 lines is too long (%#)', (text) => {
    expect(checkSizes(parseSource('test/x.ts', text))).toHaveLength(1);
  });

  test('a function of 60 lines is not too long, nor is a chapter of tests', () => {
    expect(checkSizes(parseSource('kiosk/x.ts', `function f() {\n${lines(58)}}`))).toEqual([]);
    expect(checkSizes(parseSource('test/x.ts', `describe('x', () => {\n${lines(200)}});`))).toEqual([]);
    expect(checkSizes(parseSource('test/contract/x.ts', `export function f() {\n${lines(200)}}`))).toEqual([]);
    expect(checkSizes(parseSource('test/x.ts', `describe.each([1])('x', () => {\n${lines(200)}});`))).toEqual([]);
  });

  test('a file of 301 lines is too long, a file of tests from 601 on', () => {
    expect(checkSizes(parseSource('kiosk/x.ts', lines(301)))).toHaveLength(1);
    expect(checkSizes(parseSource('kiosk/x.ts', lines(300)))).toEqual([]);
    expect(checkSizes(parseSource('test/x.test.ts', lines(600)))).toEqual([]);
    expect(checkSizes(parseSource('test/x.test.ts', lines(601)))).toHaveLength(1);
  });

  test.each([
    'kiosk/utils.ts',
    'kiosk/util/time.ts',
    'shared/helpers.ts',
    'kiosk/index.ts',
    'gateway/session-manager.ts',
    'gateway/groupCommit.ts',
    'gateway/Store.ts',
  ])('the path %s says too little', (path) => {
    expect(checkPath(path)).toHaveLength(1);
  });

  test.each(['gateway/group-commit.ts', 'README.md', 'test/unit/x.test.ts', 'vitest.config.ts', 'gateway/x509.ts'])(
    'the path %s is fine',
    (path) => {
      expect(checkPath(path)).toEqual([]);
    },
  );

  test('a class is not called a manager', () => {
    expect(checkNames(parseSource('kiosk/x.ts', 'class LinkManager {}'))).toHaveLength(1);
    expect(checkNames(parseSource('kiosk/x.ts', 'class Link {} const entityManager = 1;'))).toEqual([]);
  });

  test('an exported function or class has a docstring', () => {
    expect(checkDocstrings(parseSource('kiosk/x.ts', 'export function f() {}'))).toHaveLength(1);
    expect(checkDocstrings(parseSource('kiosk/x.ts', '// plain\nexport class C {}'))).toHaveLength(1);
    expect(checkDocstrings(parseSource('kiosk/x.ts', '/** Does. */\nexport function f() {}\nfunction g() {}'))).toEqual(
      [],
    );
  });
});

test('a file that is no TypeScript is an error that names it', () => {
  expect(() => parseSource('kiosk/x.ts', 'const = ;')).toThrow('kiosk/x.ts');
});
