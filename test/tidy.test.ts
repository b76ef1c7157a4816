/** The rules of the design and of how we write, executed on every file that git tracks or would track. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { faultCatalogue } from '../shared/fault.ts';
import { projectDir } from './fakes/processes.ts';
import { checkForms, checkPorts, checkSkips, checkText } from './tidy/bans.ts';
import { checkDeclared, checkImports, pureFiles } from './tidy/imports.ts';
import { checkDocstrings, checkNames, checkPath, checkSizes } from './tidy/limits.ts';
import {
  checkFaults,
  checkLock,
  checkPage,
  checkReasons,
  checkVersions,
  type PackageJson,
  type PackageLock,
} from './tidy/project.ts';
import { listFiles, readSource, type Source, type Violation } from './tidy/source.ts';

const read = (path: string) => readFileSync(join(projectDir, path), 'utf8');
const files = listFiles(projectDir);
const sources = files.filter((path) => path.endsWith('.ts')).map((path) => readSource(projectDir, path));
const manifest = JSON.parse(read('package.json')) as PackageJson;
const topFolders = ['shared', 'hardware', 'kiosk', 'gateway', 'site', 'test'];

/** Text files; a licence and a lock file are not ours to word. */
const texts = files.filter(
  (path) =>
    /\.(?:ts|md|json|yaml|yml|sh|service|rules|conf|npmrc|c)$|^\.ci\//.test(path) && path !== 'package-lock.json',
);

const show = (violations: readonly Violation[]) => violations.map(({ path, line, rule }) => `${path}:${line} ${rule}`);
const inAll = (check: (source: Source) => readonly Violation[]) => show(sources.flatMap((source) => check(source)));

describe('the source', () => {
  test('keeps the walls between the rooms', () => {
    expect(inAll(checkImports)).toEqual([]);
  });

  test('imports only packages that package.json names', () => {
    const dependencies = Object.keys(manifest.dependencies ?? {});
    const devDependencies = Object.keys(manifest.devDependencies ?? {});
    expect(inAll((source) => checkDeclared(source, dependencies, devDependencies))).toEqual([]);
  });

  test('takes time, chance, environment and console from the ports', () => {
    expect(inAll(checkPorts)).toEqual([]);
  });

  test('has no default exports, enums, namespaces, any or non-null assertions', () => {
    expect(inAll(checkForms)).toEqual([]);
  });

  test('skips no test', () => {
    expect(inAll(checkSkips)).toEqual([]);
  });

  test('has short functions and short files', () => {
    expect(inAll(checkSizes)).toEqual([]);
  });

  test('explains every exported function and class', () => {
    expect(inAll(checkDocstrings)).toEqual([]);
  });

  test('has names that say what is inside', () => {
    expect([...show(files.flatMap(checkPath)), ...inAll(checkNames)]).toEqual([]);
  });

  test('holds no notes to self, no path of one machine, no host of a package registry', () => {
    expect(show(texts.flatMap((path) => checkText(path, read(path))))).toEqual([]);
  });

  test('has every file and folder that is listed as pure', () => {
    expect(pureFiles.filter((path) => !existsSync(join(projectDir, path)))).toEqual([]);
  });
});

describe('the project', () => {
  test('pins exact versions', () => {
    expect(show(checkVersions(manifest))).toEqual([]);
  });

  test('locks packages by their integrity, from no particular host', () => {
    expect(show(checkLock(JSON.parse(read('package-lock.json')) as PackageLock))).toEqual([]);
  });

  test('gives the reason for every dependency', () => {
    expect(show(checkReasons(manifest, read('README.md')))).toEqual([]);
  });

  test('explains and tests every fault code', () => {
    const tests = files.filter((path) => path.startsWith('test/') && path.endsWith('.ts'));
    const page = { path: 'shared/README.md', text: read('shared/README.md') };
    expect(show(checkFaults(Object.keys(faultCatalogue), page, tests.map(read)))).toEqual([]);
  });

  test('has pages that name what is there, and links that lead to it', () => {
    const pages = files.filter((path) => path.endsWith('README.md')).map((path) => ({ path, text: read(path) }));
    expect(show(pages.flatMap((page) => checkPage(page, files, read)))).toEqual([]);
  });

  test('has a page in every top folder', () => {
    expect(topFolders.filter((folder) => !files.includes(`${folder}/README.md`))).toEqual([]);
  });

  test('is licensed under Apache-2.0', () => {
    expect(manifest.license).toBe('Apache-2.0');
    expect(read('LICENSE')).toMatch(/Apache License\s+Version 2\.0, January 2004/);
  });

  test('runs on the Node that it pins', () => {
    expect(process.versions.node).toBe(manifest.dependencies?.node);
    expect(read('.node-version').trim()).toBe(manifest.dependencies?.node);
  });
});
