/** Since when gates are closed: the audit has a line for each use of a guard's card. */
import type { AuditLine } from '../audit/audit-line.ts';
import { findLines } from '../audit/finding.ts';

/** A kiosk's time that is later than the gateway's by more than this is wrong, in milliseconds. */
const aheadMsMax = 2_000;

/**
 * When each of these kiosks was shown the card that closed its gate, ISO 8601, as far as the audit has it. None where the
 * kiosk did not know the time then, or its card's use has not come yet. Throws the Fault AUDIT_READ_FAILED.
 */
export function findClosings(dataDir: string, kiosks: ReadonlySet<string>): ReadonlyMap<string, string> {
  /** Null: closed, and nobody knows since when. */
  const closings = new Map<string, string | null>();
  if (kiosks.size === 0) return new Map();
  for (const line of findLines(dataDir, ['control.used', 'kiosk.enrolled'])) {
    const { kiosk } = line.what;
    if (typeof kiosk === 'string' && kiosks.has(kiosk)) follow(closings, kiosk, line);
  }
  return new Map([...closings].flatMap(([kiosk, at]) => (at === null ? [] : [[kiosk, at]])));
}

/** A kiosk that is enrolled anew may be another machine: its gate begins open. */
function follow(closings: Map<string, string | null>, kiosk: string, line: AuditLine): void {
  const isClosing = line.action === 'control.used' && line.what.does === 'close';
  if (isClosing && !closings.has(kiosk)) closings.set(kiosk, timeOf(line));
  if (line.action === 'kiosk.enrolled' || line.what.does === 'open') closings.delete(kiosk);
}

function timeOf({ at: writtenAt, what: { at, expiryUnchecked } }: AuditLine): string | null {
  // A kiosk that could not check a card's last day did not know the time.
  if (typeof at !== 'string' || expiryUnchecked === true) return null;
  const ms = Date.parse(at);
  return Number.isNaN(ms) || ms > Date.parse(writtenAt) + aheadMsMax ? null : new Date(ms).toISOString();
}
