/** What package.json, the lock file and the pages owe each other. */
import { posix } from 'node:path';
import type { Violation } from './source.ts';

/** The parts of package.json that the rules look at. */
export interface PackageJson {
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** The parts of package-lock.json that the rules look at. */
export interface PackageLock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const exact = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

/** Versions that may change between two installations. */
export function checkVersions(manifest: PackageJson): readonly Violation[] {
  const declared = { ...manifest.dependencies, ...manifest.devDependencies };
  return [...Object.entries(declared), ...overriddenVersions(manifest.overrides ?? {})]
    .filter(([, version]) => !exact.test(version))
    .map(([name, version]) => ({ path: 'package.json', line: 1, rule: `${name}: ${version} is no exact version` }));
}

function overriddenVersions(overrides: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  return Object.entries(overrides).flatMap(([name, value]) => {
    if (typeof value === 'string') return value.startsWith('$') ? [] : [[name, value] as const];
    return overriddenVersions(value as Record<string, unknown>);
  });
}

/**
 * Lock file entries that name a host, or that nothing proves to be what was tested; a second serialport; and packages
 * for another platform that are not locked, because the registry did not have them: `npm ci` then fails everywhere.
 */
export function checkLock(lock: PackageLock): readonly Violation[] {
  const violations: Violation[] = [];
  const report = (rule: string) => violations.push({ path: 'package-lock.json', line: 1, rule });
  const installed = Object.entries(lock.packages).filter(([place]) => place !== '');
  const places = Object.keys(lock.packages);
  for (const [place, { resolved, integrity, optionalDependencies = {} }] of installed) {
    for (const name of Object.keys(optionalDependencies)) {
      if (!places.some((other) => other.endsWith(`node_modules/${name}`))) report(`${place} needs ${name}, not locked`);
    }
    if (resolved !== undefined) report(`${place} is resolved to an address`);
    if (integrity === undefined) report(`${place} has no integrity`);
  }
  const serialports = installed.filter(([place]) => place.endsWith('node_modules/serialport'));
  if (serialports.length > 1) report(`serialport is installed ${serialports.length} times`);
  return violations;
}

/** Dependencies whose reason the README does not give: a row of a table each, for those of development at least a mention. */
export function checkReasons(manifest: PackageJson, readme: string): readonly Violation[] {
  const rows = readme.split('\n').filter((line) => line.startsWith('|'));
  const unexplained = [
    ...Object.keys(manifest.dependencies ?? {}).filter((name) => !rows.some((row) => row.includes(`\`${name}\``))),
    ...Object.keys(manifest.devDependencies ?? {}).filter((name) => !readme.includes(`\`${name}\``)),
  ];
  return unexplained.map((name) => ({
    path: 'README.md',
    line: 1,
    rule: `it does not say why ${name} is a dependency`,
  }));
}

/** Fault codes that a page does not explain in a table, or that no test names. */
export function checkFaults(
  codes: readonly string[],
  page: { path: string; text: string },
  testTexts: readonly string[],
): readonly Violation[] {
  const rows = page.text.split('\n').filter((line) => line.startsWith('|'));
  return codes.flatMap((code) => {
    const word = new RegExp(`\\b${code}\\b`);
    const rules = [];
    if (!rows.some((row) => word.test(row))) rules.push(`${code} has no row`);
    if (!testTexts.some((text) => word.test(text))) rules.push(`${code} is named in no test`);
    return rules.map((rule) => ({ path: page.path, line: 1, rule }));
  });
}

/** What a page names that is not there: source files, in its folder or beneath, and what its links lead to. */
export function checkPage(
  page: { path: string; text: string },
  files: readonly string[],
  read: (path: string) => string,
): readonly Violation[] {
  const folder = posix.dirname(page.path);
  const isBeneath = (name: string) => (path: string) =>
    path.endsWith(`/${name}`) && (folder === '.' || path.startsWith(`${folder}/`));
  const isThere = (name: string) =>
    files.includes(name) || files.includes(posix.join(folder, name)) || files.some(isBeneath(name));
  const named = [...page.text.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name = '']) => name);
  const links = [...page.text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const leadsSomewhere = (link: string) => {
    const [path = '', heading] = link.split('#');
    const target = path === '' ? page.path : posix.join(folder, path);
    if (!files.some((file) => file === target || file.startsWith(`${target}/`))) return false;
    return heading === undefined || headingsOf(read(target)).includes(heading);
  };
  return [
    ...named.filter((name) => !isThere(name)).map((name) => `there is no file ${name}`),
    ...links
      .filter((link) => !/^https?:/.test(link) && !leadsSomewhere(link))
      .map((link) => `${link} leads to nothing`),
  ].map((rule) => ({ path: page.path, line: 1, rule }));
}

/** As GitHub makes links of them. */
function headingsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\d_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
