/** A kiosk's side of a renewal, step by step, for tests that take a step wrongly. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../../gateway/questions.ts';
import { type RenewalAnswer, renewalClaim } from '../../shared/renewal.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A key as a kiosk makes it. */
export function makeKeyPair(namedCurve = 'P-256'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve });
}

/** What a kiosk asks with, and what of it a test wants otherwise. */
export interface Asking {
  /** The folder of the certificate that the kiosk has. */
  readonly folder: string;
  readonly key: KeyPair;
  readonly credentials?: string | null;
  /** In the place of what belongs there. */
  readonly kiosk?: string;
  readonly nonce?: string;
  readonly certPem?: string;
  readonly proofBy?: KeyObject;
  readonly consentBy?: KeyObject;
}

/** Asks the gateway's desk as one kiosk, without a network. */
export class RenewingKiosk {
  readonly #answer: Answer;
  readonly #kiosk: string;

  constructor(answer: Answer, kiosk: string) {
    this.#answer = answer;
    this.#kiosk = kiosk;
  }

  async put(request: unknown): Promise<RenewalAnswer> {
    const text = typeof request === 'string' ? request : JSON.stringify(request);
    const answer = await this.#answer(this.#kiosk, Buffer.from(text));
    return JSON.parse(Buffer.from(answer ?? 'null').toString()) as RenewalAnswer;
  }

  async nonce(): Promise<string> {
    const answer = await this.put({ v: 1, want: 'nonce' });
    return 'nonce' in answer ? String(answer.nonce) : '';
  }

  /** The second question. */
  async request(asking: Asking): Promise<Record<string, unknown>> {
    const { folder, key, kiosk = this.#kiosk, credentials = null } = asking;
    const nonce = asking.nonce ?? (await this.nonce());
    const certificate = new X509Certificate(asking.certPem ?? readFileSync(join(folder, 'cert.pem')));
    const spki = key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
    const claim = renewalClaim({ kiosk, serial: certificate.serialNumber.toLowerCase(), nonce, key: spki });
    const own = createPrivateKey(readFileSync(join(folder, 'key.pem')));
    return {
      ...{ v: 1, want: 'certificate', nonce, key: spki, credentials, cert: certificate.raw.toString('base64url') },
      proof: sign('sha256', claim, asking.proofBy ?? key.privateKey).toString('base64url'),
      consent: sign('sha256', claim, asking.consentBy ?? own).toString('base64url'),
    };
  }

  async ask(asking: Asking): Promise<RenewalAnswer> {
    return this.put(await this.request(asking));
  }
}

/** Whether a certificate is for that key. */
export function isFor(certPem: string, { publicKey }: KeyPair): boolean {
  const der = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
  return der(createPublicKey(certPem)).equals(der(publicKey));
}
