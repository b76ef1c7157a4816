/** What the commands print of the audit. */
import { stringify } from 'csv-stringify/sync';
import { counted } from '../counted.ts';
import { showMoment } from '../moment.ts';
import { auditPaths } from './audit-file.ts';
import { type AuditLine, readAuditLine } from './audit-line.ts';
import { type AuditReport, piecesOf, toReadFault } from './verify.ts';

export const auditFormats = ['text', 'csv', 'ndjson'] as const;
export type AuditFormat = (typeof auditFormats)[number];

const columns = {
  seq: ({ seq }) => String(seq),
  at: ({ at }) => at,
  user: ({ user }) => user,
  login: ({ login }) => login ?? '',
  command: ({ command }) => command,
  action: ({ action }) => action,
  what: ({ what }) => JSON.stringify(what),
  why: ({ why }) => why ?? '',
  hash: ({ hash }) => hash,
} satisfies Record<string, (line: AuditLine) => string>;

/** A reason may begin with `=`: a spreadsheet must not take it for a formula. */
const csvOptions = { escape_formulas: true };

/**
 * The audit from its beginning: for reading, by Viet Nam's time, as a table, or byte for byte. A line that cannot be read stands where it is,
 * marked. Throws the Fault AUDIT_READ_FAILED.
 */
export function* listAudit(dataDir: string, format: AuditFormat): Generator<string> {
  const { file } = auditPaths(dataDir);
  // The byte order mark makes Excel read UTF-8.
  if (format === 'csv') yield stringify([Object.keys(columns)], { ...csvOptions, bom: true });
  try {
    for (const { bytes } of piecesOf(file)) yield format === 'ndjson' ? `${bytes}\n` : describeLine(bytes, format);
  } catch (error) {
    throw toReadFault(file, error);
  }
}

function describeLine(bytes: Buffer, format: 'text' | 'csv'): string {
  const read = readAuditLine(bytes);
  if (format === 'csv') {
    const cells = read.ok
      ? Object.values(columns).map((column) => column(read.line))
      : ['', '', '', '', '', 'unreadable'];
    return stringify([cells], csvOptions);
  }
  if (!read.ok) return '?  this line was changed, or is no line of the audit: see "check"\n';
  const { seq, at, user, login, command, action, what, why } = read.line;
  const facts = Object.entries(what).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const who = login === null || login === user ? user : `${user} (${login})`;
  return `${seq}  ${showMoment(at)}  ${who}, ${command}: ${action}${facts.join('')}${why === null ? '' : `  because ${JSON.stringify(why)}`}\n`;
}

/** The report of the audit, for people. */
export function describeAudit({ lines, end, problems, mended, unfinished }: AuditReport): string {
  const text = [
    lines === 0
      ? 'The audit has no lines.'
      : `Audit: ${counted(lines, 'line')}, the last is number ${end.seq}, ${end.hash}.`,
    ...(mended === 0 ? [] : [`  A power cut left ${mended} of them torn; the next accounts for it.`]),
    ...(unfinished
      ? ['  The end is torn; the next line will account for it. Nothing that was said to be done is lost.']
      : []),
    problems.length === 0 ? 'The audit is whole.' : 'THE AUDIT WAS TAMPERED WITH:',
    ...problems.map(({ line, problem }) => `  line ${line}: ${problem}`),
  ];
  return `${text.join('\n')}\n`;
}
