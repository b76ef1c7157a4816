/** Which gates and kiosks a site has, so that a typing mistake in the name of one is noticed. */
import { join } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { Invitations } from '../enrol/invitations.ts';
import { readGateNames } from '../store/gate-names.ts';
import { readEnrolled, readRevoked } from '../trust/enrolled.ts';
import { trustFiles } from '../trust/trust-files.ts';

/** So many are listed; a site with more knows its names. */
const listedMax = 30;

/**
 * A word on places that no gate and no kiosk of the site has as its name; null where each is known. A gate is known from its
 * entries or from an invitation, a kiosk from its certificate.
 */
export async function warnOfPlaces(places: readonly string[], dataDir: string, clock: Clock): Promise<string | null> {
  if (places.length === 0) return null;
  let gates: readonly string[];
  let kiosks: readonly string[];
  try {
    gates = await gatesOf(dataDir, clock);
    kiosks = await kiosksOf(join(dataDir, 'trust'));
  } catch (error) {
    // The rule holds all the same.
    if (!(error instanceof Fault)) throw error;
    return `Whether there are such gates cannot be told: ${error.message}\n`;
  }
  const unknown = places.filter((place) => !gates.includes(place) && !kiosks.includes(place));
  if (unknown.length === 0) return null;
  const names = unknown.map((place) => JSON.stringify(place)).join(', ');
  return (
    `WARNING: no gate and no kiosk is called ${names}: the rule does nothing there until one is.\n` +
    `Gates that are known: ${list(gates)}. Kiosks: ${list(kiosks)}.\n`
  );
}

async function gatesOf(dataDir: string, clock: Clock): Promise<readonly string[]> {
  const invited = (await new Invitations(join(dataDir, 'trust'), clock).list()).map(({ gate }) => gate);
  return [...new Set([...readGateNames(dataDir), ...invited])].sort();
}

/** Those with a certificate that was not cut off. */
async function kiosksOf(folder: string): Promise<readonly string[]> {
  const revoked = new Set((await readRevoked(join(folder, trustFiles.revoked))).map(({ serial }) => serial));
  const enrolled = await readEnrolled(join(folder, trustFiles.enrolled));
  return [...new Set(enrolled.filter(({ serial }) => !revoked.has(serial)).map(({ kiosk }) => kiosk))].sort();
}

function list(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length > listedMax ? ` and ${names.length - listedMax} more` : '';
  return names.slice(0, listedMax).join(', ') + more;
}
