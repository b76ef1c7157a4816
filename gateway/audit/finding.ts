/** Looking for some lines of the audit. */
import { auditPaths } from './audit-file.ts';
import { type AuditLine, readAuditLine } from './audit-line.ts';
import { piecesOf, toReadFault } from './verify.ts';

/**
 * The lines with one of these actions, oldest first, also while others add to them; none where there is no audit. What is
 * no line is passed over: `verifyAudit` tells of it. Throws the Fault AUDIT_READ_FAILED.
 */
export function* findLines(dataDir: string, actions: readonly string[]): Generator<AuditLine> {
  const { file } = auditPaths(dataDir);
  // Most lines need not be taken apart.
  const marks = actions.map((action) => `"action":${JSON.stringify(action)}`);
  try {
    for (const { bytes } of piecesOf(file)) {
      if (!marks.some((mark) => bytes.includes(mark))) continue;
      const read = readAuditLine(bytes);
      if (read.ok) yield read.line;
    }
  } catch (error) {
    throw toReadFault(file, error);
  }
}
