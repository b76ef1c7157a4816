/** A kiosk without credentials: it waits for an invitation at its own scanner, and becomes one of the site's by it. */

import type { EnrolledGate } from '../../shared/enrolment.ts';
import { describeError } from '../../shared/fault.ts';
import { decodeInvitation, formatAddress, isInvitation, type ReadInvitation } from '../../shared/invitation.ts';
import type { Clock, Indicator, Log, Reading } from '../../shared/ports.ts';
import { isSystemError } from '../../shared/system-error.ts';
import { askGateway, type Failed, findGateway } from './ask-gateway.ts';
import { type EnrolmentFailure, failureTexts, stepTexts } from './enrolment-texts.ts';
import { keepCredentials, prepareKey } from './new-credentials.ts';

export interface EnrolParts {
  /** What the scanner reads; what comes after the invitation that works is left for the gate. */
  readonly readings: AsyncIterator<Reading>;
  readonly indicator: Indicator;
  readonly dataDir: string;
  /** Where the credentials go: vacant, on the same file system as `dataDir`. */
  readonly credentialsDir: string;
  /** The only id that this kiosk may get; null for any. */
  readonly kioskId: string | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** Takes readings until an invitation works: then the credentials are on disk. False when the readings end before. */
export async function enrolKiosk(parts: EnrolParts): Promise<boolean> {
  const { readings, indicator, log } = parts;
  log.info('enrol.waiting');
  indicator.show('enrolling', failureTexts['not-invitation'].vi);
  for (;;) {
    const { value: reading, done } = await readings.next();
    if (done === true) return false;
    const outcome = await take(reading, parts);
    if (outcome === 'enrolled') return true;
    if (outcome === null) continue;
    log.warn('enrol.failed', { reason: outcome.failed, meaning: failureTexts[outcome.failed].en });
    indicator.show('refused', failureTexts[outcome.failed].vi);
  }
}

async function take(reading: Reading, parts: EnrolParts): Promise<'enrolled' | Failed | null> {
  const { indicator, log } = parts;
  switch (reading.type) {
    case 'frame':
      indicator.show('heard');
      return enrolBy(reading.text, parts);
    case 'discarded':
      log.warn('scan.discarded', { reason: reading.reason, bytes: reading.bytes });
      return { failed: 'not-invitation' };
    case 'lost':
      log.error('scanner.lost', { error: describeError(reading.fault), remedy: reading.fault.remedy });
      indicator.show('fault');
      return null;
    case 'found':
      log.info('scanner.found', { device: reading.device });
      indicator.show('enrolling');
      return null;
    case 'noise':
      return null;
  }
}

async function enrolBy(text: string, parts: EnrolParts): Promise<'enrolled' | Failed> {
  const read = decodeInvitation(text);
  if (read === null) return { failed: isInvitation(text) ? 'damaged' : 'not-invitation' };
  if (parts.kioskId !== null && parts.kioskId !== read.invitation.kiosk) return { failed: 'wrong-kiosk' };
  try {
    return await exchange(read, parts);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    parts.log.error('enrol.unkept', { error: describeError(error) });
    return { failed: 'not-kept' satisfies EnrolmentFailure };
  }
}

async function exchange(read: ReadInvitation, parts: EnrolParts): Promise<'enrolled' | Failed> {
  const { indicator, dataDir, credentialsDir, clock, log } = parts;
  const { invitation } = read;
  const startedMs = clock.monotonicMs();
  const sinceStart = () => clock.monotonicMs() - startedMs;
  log.info('enrol.looking', { kiosk: invitation.kiosk, addresses: invitation.addresses.map(formatAddress) });
  indicator.show('heard', stepTexts.looking.vi);
  const key = prepareKey(dataDir, invitation.secret);
  const found = await findGateway(read, clock);
  if ('failed' in found) return found;
  const foundMs = sinceStart();
  log.info('enrol.asking', { gateway: formatAddress(found.address) });
  indicator.show('heard', stepTexts.asking.vi);
  const answer = await askGateway(found, invitation, key, clock);
  if ('failed' in answer) return answer;
  const answeredMs = sinceStart();
  const { kiosk, gate, direction, mqttPort } = answer;
  const { host, port: enrolPort } = found.address;
  const settings: EnrolledGate = { v: 1, gate, direction, gateway: { host, port: mqttPort }, enrolPort };
  keepCredentials(dataDir, credentialsDir, invitation.secret, answer, settings);
  log.info('enrol.done', { kiosk, gate, direction, foundMs, answeredMs, keptMs: sinceStart() });
  indicator.show('admitted', `${stepTexts.done.vi}: ${gate}`);
  return 'enrolled';
}
