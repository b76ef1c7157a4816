/**
 * SMART Health Cards: `shc:/`, then two digits for each character of a JSON Web Signature whose payload is packed with
 * DEFLATE (SMART Health Cards Framework 1.4, "Health cards are encoded as compact serialization JSON Web Signatures").
 *
 * Their keys are on the issuers' web pages, which a gate cannot ask, so none is ever "verified". They hold no number of a
 * person, so the card itself identifies, by a digest of all of it.
 */

import { inflate } from './bounded-inflate.ts';
import { type Code, type Format, refuse, type UnknownCode } from './code.ts';
import { understandHealthDocument } from './health-document.ts';
import type { Known } from './known.ts';
import { tidyText } from './name.ts';
import { pick, pickList, pickText } from './nested.ts';
import { digestOf } from './signature.ts';

/** The SMART Health Card's format. */
export const smartHealthCard: Format = { kind: 'smart-health-card', read };

/** Two digits are a character's code less this. */
const characterOffset = 45;

function read(text: string, known: Known): Code | UnknownCode | null {
  const [, part, digits = ''] = /^shc:\/(\d+\/\d+\/)?(.*)$/is.exec(text.trim()) ?? [];
  if (!/^shc:\//i.test(text.trim())) return null;
  if (part !== undefined) return refuse('health-card-in-parts');
  if (!/^(?:\d\d)+$/.test(digits)) return refuse('health-card-malformed');
  const signed = digits.replace(/\d\d/g, (pair) => String.fromCharCode(Number(pair) + characterOffset));
  const payload = readPayload(signed);
  const patient = findPatient(payload);
  return patient === undefined ? refuse('health-card-malformed') : understand(patient, payload, signed, known);
}

/** The middle part of the JSON Web Signature, unpacked; undefined where it is none. */
function readPayload(signed: string): unknown {
  const [, packed = '', signature] = signed.split('.');
  const bytes = signature === undefined ? null : inflate(Buffer.from(packed, 'base64url'), 'deflate');
  if (bytes === null) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function findPatient(payload: unknown): unknown {
  return pickList(payload, 'vc', 'credentialSubject', 'fhirBundle', 'entry')
    .map((entry) => pick(entry, 'resource'))
    .find((resource) => pickText(resource, 'resourceType') === 'Patient');
}

function understand(patient: unknown, payload: unknown, signed: string, known: Known): Code {
  const document = {
    kind: smartHealthCard.kind,
    verified: false,
    number: `sha256:${digestOf(signed)}`,
    printed: '',
    name: readName(patient),
    birthDate: pickText(patient, 'birthDate'),
    expiry: pick(payload, 'exp'),
  };
  return understandHealthDocument(document, known);
}

/** FHIR's HumanName: as a text, or its family name, then its given names. */
function readName(patient: unknown): string {
  const name = pick(patient, 'name', 0);
  const whole = tidyText(pickText(name, 'text'));
  if (whole !== '') return whole;
  const given = pickList(name, 'given').filter((part) => typeof part === 'string');
  return tidyText([pickText(name, 'family'), ...given].join(' '));
}
