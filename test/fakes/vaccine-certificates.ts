/** Made-up vaccine certificates with real signatures, by signers that exist for a test only. */
import 'reflect-metadata';
import { constants, createHash, KeyObject, sign, webcrypto } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import * as x509 from '@peculiar/x509';
import { encode as encodeBase45 } from 'base45';
import { encode, Tagged } from 'cborg';

const algorithms = {
  es256: {
    keys: { name: 'ECDSA', namedCurve: 'P-256' },
    signing: { name: 'ECDSA', hash: 'SHA-256' },
    cose: -7,
    sign: (key: KeyObject, bytes: Uint8Array) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }),
  },
  ps256: {
    keys: {
      name: 'RSASSA-PKCS1-v1_5',
      hash: 'SHA-256',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    signing: { name: 'RSASSA-PKCS1-v1_5' },
    cose: -37,
    sign: (key: KeyObject, bytes: Uint8Array) =>
      sign('sha256', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  },
  /** Not one that certificates are signed with. */
  es384: {
    keys: { name: 'ECDSA', namedCurve: 'P-384' },
    signing: { name: 'ECDSA', hash: 'SHA-384' },
    cose: -35,
    sign: (key: KeyObject, bytes: Uint8Array) => sign('sha384', bytes, { key, dsaEncoding: 'ieee-p1363' }),
  },
} as const;

export type SignerAlgorithm = keyof typeof algorithms;

/** Somebody who signs certificates. */
export interface CertificateSigner {
  readonly algorithm: SignerAlgorithm;
  readonly certPem: string;
  /** Eight bytes. */
  readonly keyId: Uint8Array;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Makes a signer with a self-signed certificate. */
export async function makeSigner(algorithm: SignerAlgorithm): Promise<CertificateSigner> {
  const { keys: keyAlgorithm, signing } = algorithms[algorithm];
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  x509.cryptoProvider.set(webcrypto as never);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=Made-up signer ${algorithm}`,
    notBefore: new Date(Date.UTC(2021, 0, 1)),
    notAfter: new Date(Date.UTC(2099, 0, 1)),
    signingAlgorithm: signing,
    keys: keys as never,
  });
  return {
    algorithm,
    certPem: `${certificate.toString('pem')}\n`,
    keyId: createHash('sha256').update(new Uint8Array(certificate.rawData)).digest().subarray(0, 8),
    privateKey: KeyObject.from(keys.privateKey),
    publicKey: KeyObject.from(keys.publicKey),
  };
}

/** The signers as a kiosk knows them. */
export function knownSigners(...signers: readonly CertificateSigner[]): ReadonlyMap<string, KeyObject> {
  return new Map(signers.map(({ keyId, publicKey }) => [Buffer.from(keyId).toString('base64'), publicKey]));
}

/** What a certificate says; the parts of the European schema that matter here. */
export interface CertificateContent {
  readonly nam?: { readonly fn?: string; readonly gn?: string; readonly fnt?: string; readonly gnt?: string };
  readonly dob?: string;
  /** The certificate's number. */
  readonly ci?: string;
  /** Seconds since the Unix epoch. */
  readonly exp?: number;
}

/** Odd ways to write one. */
export interface CertificateForm {
  /** The signature is another's, though the key id is the signer's. */
  readonly signedBy?: CertificateSigner;
  /** Where algorithm and key id stand. */
  readonly header?: 'protected' | 'unprotected';
  /** 18: COSE_Sign1; 61: a CWT around it; null: bare. */
  readonly tag?: 18 | 61 | null;
  /** Put in the certificate's place. */
  readonly health?: unknown;
}

/** The content as the claims of a CBOR Web Token. */
export function makeClaims({ ci, exp, ...who }: CertificateContent, health?: unknown): Map<number, unknown> {
  const dose = { tg: '840539006', vp: '1119305005', dn: 2, sd: 2, dt: '2021-10-01', co: 'VN', is: 'Bộ Y tế' };
  const certificate = health ?? {
    ver: '1.3.0',
    ...who,
    v: [{ ...dose, ...(ci === undefined ? {} : { ci }) }],
  };
  const claims = new Map<number, unknown>([
    [1, 'VN'],
    [6, 1_633_046_400],
  ]);
  if (exp !== undefined) claims.set(4, exp);
  return claims.set(-260, new Map([[1, certificate]]));
}

/** A certificate as its code says it: signed, packed, `HC1:` before it. */
export function makeCertificate(
  signer: CertificateSigner,
  content: CertificateContent,
  { signedBy = signer, header = 'protected', tag = 18, health }: CertificateForm = {},
): string {
  const fields = new Map<number, unknown>([
    [1, algorithms[signer.algorithm].cose],
    [4, signer.keyId],
  ]);
  const protectedBytes = header === 'protected' ? encode(fields) : new Uint8Array();
  const payload = encode(makeClaims(content, health));
  const signed = encode(['Signature1', protectedBytes, new Uint8Array(), payload]);
  const signature = algorithms[signedBy.algorithm].sign(signedBy.privateKey, signed);
  const envelope = [protectedBytes, header === 'protected' ? new Map() : fields, payload, new Uint8Array(signature)];
  const sealed = new Tagged(18, envelope);
  return packCertificate(encode(tag === null ? envelope : tag === 61 ? new Tagged(61, sealed) : sealed));
}

/** Bytes packed as a certificate's are. */
export function packCertificate(bytes: Uint8Array): string {
  return `HC1:${encodeBase45(deflateSync(bytes))}`;
}
