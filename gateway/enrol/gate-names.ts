/** What the gates of kiosks are called: the audit has a line for each invitation, and nobody else says it to the gateway. */
import { findLines } from '../audit/finding.ts';

/**
 * The gate that each kiosk was invited for last, by kiosk. None for one that got its certificate in a folder since: it is
 * told its gate by whoever sets it up. Throws the Fault AUDIT_READ_FAILED.
 */
export function findGateNames(dataDir: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { what } of findLines(dataDir, ['kiosk.invited', 'kiosk.enrol'])) {
    const { kiosk, gate } = what;
    if (typeof kiosk !== 'string') continue;
    if (typeof gate === 'string') names.set(kiosk, gate);
    else names.delete(kiosk);
  }
  return names;
}
