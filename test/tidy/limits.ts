/** How large and how named a room's things may be, and that they are explained. */
import { type Node, Visitor } from 'oxc-parser';
import { rootOf } from './bans.ts';
import type { Source, Violation } from './source.ts';

/** A file that outgrows this has two subjects. */
export const fileLinesMax = 300;

/** A table of cases is one subject, however long. */
export const testFileLinesMax = 600;

export const functionLinesMax = 60;

/** Calls whose callback is a chapter of tests, not a function with a subject; so is what a contract exports. */
const chapters = ['describe', 'suite'];

/** Names that say nothing of what is inside. */
const emptyNames = /(?:^|[-/])(?:utils?|helpers?|misc|commons?|managers?)(?:[-./]|$)|(?:^|\/)index\.[a-z]+$/;

const kebabCase = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*$/;

/** Files and functions that are too long. */
export function checkSizes(source: Source): readonly Violation[] {
  const violations: Violation[] = [];
  const { path, text } = source;
  const linesMax = path.startsWith('test/') ? testFileLinesMax : fileLinesMax;
  const lines = source.lineOf(text.trimEnd().length);
  if (lines > linesMax) violations.push({ path, line: lines, rule: `${lines} lines, ${linesMax} allowed` });
  const exempt = new Set<number>();
  const measure = ({ start, end }: Node) => {
    const length = source.lineOf(end) - source.lineOf(start) + 1;
    if (length <= functionLinesMax || exempt.has(start)) return;
    violations.push({
      path,
      line: source.lineOf(start),
      rule: `a function of ${length} lines, ${functionLinesMax} allowed`,
    });
  };
  new Visitor({
    CallExpression({ callee, arguments: given }) {
      if (!chapters.includes(rootOf(callee))) return;
      for (const argument of given) exempt.add(argument.start);
    },
    ExportNamedDeclaration({ declaration }) {
      if (declaration !== null && path.startsWith('test/contract/')) exempt.add(declaration.start);
    },
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(source.program);
  return violations;
}

/** Exported functions and classes of the programs that have no docstring. */
export function checkDocstrings(source: Source): readonly Violation[] {
  const { path, text, comments } = source;
  if (path.startsWith('test/') || !path.includes('/')) return [];
  const violations: Violation[] = [];
  new Visitor({
    ExportNamedDeclaration({ declaration, start }) {
      if (declaration?.type !== 'FunctionDeclaration' && declaration?.type !== 'ClassDeclaration') return;
      const documented = comments.some(
        ({ type, value, end }) =>
          type === 'Block' && value.startsWith('*') && end < start && text.slice(end, start).trim() === '',
      );
      if (documented) return;
      violations.push({
        path,
        line: source.lineOf(start),
        rule: `${declaration.id?.name} is exported without a docstring`,
      });
    },
  }).visit(source.program);
  return violations;
}

/** Paths that say nothing, hide what a room holds (barrels), or are not in kebab-case. */
export function checkPath(path: string): readonly Violation[] {
  const violations: Violation[] = [];
  const report = (rule: string) => violations.push({ path, line: 1, rule });
  if (emptyNames.test(path)) report('a name that says nothing, or a barrel');
  if (path.endsWith('.ts') && !path.split('/').every((part) => kebabCase.test(part))) report('not in kebab-case');
  return violations;
}

/** Classes that are called a manager of something. */
export function checkNames(source: Source): readonly Violation[] {
  const violations: Violation[] = [];
  new Visitor({
    Identifier({ name, start }) {
      if (/(?:Manager|Helper|Utils?)$/.test(name) && source.text.slice(0, start).trimEnd().endsWith('class')) {
        violations.push({
          path: source.path,
          line: source.lineOf(start),
          rule: `${name} says nothing of what it does`,
        });
      }
    },
  }).visit(source.program);
  return violations;
}
