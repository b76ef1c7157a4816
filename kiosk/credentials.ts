import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { siteNoticeSchema } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import { importSiteKey, type SiteKey } from '../shared/identity.ts';
import type { Log } from '../shared/ports.ts';
import { isErrno } from '../shared/system-error.ts';
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
  /** The site's keys of the pseudonyms before that one, newest first: lists of people may have been made with them. */
  readonly formerSubjectKeys: readonly Uint8Array[];
  /** When the certificate ends, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
  /** What the site's notice said of these credentials when they were given; null where it said nothing. */
  readonly version: string | null;
}

/** The file that says which renewed set counts, and that set's folder beside it. See `enrol/renewed-set.ts`. */
export const renewedFileName = 'renewed.json';
export const renewedFolderPattern = /^renewed-[0-9a-f]{1,40}$/;

const renewedFileSchema = z.looseObject({
  v: z.literal(1),
  folder: z.string().regex(renewedFolderPattern),
  /** The SHA-256 of the `cert.pem` that was renewed, hexadecimal. */
  after: z.string(),
});
export type RenewedFile = z.infer<typeof renewedFileSchema>;

/** The keys of the pseudonyms that the site had before, back to back, newest first; only where it changed that key. */
export const formerKeysFileName = 'former-subject.keys';

/** The subject key's length in bytes. */
const subjectKeyBytes = 32;

/**
 * Reads the folder that `enrol` wrote, or the set in it that a renewal brought, and checks that its parts fit together. A
 * renewed set that is damaged is logged, and the first one serves.
 * Throws the Fault CREDENTIALS_INVALID, which names the file and what is wrong with it.
 */
export async function readCredentials(folder: string, log?: Log): Promise<Credentials> {
  try {
    const renewed = renewedSetOf(folder);
    if (renewed !== null) return await readSet(join(folder, renewed));
  } catch (error) {
    log?.error('renewal.damaged', { error: describeError(error) });
  }
  return readSet(folder);
}

/** The SHA-256 of a folder's `cert.pem`, by which it is seen that `enrol` has written there anew. Throws what the system says. */
export function certificateHash(folder: string): string {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'cert.pem')))
    .digest('hex');
}

/** Null where nothing was renewed, or where the folder was given to the kiosk anew since. */
function renewedSetOf(folder: string): string | null {
  let text: string;
  try {
    text = readFileSync(join(folder, renewedFileName), 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
  const file = renewedFileSchema.parse(JSON.parse(text));
  return file.after === certificateHash(folder) ? file.folder : null;
}

/** Reads one set. Throws the Fault CREDENTIALS_INVALID. */
export async function readSet(folder: string): Promise<Credentials> {
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
  const formerSubjectKeys = readFormerKeys(join(folder, formerKeysFileName));
  const caPem = read('ca.pem').toString();
  const siteKey = await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url'));
  const untilMs = certificate.validToDate.getTime();
  const version = notice.credentials ?? null;
  const keys = { siteKey, subjectKey, formerSubjectKeys };
  return { kiosk, site: notice.site, caPem, certPem, keyPem, ...keys, untilMs, version };
}

/** None where there is no such file: the site never changed that key. */
function readFormerKeys(path: string): readonly Uint8Array[] {
  const bytes = tell(`${path} cannot be read`, () => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0)));
  if (bytes.byteLength % subjectKeyBytes !== 0) {
    throw new Fault('CREDENTIALS_INVALID', `${path} must hold ${subjectKeyBytes} bytes for each key.`);
  }
  return Array.from({ length: bytes.byteLength / subjectKeyBytes }, (_, index) =>
    bytes.subarray(index * subjectKeyBytes, (index + 1) * subjectKeyBytes),
  );
}

/** Does one step and says in one line what failed, when it fails. */
function tell<T>(problem: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Fault('CREDENTIALS_INVALID', `${problem}: ${describeError(error)}.`, { cause: error });
  }
}
