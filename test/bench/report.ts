/** Results for people (a table) and for programs (one JSON line each). */
import { cpus, release } from 'node:os';
import type { BenchResult } from './result.ts';

/** Three or four significant digits are all that a benchmark has. */
function round(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-GB');
  return Number(value.toPrecision(3)).toString();
}

function column(text: string, width: number): string {
  return text.padEnd(width);
}

/** The machine, since figures without one mean nothing. */
export function describeMachine(): string {
  const processors = cpus();
  return `Node ${process.versions.node}, Linux ${release()}, ${processors.length} × ${processors[0]?.model ?? 'unknown processor'}`;
}

/** A table of figures, with what is asked of them. */
export function renderTable(results: readonly BenchResult[]): string {
  const rows = results.flatMap(({ name, title, figures, limits }) => [
    '',
    `${name}: ${title}`,
    ...figures.map((figure) => {
      const asked = limits.filter((limit) => limit.name === figure.name);
      const verdicts = asked.map(
        ({ relation, limit, passed }) => `${passed ? 'pass' : 'FAIL'}  ${relation} ${round(limit)}`,
      );
      return `  ${column(figure.name, 62)}${round(figure.value).padStart(12)} ${column(figure.unit, 10)}${verdicts.join(', ')}`;
    }),
  ]);
  return `${rows.join('\n')}\n`;
}

/** One JSON line a result. */
export function renderJson(results: readonly BenchResult[]): string {
  return results.map((result) => `${JSON.stringify(result)}\n`).join('');
}
