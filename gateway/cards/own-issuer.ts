/** Opens what issuing needs, in the order in which it may be made. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { SiteNotice } from '../../shared/entry.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { openTrust } from '../trust/authority.ts';
import { hasIssuer, type Issuer, type IssuerNotice, openIssuer, readIssuers } from '../trust/issuer.ts';
import { openRegister } from './register.ts';
import type { Register } from './registered-cards.ts';

/** Where it lies, and for whom it is. */
export interface IssuerPlace {
  readonly dataDir: string;
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Says to whoever runs the command what they may not have meant. */
  warn(text: string): void;
}

/** The site's issuer with its register. */
export interface IssuingSite {
  readonly issuer: Issuer;
  readonly notice: SiteNotice;
  readonly register: Register;
}

/**
 * Opens trust, register and issuer, makes what is missing, and holds the register until `work` has ended. The register is
 * made before the key: a key without a register means that the register was lost. Throws their Faults.
 */
export async function withIssuer<T>(place: IssuerPlace, work: (site: IssuingSite) => Promise<T>): Promise<T> {
  const { dataDir, site, clock, log, warn } = place;
  const folder = join(dataDir, 'trust');
  const { notice } = await openTrust(folder, { site, clock, log });
  using register = openRegister(dataDir);
  const before = hasIssuer(folder) ? readIssuers(folder)[0]?.name : null;
  const issuer = await openIssuer(folder, site);
  // To be seen: with another data directory, or without RAVAO_SITE, cards would be printed that are not meant.
  if (before === null) warn(`The key that signs cards was made, in ${folder}: cards say that ${site} issued them.\n`);
  else if (before !== site) warn(`Cards say from now on that ${site} issued them, not ${before}.\n`);
  return await work({ issuer, notice, register });
}

/** The site's issuer alone. */
export function openOwnIssuer(place: IssuerPlace): Promise<Issuer> {
  return withIssuer(place, async ({ issuer }) => issuer);
}

/** Twenty hex digits of an issuer's key, which two people can compare by telephone. */
export function fingerprint({ publicKey }: IssuerNotice): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex');
  return digest.slice(0, 20).replace(/(.{4})(?=.)/g, '$1 ');
}
