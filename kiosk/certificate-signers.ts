/** Whose signatures on vaccine certificates count at this gate. */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingParser } from '../shared/environment.ts';
import { describeError } from '../shared/fault.ts';

/** Public keys by key id: standard base64 of the first 8 bytes of SHA-256 over the certificate's DER. */
export type CertificateSigners = ReadonlyMap<string, KeyObject>;

const keyIdBytes = 8;

/**
 * Reads the setting `RAVAO_CERTIFICATE_SIGNERS`: a PEM file of X.509 certificates, or a folder of such files (`.pem`,
 * `.crt`, `.cer`). Their validity is not looked at: a certificate outlives the one that signed it.
 */
export const readCertificateSigners: SettingParser<CertificateSigners> = (path) => {
  try {
    const signers = new Map(listFiles(path).flatMap(readBundle));
    return signers.size === 0 ? { problem: `names ${path}, which holds no certificate` } : { value: signers };
  } catch (error) {
    return { problem: `names ${path}, which cannot be used: ${describeError(error)}` };
  }
};

function listFiles(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /\.(?:pem|crt|cer)$/i.test(name))
    .map((name) => join(path, name));
}

function readBundle(path: string): readonly (readonly [string, KeyObject])[] {
  const bundle = readFileSync(path, 'latin1');
  const pems = bundle.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  return pems.map((pem, index) => {
    try {
      return readSigner(pem);
    } catch (error) {
      throw new Error(`certificate ${index + 1} of ${path}`, { cause: error });
    }
  });
}

function readSigner(pem: string): readonly [string, KeyObject] {
  const { raw, publicKey } = new X509Certificate(pem);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  if (type !== 'rsa' && details?.namedCurve !== 'prime256v1') {
    throw new Error(`its key is ${details?.namedCurve ?? type}, and certificates are signed with P-256 or RSA`);
  }
  return [createHash('sha256').update(raw).digest().subarray(0, keyIdBytes).toString('base64'), publicKey];
}
