/**
 * What an enrolled kiosk asks its gateway for before its certificate ends, or when the site's keys have changed: the
 * question `renew`, version 1. First it fetches a nonce, then it asks for a certificate of a new key that never leaves it.
 */
import { z } from 'zod';
import { formerSubjectKeysSchema } from './enrolment.ts';
import { base64Url, siteNoticeSchema } from './entry.ts';
import { kioskIdSchema } from './topics.ts';

/** The question's name. */
export const renewQuestion = 'renew';

const dayMs = 86_400_000;

/**
 * A kiosk asks when so much of its certificate's life is left, or less, in milliseconds. It is half of a new one's life, so
 * a kiosk that was in service lately may lie in a cupboard for a year.
 */
export const renewWithinMs = 365 * dayMs;

/** With so much left, or less, people are told, in milliseconds: renewal has failed for most of a year by then. */
export const endsSoonMs = 60 * dayMs;

/** The length of a nonce in bytes. */
export const nonceBytes = 32;

export const renewalRequestSchema = z.discriminatedUnion('want', [
  z.looseObject({ v: z.literal(1), want: z.literal('nonce') }),
  z.looseObject({
    v: z.literal(1),
    want: z.literal('certificate'),
    nonce: base64Url.max(64),
    /** The certificate that the kiosk has now, DER. */
    cert: base64Url.max(3_000),
    /** The new key: P-256, SubjectPublicKeyInfo in DER. */
    key: base64Url.max(256),
    /** What the kiosk's own notice of the site says of its credentials. */
    credentials: z.string().max(64).nullable(),
    /** `renewalClaim` signed with the new key, and with the one that the kiosk has now: ECDSA, SHA-256, DER. */
    proof: base64Url.max(128),
    consent: base64Url.max(128),
  }),
]);
export type RenewalRequest = z.infer<typeof renewalRequestSchema>;

/** Why no certificate is given: see `gateway/enrol/renewal-answers.ts`. */
export const renewalRefusals = ['malformed', 'stale', 'unknown', 'revoked', 'ended', 'not-due', 'too-soon'] as const;
export type RenewalRefusal = (typeof renewalRefusals)[number];

/** The same as an enrolment gives, but for the gate's settings. */
const renewedSchema = z.looseObject({
  v: z.literal(1),
  kiosk: kioskIdSchema,
  /** The authorities that the kiosk is to believe, and its certificate, in PEM. */
  ca: z.string().max(16_384),
  cert: z.string().max(4_096),
  site: siteNoticeSchema,
  /** The key of the pseudonyms, 32 bytes. */
  subjectKey: base64Url.length(43),
  formerSubjectKeys: formerSubjectKeysSchema,
});
export type Renewed = z.infer<typeof renewedSchema>;

export const renewalAnswerSchema = z.union([
  z.looseObject({ v: z.literal(1), refused: z.enum(renewalRefusals) }),
  z.looseObject({ v: z.literal(1), nonce: base64Url.max(64) }),
  renewedSchema,
]);
export type RenewalAnswer = z.infer<typeof renewalAnswerSchema>;

/**
 * What both keys sign. It names the kiosk, the certificate that it has, the new key and a nonce which the gateway gave to
 * this kiosk and takes once, so a signature is good for one certificate and no other.
 * @param serial of the certificate, hexadecimal in lower case. @param nonce @param key both as they stand in the request.
 */
export function renewalClaim(claim: {
  readonly kiosk: string;
  readonly serial: string;
  readonly nonce: string;
  readonly key: string;
}): Uint8Array {
  const { kiosk, serial, nonce, key } = claim;
  return new TextEncoder().encode(JSON.stringify(['ravao-renew-v1', kiosk, serial, nonce, key]));
}
