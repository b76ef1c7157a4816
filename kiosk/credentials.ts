import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { siteNoticeSchema } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import { importSiteKey, type SiteKey } from '../shared/identity.ts';
import { kioskIdSchema } from '../shared/topics.ts';

/** What `enrol` gave a kiosk: who it is, whom it trusts, and the keys for pseudonyms and sealing. */
export interface Credentials {
  readonly kiosk: string;
  readonly site: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly siteKey: SiteKey;
  readonly subjectKey: Uint8Array;
}

/** The subject key's length in bytes. */
const subjectKeyBytes = 32;

/**
 * Reads the folder that `enrol` wrote and checks that its parts fit together.
 * Throws the Fault CREDENTIALS_INVALID, which names the file and what is wrong with it.
 */
export async function readCredentials(folder: string): Promise<Credentials> {
  const read = (name: string) => tell(`${join(folder, name)} cannot be read`, () => readFileSync(join(folder, name)));
  const certPem = read('cert.pem').toString();
  const keyPem = read('key.pem').toString();
  const certificate = tell(`${join(folder, 'cert.pem')} is no certificate`, () => new X509Certificate(certPem));
  const key = tell(`${join(folder, 'key.pem')} is no private key`, () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(key))
    throw new Fault('CREDENTIALS_INVALID', `key.pem does not belong to cert.pem in ${folder}.`);
  const commonName = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '';
  const kiosk = tell(`the certificate names no kiosk in ${folder}`, () => kioskIdSchema.parse(commonName));
  const notice = tell(`${join(folder, 'site.json')} is not a site's notice`, () =>
    siteNoticeSchema.parse(JSON.parse(read('site.json').toString())),
  );
  const subjectKey = read('subject.key');
  if (subjectKey.byteLength !== subjectKeyBytes) {
    throw new Fault('CREDENTIALS_INVALID', `${join(folder, 'subject.key')} must hold ${subjectKeyBytes} bytes.`);
  }
  const caPem = read('ca.pem').toString();
  const siteKey = await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url'));
  return { kiosk, site: notice.site, caPem, certPem, keyPem, siteKey, subjectKey };
}

/** Does one step and says in one line what failed, when it fails. */
function tell<T>(problem: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Fault('CREDENTIALS_INVALID', `${problem}: ${describeError(error)}.`, { cause: error });
  }
}
