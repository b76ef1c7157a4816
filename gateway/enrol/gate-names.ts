/** What the gates of kiosks are called: the audit has a line for each invitation, and nobody else says it to the gateway. */
import { auditPaths } from '../audit/audit-file.ts';
import { readAuditLine } from '../audit/audit-line.ts';
import { piecesOf, toReadFault } from '../audit/verify.ts';

/** What a line may begin with that is looked for: most lines need not be taken apart. */
const sought = ['"action":"kiosk.invited"', '"action":"kiosk.enrol"'];

/**
 * The gate that each kiosk was invited for last, by kiosk. None for one that got its certificate in a folder since: it is
 * told its gate by whoever sets it up. Throws the Fault AUDIT_READ_FAILED.
 */
export function findGateNames(dataDir: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const { file } = auditPaths(dataDir);
  try {
    for (const { bytes } of piecesOf(file)) {
      if (!sought.some((text) => bytes.includes(text))) continue;
      const read = readAuditLine(bytes);
      if (!read.ok || typeof read.line.what.kiosk !== 'string') continue;
      const { kiosk, gate } = read.line.what;
      if (typeof gate === 'string') names.set(kiosk, gate);
      else names.delete(kiosk);
    }
  } catch (error) {
    throw toReadFault(file, error);
  }
  return names;
}
