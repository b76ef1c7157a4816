/** Gives enrolled kiosks new certificates for keys that they made themselves: the question `renew`. */
import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import type { SiteNotice } from '../../shared/entry.ts';
import type { Chance, Clock, Log } from '../../shared/ports.ts';
import {
  nonceBytes,
  type RenewalAnswer,
  type RenewalRefusal,
  type RenewalRequest,
  renewalClaim,
  renewalRequestSchema,
  renewWithinMs,
} from '../../shared/renewal.ts';
import type { Audit } from '../audit/audit.ts';
import type { Answer } from '../questions.ts';
import { SparseLog } from '../sparse-log.ts';
import type { Trust } from '../trust/authority.ts';
import { type Grant, sayKeys } from '../trust/grant.ts';

/** How long a nonce may be used, in milliseconds; once. */
export const nonceValidMs = 60_000;

/** A kiosk is given a certificate for another key at most this often, in milliseconds: each is a line that stays. */
export const certificateEveryMs = 10 * 60_000;

/** The same refusal of the same kiosk is logged this often, in milliseconds. */
const repeatLogMs = 60_000;

export interface RenewalOptions {
  readonly trust: Pick<Trust, 'caPem' | 'certify' | 'enrolled' | 'revoked' | 'revoke'>;
  /** What belongs to a certificate: the authorities that issued kiosks' certificates, the notice, the key of the pseudonyms. */
  readonly grant: (certPem: string) => Grant;
  /** What the site announces. */
  readonly notice: () => SiteNotice;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

/** Answers the question `renew`. */
export function answerRenewals(options: RenewalOptions): Answer {
  const desk = new RenewalDesk(options);
  return async (kiosk, payload) => Buffer.from(JSON.stringify(await desk.answer(kiosk, payload)));
}

/** What a kiosk was given last. */
interface Given {
  readonly key: string;
  readonly certPem: string;
  readonly givenMs: number;
  /** What the site announced then. */
  readonly announced: string | undefined;
}

type Wanted = Extract<RenewalRequest, { want: 'certificate' }>;

/** What the kiosk has shown: the certificate that it has, and that it holds both keys. */
interface Claim {
  readonly certificate: X509Certificate;
  readonly serial: string;
  readonly publicKey: Buffer;
}

class RenewalDesk {
  readonly #options: RenewalOptions;
  readonly #sparse: SparseLog;
  /** One for each kiosk at most, both. */
  readonly #nonces = new Map<string, { readonly nonce: string; readonly givenMs: number }>();
  readonly #given = new Map<string, Given>();

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#sparse = new SparseLog(options.clock, options.log, repeatLogMs);
  }

  async answer(kiosk: string, payload: Uint8Array): Promise<RenewalAnswer> {
    const request = readRequest(payload);
    if (request?.want === 'nonce') return { v: 1, nonce: this.#makeNonce(kiosk) };
    const outcome = request === null ? 'malformed' : await this.#renew(kiosk, request);
    if (typeof outcome !== 'string') return outcome;
    this.#sparse.write('warn', 'renewal.refused', `${kiosk} ${outcome}`, { kiosk, reason: outcome });
    return { v: 1, refused: outcome };
  }

  #makeNonce(kiosk: string): string {
    const { chance, clock } = this.#options;
    const nonce = Buffer.from(chance.bytes(nonceBytes)).toString('base64url');
    this.#nonces.set(kiosk, { nonce, givenMs: clock.monotonicMs() });
    return nonce;
  }

  async #renew(kiosk: string, wanted: Wanted): Promise<RenewalAnswer | RenewalRefusal> {
    if (!this.#takeNonce(kiosk, wanted.nonce)) return 'stale';
    const claim = readClaim(kiosk, wanted);
    if (claim === null) return 'malformed';
    const refusal = (await this.#whyNot(kiosk, claim)) ?? this.#whyNotNow(kiosk, claim, wanted);
    if (refusal !== null) return refusal;
    const given = this.#given.get(kiosk);
    const certPem = given?.key === wanted.key ? given.certPem : await this.#certify(kiosk, claim, wanted.key);
    if (certPem === null) return 'revoked';
    const grant = this.#options.grant(certPem);
    return { v: 1, kiosk, ca: grant.caPem, cert: certPem, site: grant.notice, ...sayKeys(grant) };
  }

  #takeNonce(kiosk: string, nonce: string): boolean {
    const given = this.#nonces.get(kiosk);
    this.#nonces.delete(kiosk);
    return given?.nonce === nonce && this.#options.clock.monotonicMs() - given.givenMs <= nonceValidMs;
  }

  /** Why this certificate earns no other, or null. */
  async #whyNot(kiosk: string, { certificate, serial }: Claim): Promise<RenewalRefusal | null> {
    const { trust, clock } = this.#options;
    const authorities = splitPem(trust.caPem);
    const isOurs = authorities.some((pem) => certificate.verify(new X509Certificate(pem).publicKey));
    const isKnown = (await trust.enrolled()).some((one) => one.kiosk === kiosk && one.serial === serial);
    if (!isOurs || !isKnown) return 'unknown';
    if (await this.#isRevoked(serial)) return 'revoked';
    return clock.nowMs() > certificate.validToDate.getTime() ? 'ended' : null;
  }

  /** A kiosk whose clock is wrong may ask too early; one gone wild, again and again. */
  #whyNotNow(kiosk: string, { certificate }: Claim, { key, credentials }: Wanted): RenewalRefusal | null {
    const { clock, notice } = this.#options;
    const given = this.#given.get(kiosk);
    if (given?.key === key) return null;
    const isEnding = certificate.validToDate.getTime() - clock.nowMs() <= renewWithinMs;
    const announced = notice().credentials ?? null;
    if (!isEnding && (announced === null || announced === credentials)) return 'not-due';
    // Keys that were changed since are no reason to wait.
    const isSame = given !== undefined && given.announced === notice().credentials;
    const isTooSoon = isSame && clock.monotonicMs() - given.givenMs < certificateEveryMs;
    return isTooSoon ? 'too-soon' : null;
  }

  /** Null where the kiosk was revoked meanwhile. No certificate is made that the audit does not tell of. */
  async #certify(kiosk: string, { serial, publicKey }: Claim, key: string): Promise<string | null> {
    const { trust, notice, audit, clock, log } = this.#options;
    await audit.record({ action: 'kiosk.renewed', what: { kiosk, after: serial } });
    const { certPem, enrolled } = await trust.certify(kiosk, publicKey);
    // Another process may have looked which certificates there are to revoke before this one was recorded.
    if (await this.#isRevoked(serial)) {
      await trust.revoke(kiosk);
      return null;
    }
    this.#given.set(kiosk, { key, certPem, givenMs: clock.monotonicMs(), announced: notice().credentials });
    log.info('renewal.given', { kiosk, serial: enrolled.serial, notAfter: enrolled.notAfter });
    return certPem;
  }

  async #isRevoked(serial: string): Promise<boolean> {
    return (await this.#options.trust.revoked()).some((one) => one.serial === serial);
  }
}

function readRequest(payload: Uint8Array): RenewalRequest | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    return renewalRequestSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** Null where the certificate is another's or none, or where a key or a signature is not what it must be. */
function readClaim(kiosk: string, { cert, key, nonce, proof, consent }: Wanted): Claim | null {
  try {
    const certificate = new X509Certificate(Buffer.from(cert, 'base64url'));
    if (certificate.subject !== `CN=${kiosk}`) return null;
    const der = Buffer.from(key, 'base64url');
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return null;
    const serial = certificate.serialNumber.toLowerCase();
    const claim = renewalClaim({ kiosk, serial, nonce, key });
    const signed = (by: KeyObject, signature: string) =>
      verify('sha256', claim, by, Buffer.from(signature, 'base64url'));
    const isProved = signed(publicKey, proof) && signed(certificate.publicKey, consent);
    return isProved ? { certificate, serial, publicKey: publicKey.export({ type: 'spki', format: 'der' }) } : null;
  } catch {
    return null;
  }
}

function splitPem(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
