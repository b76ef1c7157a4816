import { expect, test } from 'vitest';
import { checkFaults, checkLock, checkPage, checkReasons, checkVersions } from '../../tidy/project.ts';

test.each(['^1.0.0', '~1.0.0', '1', '1.x', 'latest', '>=1.0.0', 'github:a/b'])('%s is no exact version', (version) => {
  expect(checkVersions({ dependencies: { a: version } })).toHaveLength(1);
  expect(checkVersions({ devDependencies: { a: version } })).toHaveLength(1);
  expect(checkVersions({ overrides: { b: { c: { a: version } } } })).toHaveLength(1);
});

test('exact versions, and overrides that name one, are fine', () => {
  const overrides = { b: { a: '$a' } };
  expect(checkVersions({ dependencies: { a: '1.2.3' }, devDependencies: { d: '1.0.0-rc.1' }, overrides })).toEqual([]);
});

test('a lock file names no host, proves every package and holds one serialport', () => {
  const proven = { version: '1.0.0', integrity: 'sha512-x' };
  const check = (packages: Record<string, object>) => checkLock({ packages: { '': {}, ...packages } });
  expect(check({ 'node_modules/a': proven })).toEqual([]);
  expect(check({ 'node_modules/a': { ...proven, resolved: 'https://example.org/a.tgz' } })).toHaveLength(1);
  expect(check({ 'node_modules/a': { version: '1.0.0' } })).toHaveLength(1);
  const twice = { 'node_modules/serialport': proven, 'node_modules/johnny-five/node_modules/serialport': proven };
  expect(check(twice)).toHaveLength(1);
  const forEveryPlatform = { ...proven, optionalDependencies: { 'a-linux': '1.0.0', 'a-darwin': '1.0.0' } };
  expect(check({ 'node_modules/a': forEveryPlatform, 'node_modules/a-linux': proven })).toHaveLength(1);
});

test('a dependency needs a row that says why, one of development at least a mention', () => {
  const manifest = { dependencies: { mqtt: '1.0.0' }, devDependencies: { vitest: '1.0.0' } };
  expect(checkReasons(manifest, '| `mqtt` | the link |\n`vitest` runs the tests')).toEqual([]);
  expect(checkReasons(manifest, '| `mqtt-packet` | x |\nWe use `mqtt`, and vitest.')).toHaveLength(2);
});

test('a fault code needs a row in the page and a test', () => {
  const page = { path: 'shared/README.md', text: '| `DISK_FULL` | … |\n`DISK_GONE` is prose' };
  const rules = checkFaults(['DISK_FULL', 'DISK_GONE'], page, [`'DISK_GONE'`, `'DISK_FULL_X'`]).map(({ rule }) => rule);
  expect(rules).toEqual(['DISK_FULL is named in no test', 'DISK_GONE has no row']);
});

test('a page may name only files that are there, and link to headings that are there', () => {
  const files = ['kiosk/README.md', 'kiosk/enrol/ask.ts', 'shared/time.ts', 'gateway/main.ts'];
  const check = (text: string) =>
    checkPage({ path: 'kiosk/README.md', text }, files, () => '# A\n## Keys (`keys/`)').map(({ rule }) => rule);
  expect(
    check('`ask.ts`, `enrol/ask.ts`, `shared/time.ts`, [a](#keys-keys), [b](../shared), [c](https://a.example)'),
  ).toEqual([]);
  expect(check('`main.ts`, `time.ts`')).toEqual(['there is no file main.ts', 'there is no file time.ts']);
  expect(check('[a](#keys) and [b](../shared/none.md)')).toEqual([
    '#keys leads to nothing',
    '../shared/none.md leads to nothing',
  ]);
});
