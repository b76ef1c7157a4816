/** The source tree as the rules see it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { type Comment, type Program, parseSync, Visitor } from 'oxc-parser';

/** Something that breaks a rule. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
}

/** An import, a re-export or a dynamic import. */
export interface Import {
  /** A package's name, `node:…`, or the path of a file from the project's folder. */
  readonly target: string;
  readonly kind: 'package' | 'builtin' | 'file';
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** One TypeScript file. */
export interface Source {
  /** From the project's folder, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  /** The line, from 1, of an offset in `text`. */
  lineOf(offset: number): number;
}

/** The files of the project: what git tracks and what it would, by their paths from `projectDir`. */
export function listFiles(projectDir: string): readonly string[] {
  const options = { cwd: projectDir, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 } as const;
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options);
  const paths = listed.split('\0').filter((path) => path !== '' && existsSync(join(projectDir, path)));
  return [...new Set(paths)].sort();
}

/** Reads and parses one file. Throws where it is not TypeScript. */
export function readSource(projectDir: string, path: string): Source {
  return parseSource(path, readFileSync(join(projectDir, path), 'utf8'));
}

/** Parses a text as the file `path`. Throws where it is not TypeScript. */
export function parseSource(path: string, text: string): Source {
  const { program, comments, module, errors } = parseSync(path, text, { lang: 'ts', sourceType: 'module' });
  const error = errors[0];
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const lineOf = (offset: number) => text.slice(0, offset).split('\n').length;
  const imports: Import[] = [];
  const add = (specifier: string, start: number, typeOnly: boolean) =>
    imports.push({ ...resolveImport(path, specifier), typeOnly, line: lineOf(start) });
  for (const { moduleRequest, entries, start } of module.staticImports) {
    add(moduleRequest.value, start, entries.length > 0 && entries.every((entry) => entry.isType));
  }
  for (const { entries, start } of module.staticExports) {
    const request = entries[0]?.moduleRequest;
    if (request)
      add(
        request.value,
        start,
        entries.every((entry) => entry.isType),
      );
  }
  new Visitor({
    ImportExpression({ source, start }) {
      if (source.type === 'Literal' && typeof source.value === 'string') add(source.value, start, false);
    },
    TSImportType({ source, start }) {
      add(source.value, start, true);
    },
  }).visit(program);
  return { path, text, program, comments, imports, lineOf };
}

function resolveImport(importer: string, specifier: string): Pick<Import, 'target' | 'kind'> {
  if (specifier.startsWith('.')) {
    return { kind: 'file', target: posix.normalize(posix.join(dirname(importer), specifier)) };
  }
  if (specifier.startsWith('node:')) return { kind: 'builtin', target: specifier };
  const parts = specifier.split('/');
  return { kind: 'package', target: parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/') };
}
