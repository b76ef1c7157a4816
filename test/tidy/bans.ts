/** What may not stand in the source at all, or only in the files that wrap it. */
import { type Node, Visitor } from 'oxc-parser';
import { isIn } from './imports.ts';
import type { Source, Violation } from './source.ts';

const mains = ['gateway/main.ts', 'kiosk/main.ts', 'site/main.ts'];

/** Programs that only tests start, and what starts programs. */
const testPrograms = [
  'test/bench/scan-kiosk.ts',
  'test/fakes/dying-gateway.ts',
  'test/fakes/dying-kiosk.ts',
  'test/fakes/rebooted-kiosk.ts',
  'test/fakes/processes.ts',
  'test/prerequisites.ts',
];

/** Globals, and members of globals, that are ports: who may touch them. */
const wrapped: Readonly<Record<string, readonly string[]>> = {
  console: [],
  'Date.now': ['shared/system/clock.ts'],
  'Math.random': ['shared/system/chance.ts'],
  'performance.now': ['shared/system/clock.ts', 'test/'],
  'process.env': [...mains, 'shared/system/log.ts', ...testPrograms],
  'process.exit': mains,
  'process.hrtime': ['shared/system/clock.ts', 'test/'],
  setInterval: ['shared/system/clock.ts'],
  setTimeout: ['shared/system/clock.ts'],
};

/** Modules that hand out the same things under other names. */
const wrappedModules = ['node:console', 'node:process', 'node:timers', 'node:timers/promises'];

/** What a test may be called with: a test is there or it is not. */
const testRoots = ['describe', 'it', 'suite', 'test'];
const testDodges = ['fails', 'only', 'runIf', 'skip', 'skipIf', 'todo'];

/** Uses of time, chance, environment and console outside the files that wrap them. */
export function checkPorts(source: Source): readonly Violation[] {
  const violations: Violation[] = [];
  const report = (name: string, start: number) => {
    const places = wrapped[name];
    if (places === undefined || isIn(places, source.path)) return;
    violations.push({
      path: source.path,
      line: source.lineOf(start),
      rule: `${name} is a port: use the one of shared/ports.ts`,
    });
  };
  const namesOnly = new Set<number>(); // where an identifier is the name of a member, not the global
  new Visitor({
    MemberExpression({ object, property, computed, start }) {
      if (computed || property.type !== 'Identifier') return;
      namesOnly.add(property.start);
      if (object.type !== 'Identifier') return;
      report(object.name === 'globalThis' ? property.name : `${object.name}.${property.name}`, start);
    },
    Property: ({ key, shorthand }) => void (shorthand || namesOnly.add(key.start)),
    MethodDefinition: ({ key }) => void namesOnly.add(key.start),
    PropertyDefinition: ({ key }) => void namesOnly.add(key.start),
    TSPropertySignature: ({ key }) => void namesOnly.add(key.start),
    TSMethodSignature: ({ key }) => void namesOnly.add(key.start),
    VariableDeclarator({ id, init }) {
      if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier') return;
      for (const { type, start, ...property } of id.properties) {
        if (type === 'Property' && 'key' in property && property.key.type === 'Identifier') {
          report(`${init.name}.${property.key.name}`, start);
        }
      }
    },
    NewExpression({ callee, arguments: given, start }) {
      if (callee.type === 'Identifier' && callee.name === 'Date' && given.length === 0) report('Date.now', start);
    },
    CallExpression({ callee, start }) {
      if (callee.type === 'Identifier' && callee.name === 'Date') report('Date.now', start);
    },
    Identifier({ name, start }) {
      if (!namesOnly.has(start)) report(name, start);
    },
  }).visit(source.program);
  for (const { target, line } of source.imports) {
    if (wrappedModules.includes(target))
      violations.push({ path: source.path, line, rule: `${target} is wrapped by ports` });
  }
  return violations;
}

/** Forms of TypeScript that this project does without. */
export function checkForms(source: Source): readonly Violation[] {
  const violations: Violation[] = [];
  const report = (rule: string) => (node: Node) => {
    violations.push({ path: source.path, line: source.lineOf(node.start), rule });
  };
  const noDefault = report('no default exports');
  const noNamespace = report('no namespaces');
  new Visitor({
    TSAnyKeyword: report('no any'),
    TSEnumDeclaration: report('no enums'),
    TSModuleDeclaration(node) {
      if (node.id.type !== 'Literal') noNamespace(node); // a literal: the types of a package that has none
    },
    TSNonNullExpression: report('no non-null assertions'),
    TSParameterProperty: report('no parameter properties'),
    ExportDefaultDeclaration(node) {
      if (source.path !== 'vitest.config.ts') noDefault(node);
    },
  }).visit(source.program);
  return violations;
}

/** Tests that are not run, or that keep others from it. */
export function checkSkips(source: Source): readonly Violation[] {
  const violations: Violation[] = [];
  new Visitor({
    MemberExpression(node) {
      const { property, computed, start } = node;
      if (computed || property.type !== 'Identifier' || !testDodges.includes(property.name)) return;
      if (!testRoots.includes(rootOf(node))) return;
      violations.push({ path: source.path, line: source.lineOf(start), rule: `no test may be .${property.name}` });
    },
  }).visit(source.program);
  return violations;
}

/** The name at the left end of a chain of members and calls. */
export function rootOf(node: Node): string {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'MemberExpression') return rootOf(node.object);
  return node.type === 'CallExpression' ? rootOf(node.callee) : '';
}

/** Words are put together here, so that this file does not break its own rule. */
const textRules: readonly { readonly pattern: RegExp; readonly rule: string }[] = [
  {
    pattern: new RegExp(
      `\\b(?:${['TO', 'FIX'].map((word) => `${word}${word === 'TO' ? 'DO' : 'ME'}`).join('|')}|X{3})\\b`,
    ),
    rule: 'no notes to self: do it, or open an issue',
  },
  { pattern: new RegExp(`(?<![\\w.~$}*-])/(?:${['work', 'tmp', 'root'].join('|')})/`), rule: 'no path of one machine' },
  {
    pattern: new RegExp(['npm' + 'js', 'yarn' + 'pkg', 'npm' + 'mirror', 'un' + 'pkg', 'py' + 'pi'].join('|'), 'i'),
    rule: 'no host of a package registry',
  },
];

/** Words that may stand in no text of the project: source, scripts, pages. */
export function checkText(path: string, text: string): readonly Violation[] {
  return text
    .split('\n')
    .flatMap((content, index) =>
      textRules.filter(({ pattern }) => pattern.test(content)).map(({ rule }) => ({ path, line: index + 1, rule })),
    );
}
