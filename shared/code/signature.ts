/** Node's arithmetic for signatures and digests, for the formats that need it. */
import { constants, createHash, type KeyObject, verify } from 'node:crypto';

/** The signature algorithms of certificates, as COSE numbers them (RFC 9053 §2.1, RFC 8230 §2). */
export const signatureAlgorithms = { es256: -7, ps256: -37 } as const;

/** Whether `signature` is the key's over `signed`. False also where algorithm and key do not go together. Never throws. */
export function isSignedBy(key: KeyObject, algorithm: unknown, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    if (algorithm === signatureAlgorithms.es256 && key.asymmetricKeyType === 'ec') {
      return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
    }
    if (algorithm === signatureAlgorithms.ps256 && key.asymmetricKeyType === 'rsa') {
      return verify('sha256', signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    }
  } catch {
    // Node says by an exception what it cannot even begin to verify.
  }
  return false;
}

/** SHA-256, base64url: tells one text from another where there is no number to do it. */
export function digestOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('base64url');
}
