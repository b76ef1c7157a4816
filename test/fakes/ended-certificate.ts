// @peculiar/x509 stands on tsyringe, which throws without it.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A kiosk's certificate, as the authority made it, but for when it ends. */
export async function makeEndingCertificate(
  authority: { readonly certPem: string; readonly keyPem: string },
  kiosk: { readonly id: string; readonly keyPem: string; readonly serial: string },
  notAfter: Date,
): Promise<string> {
  const spki = createPublicKey(kiosk.keyPem).export({ type: 'spki', format: 'der' });
  const pkcs8 = createPrivateKey(authority.keyPem).export({ type: 'pkcs8', format: 'der' });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: kiosk.serial,
    issuer: new x509.X509Certificate(authority.certPem).subjectName,
    subject: [{ CN: [kiosk.id] }],
    notBefore: new Date(Date.UTC(2021, 0, 1)),
    notAfter,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
  });
  return `${certificate.toString('pem').trim()}\n`;
}
