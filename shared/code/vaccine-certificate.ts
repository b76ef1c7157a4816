/**
 * Vaccine certificates in the form of the EU's, which Viet Nam's vaccine passport shares: `HC1:`, then base45 of zlib of
 * COSE_Sign1 of a CBOR Web Token (Electronic Health Certificate Specification, versions 1.0.5 and 1.3).
 *
 * Its signer is looked up by the envelope's key id: a good signature is "verified", an unknown signer is a warning, a
 * bad signature of a known signer is refused. No citizen's number is in it: what identifies is the certificate's own.
 */

import { decodeBase45 } from './base45.ts';
import { inflate } from './bounded-inflate.ts';
import { type Code, type Format, refuse, type UnknownCode } from './code.ts';
import { type Envelope, openEnvelope } from './cose-sign1.ts';
import { understandHealthDocument } from './health-document.ts';
import type { Known } from './known.ts';
import { tidyText } from './name.ts';
import { pick, pickList, pickText } from './nested.ts';
import { digestOf } from './signature.ts';

/** The vaccine certificate's format. */
export const vaccineCertificate: Format = { kind: 'vaccine-certificate', read };

const prefix = 'HC1:';

/** CBOR Web Token claims (RFC 8392 §3.1), and where the health certificate stands among them. */
const claim = { expiry: 4, health: -260, version1: 1 } as const;

/** A certificate's number is at most 80 characters in the EU's schema. */
const numberCharsMax = 80;

function read(text: string, known: Known): Code | UnknownCode | null {
  if (!text.startsWith(prefix)) return null;
  // Base45 holds spaces but cannot end in one, so what stands behind is not part of it.
  const packed = decodeBase45(text.slice(prefix.length).trimEnd());
  const unpacked = packed === null ? null : inflate(packed, 'zlib');
  const envelope = unpacked === null ? null : openEnvelope(unpacked, known);
  if (envelope === null) return refuse('certificate-malformed');
  const certificate = pick(envelope.payload, claim.health, claim.version1);
  if (!(pick(certificate, 'nam') instanceof Map)) return refuse('certificate-malformed');
  if (envelope.signature === 'bad') return refuse('certificate-forged');
  return understand(certificate, envelope, known);
}

function understand(certificate: unknown, envelope: Envelope, known: Known): Code {
  const printed = readNumber(certificate);
  const document = {
    kind: vaccineCertificate.kind,
    verified: envelope.signature === 'good',
    number: printed === '' ? `sha256:${digestOf(envelope.payloadBytes)}` : `uvci:${printed}`,
    printed,
    name: readName(certificate),
    birthDate: pickText(certificate, 'dob'),
    expiry: pick(envelope.payload, claim.expiry),
  };
  return understandHealthDocument(document, known);
}

/** The number of the first vaccination, test or recovery that has one: a certificate is for one of them. */
function readNumber(certificate: unknown): string {
  const numbers = ['v', 't', 'r']
    .flatMap((group) => pickList(certificate, group))
    .map((event) => tidyText(pickText(event, 'ci')));
  return numbers.find((number) => number !== '' && number.length <= numberCharsMax) ?? '';
}

/** Family name, then given names, as it is said in Viet Nam; the passport's spelling where there is no other. */
function readName(certificate: unknown): string {
  const part = (name: string, latin: string) => {
    const written = tidyText(pickText(certificate, 'nam', name));
    return written === '' ? tidyText(pickText(certificate, 'nam', latin).replaceAll('<', ' ')) : written;
  };
  return `${part('fn', 'fnt')} ${part('gn', 'gnt')}`.trim();
}
