/** What a kiosk is given: whom it trusts, what it seals to, what it makes pseudonyms with, and how it knows that this has changed. */
import { createHash, X509Certificate } from 'node:crypto';
import type { SiteNotice } from '../../shared/entry.ts';
import type { Authority, TrustContents } from './trust-files.ts';

/** What belongs to a certificate. */
export interface Grant {
  /** Every authority that is believed, in PEM: first the one that the gateway shows. */
  readonly caPem: string;
  readonly notice: SiteNotice;
  readonly subjectKey: Uint8Array;
  /** Those before it, newest first: a kiosk knows people by them whom the site named before the change. */
  readonly formerSubjectKeys: readonly Uint8Array[];
}

/** The last of a list that is never empty: of keys, the one that new things are made with. */
export function newest<T>(generations: readonly T[]): T {
  const last = generations.at(-1);
  if (last === undefined) throw new Error('there is always a generation');
  return last;
}

/** The authorities that are believed, one PEM after the other: first the one that the gateway shows. */
export function trustedPem({ authorities, serving }: TrustContents): string {
  const others = authorities.filter(({ id }) => id !== serving.id);
  return [serving, ...others].map(({ certPem }) => certPem).join('');
}

/** The authority that a kiosk's certificate is by. Throws where it is by none that is believed. */
export function authorityOf(certPem: string, { authorities }: TrustContents): Authority {
  const certificate = new X509Certificate(certPem);
  const found = authorities.find(({ certPem: pem }) => certificate.verify(new X509Certificate(pem).publicKey));
  if (found === undefined) throw new Error('the certificate is by no authority that is believed');
  return found;
}

/**
 * The notice for a kiosk whose certificate is by `authority`. A kiosk whose own notice has other `credentials` than the
 * site announces asks for new ones.
 */
export function noticeBy(authority: Authority, contents: TrustContents, site: string): SiteNotice {
  const { authorities, sealingKeys, subjectKeys } = contents;
  const sealing = newest(sealingKeys);
  const trusted = authorities.map(({ id }) => id);
  const parts = [trusted, authority.id, sealing.id, newest(subjectKeys).id];
  const credentials = createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
  // The name may be changed in the configuration; the key stays.
  return { ...sealing.notice, site, credentials };
}

/** What a kiosk with that certificate is given. */
export function grantBy(certPem: string, contents: TrustContents, site: string): Grant {
  const notice = noticeBy(authorityOf(certPem, contents), contents, site);
  const former = contents.subjectKeys.slice(0, -1).map(({ key }) => key);
  return {
    caPem: trustedPem(contents),
    notice,
    subjectKey: newest(contents.subjectKeys).key,
    formerSubjectKeys: former.reverse(),
  };
}

/** The keys of the pseudonyms as an answer to a kiosk says them. */
export function sayKeys({ subjectKey, formerSubjectKeys }: Pick<Grant, 'subjectKey' | 'formerSubjectKeys'>) {
  const [current = '', ...former] = [subjectKey, ...formerSubjectKeys].map((key) =>
    Buffer.from(key).toString('base64url'),
  );
  return { subjectKey: current, ...(former.length > 0 && { formerSubjectKeys: former }) };
}
