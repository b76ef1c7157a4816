/** What a new kiosk asks the gateway for, and what it is given: one HTTP request over TLS 1.3, version 1. */
import { z } from 'zod';
import { base64Url, siteNoticeSchema } from './entry.ts';
import { gateNameSchema } from './invitation.ts';
import { kioskIdSchema } from './topics.ts';

/** Where it is asked, by POST. */
export const enrolmentPath = '/v1/enrol';

/** A request, and an answer, is at most this long, in bytes. */
export const requestBytesMax = 2_048;
export const answerBytesMax = 32_768;

/**
 * What a kiosk signs with its new key (ECDSA, SHA-256, DER) to prove that it has it: 32 bytes that only the two ends of
 * this very connection know (RFC 8446 §7.5), so a proof is good for no other. The label is that of the exporter.
 */
export const proofLabel = 'EXPORTER-ravao-enrol-v1';
export const proofBytes = 32;

export const enrolmentRequestSchema = z.object({
  v: z.literal(1),
  /** The invitation's secret. */
  secret: base64Url.max(64),
  /** The kiosk's public key: P-256, SubjectPublicKeyInfo in DER. */
  key: base64Url.max(256),
  proof: base64Url.max(128),
});
export type EnrolmentRequest = z.infer<typeof enrolmentRequestSchema>;

/** The keys of the pseudonyms before that one, newest first: what a site knows people by may have been made with them. */
export const formerSubjectKeysSchema = z.array(base64Url.length(43)).max(32).optional();

/** What makes a kiosk one of the site's, and how its gate is set up. */
export const enrolmentAnswerSchema = z.object({
  v: z.literal(1),
  kiosk: kioskIdSchema,
  gate: gateNameSchema,
  direction: z.enum(['in', 'out', 'toggle']),
  /** The port for entries, on the host that was asked. */
  mqttPort: z.int().min(1).max(65_535),
  /** The site's authority and the kiosk's certificate, in PEM. */
  ca: z.string().max(4_096),
  cert: z.string().max(4_096),
  site: siteNoticeSchema,
  /** The key of the pseudonyms, 32 bytes. */
  subjectKey: base64Url.length(43),
  formerSubjectKeys: formerSubjectKeysSchema,
});
export type EnrolmentAnswer = z.infer<typeof enrolmentAnswerSchema>;

/** Why an invitation is not taken: `unknown` here, ended, used by another kiosk; or the request was none. */
export const enrolmentRefusals = ['unknown', 'expired', 'used', 'malformed'] as const;
export type EnrolmentRefusal = (typeof enrolmentRefusals)[number];

export const enrolmentRefusalSchema = z.object({ v: z.literal(1), refused: z.enum(enrolmentRefusals) });

/** How a gate is set up that was enrolled by an invitation: `kiosk.json` beside its credentials. */
export const enrolledGateSchema = z.looseObject({
  v: z.literal(1),
  gate: gateNameSchema,
  direction: z.enum(['in', 'out', 'toggle']),
  gateway: z.object({ host: z.string().min(1).max(255), port: z.int().min(1).max(65_535) }),
  /** The port on that host at which it was enrolled. */
  enrolPort: z.int().min(1).max(65_535),
});
export type EnrolledGate = z.infer<typeof enrolledGateSchema>;
