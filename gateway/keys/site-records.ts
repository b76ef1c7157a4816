import { paperKiosks } from '../backfill/paper-kiosk.ts';
import type { Trust } from '../trust/authority.ts';
import type { KioskRecords } from './laggards.ts';

/** Reads what is known of the site's kiosks. Throws the Fault DATA_DIR_UNUSABLE. */
export async function readKioskRecords(
  trust: Pick<Trust, 'enrolled' | 'revoked' | 'used'>,
  dataDir: string,
): Promise<KioskRecords> {
  const [enrolled, revoked, used, paper] = await Promise.all([
    trust.enrolled(),
    trust.revoked(),
    trust.used(),
    paperKiosks(dataDir),
  ]);
  return { enrolled, revoked, used, paper };
}
