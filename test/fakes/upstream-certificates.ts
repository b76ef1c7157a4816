import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate and its key, PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority for tests of TLS to an upstream. */
export interface TestAuthority {
  readonly ca: string;
  /** A certificate for 127.0.0.1 and localhost, good as a server's and as a client's. */
  certify(options?: { readonly name?: string; readonly expired?: boolean }): Promise<Certified>;
}

const dayMs = 86_400_000;

/** Makes an authority of its own: what it certifies nobody else trusts. */
export async function makeTestAuthority(): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const realNowMs = performance.timeOrigin;
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=Test authority ${crypto.randomUUID()}`,
    notBefore: new Date(realNowMs - 30 * dayMs),
    notAfter: new Date(realNowMs + 30 * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    ca: root.toString('pem'),
    async certify({ name = '127.0.0.1', expired = false } = {}) {
      const own = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const san =
        name === '127.0.0.1' ? ({ type: 'ip', value: name } as const) : ({ type: 'dns', value: name } as const);
      const leaf = await x509.X509CertificateGenerator.create({
        serialNumber: '02',
        issuer: root.subject,
        subject: 'CN=Test upstream',
        notBefore: new Date(realNowMs - 20 * dayMs),
        notAfter: new Date(realNowMs + (expired ? -10 : 10) * dayMs),
        signingAlgorithm: algorithm,
        signingKey: keys.privateKey,
        publicKey: own.publicKey,
        extensions: [new x509.SubjectAlternativeNameExtension([san])],
      });
      const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', own.privateKey));
      const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({
        format: 'pem',
        type: 'pkcs8',
      });
      return { cert: leaf.toString('pem'), key: String(key) };
    },
  };
}
