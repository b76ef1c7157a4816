/**
 * Makes the site's certificates: X.509 v3 (RFC 5280), ECDSA on P-256 with SHA-256. The X.509 library takes 150 ms and
 * 20 MB to load, so this file is imported only when a certificate is to be made.
 */
// @peculiar/x509 stands on tsyringe, which throws without it.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import { authorityValidMs, gatewayValidMs, kioskValidMs } from './lifetimes.ts';

/**
 * Every certificate is valid from here on. A Pi has no clock of its own: after a power cut it may believe for hours
 * that it is months ago, and must not then refuse a certificate as not yet valid.
 */
const notBefore = new Date(Date.UTC(2021, 0, 1));

/** When this was written. A clock that says less is wrong, and must not make certificates that have ended already. */
const earliestNowMs = Date.UTC(2026, 10, 1);

/** The longest common name, in characters (RFC 5280 appendix A.1, ub-common-name). */
const commonNameCharactersMax = 64;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** A certificate and the key that belongs to it, in PEM. */
export interface Certified {
  readonly certPem: string;
  readonly keyPem: string;
}

/** What a certificate is for; gateways are servers, kiosks are clients, and neither can pass as the other. */
type Use = { readonly eku: x509.ExtendedKeyUsage; readonly validMs: number };
const gatewayUse: Use = { eku: x509.ExtendedKeyUsage.serverAuth, validMs: gatewayValidMs };
const kioskUse: Use = { eku: x509.ExtendedKeyUsage.clientAuth, validMs: kioskValidMs };

/** Makes the site's own authority, self-signed. `nowMs` is wall-clock time, milliseconds since the Unix epoch. */
export async function makeAuthority(site: string, nowMs: number): Promise<Certified> {
  const keyPem = makeKey();
  const keys = await importKeys(keyPem);
  const name = [...`Ravao ${site}`].slice(0, commonNameCharactersMax).join('');
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Said to be UTF-8, because of a plain string the library would take what stands in quotes for the whole.
    name: new x509.Name([{ CN: [{ utf8String: name }] }]),
    notBefore,
    notAfter: endOf(nowMs, authorityValidMs),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: toPem(certificate), keyPem };
}

/**
 * Makes a gateway's certificate. Its key is given, so that a renewal changes one file only.
 * @param names DNS names and IP addresses, {@link gatewayServerName} among them.
 */
export async function makeGatewayCertificate(
  authority: Certified,
  keyPem: string,
  names: readonly string[],
  nowMs: number,
): Promise<string> {
  const alternatives = names.map(
    (name): x509.JsonGeneralName => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }),
  );
  return issue(authority, keyPem, gatewayServerName, gatewayUse, nowMs, [
    new x509.SubjectAlternativeNameExtension(alternatives),
  ]);
}

/** Makes a kiosk's key and certificate; the common name is its id. */
export async function makeKioskCertificate(authority: Certified, kiosk: string, nowMs: number): Promise<Certified> {
  const keyPem = makeKey();
  return { certPem: await issue(authority, keyPem, kiosk, kioskUse, nowMs, []), keyPem };
}

/** Makes a certificate for a key that a kiosk made itself. @param publicKey P-256, SubjectPublicKeyInfo in DER. */
export async function certifyKiosk(
  authority: Certified,
  kiosk: string,
  publicKey: Uint8Array<ArrayBuffer>,
  nowMs: number,
): Promise<string> {
  return issueFor(authority, await importPublicKey(publicKey), kiosk, kioskUse, nowMs, []);
}

/** Makes a P-256 private key, PKCS #8 in PEM. */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function issue(
  authority: Certified,
  keyPem: string,
  commonName: string,
  use: Use,
  nowMs: number,
  extensions: readonly x509.Extension[],
): Promise<string> {
  const { publicKey } = await importKeys(keyPem);
  return issueFor(authority, publicKey, commonName, use, nowMs, extensions);
}

async function issueFor(
  authority: Certified,
  publicKey: webcrypto.CryptoKey,
  commonName: string,
  use: Use,
  nowMs: number,
  extensions: readonly x509.Extension[],
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certPem);
  const { privateKey: signingKey } = await importKeys(authority.keyPem);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: issuer.subjectName,
    subject: [{ CN: [commonName] }],
    notBefore,
    // A certificate that outlives its authority would only look valid.
    notAfter: new Date(Math.min(endOf(nowMs, use.validMs).getTime(), issuer.notAfter.getTime())),
    signingAlgorithm,
    publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([use.eku]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...extensions,
    ],
  });
  return toPem(certificate);
}

function endOf(nowMs: number, validMs: number): Date {
  return new Date(Math.max(nowMs, earliestNowMs) + validMs);
}

/** 16 random bytes as hexadecimal, positive and not zero (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function importKeys(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const publicKey = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  const privateKey = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  return {
    publicKey: await importPublicKey(Uint8Array.from(publicKey)),
    privateKey: await webcrypto.subtle.importKey('pkcs8', privateKey, algorithm, false, ['sign']),
  };
}

function importPublicKey(spki: Uint8Array<ArrayBuffer>): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
}

function toPem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}
