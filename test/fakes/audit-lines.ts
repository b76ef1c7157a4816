import { existsSync, readFileSync } from 'node:fs';
import { auditPaths } from '../../gateway/audit/audit-file.ts';

/** The lines of a data directory's audit, oldest first: none where there is no audit. Throws at what is no JSON. */
export function auditLines(dataDir: string): { action: string; what: Record<string, unknown>; why: string | null }[] {
  const { file } = auditPaths(dataDir);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
