import { readFileSync } from 'node:fs';

/**
 * How many files and connections this process may have open at once (proc(5), limits; Node has raised the soft limit to
 * the hard one when it started). Null where the system does not say, or sets no limit.
 */
export function openFilesMax(): number | null {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return null; // not Linux
  }
  const [, max] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  return max === undefined ? null : Number(max);
}
