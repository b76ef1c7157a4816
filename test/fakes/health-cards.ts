/** Made-up SMART Health Cards. Their signatures are noise: no kiosk has the keys to check them. */
import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';

/** What a card says of its holder. */
export interface HealthCardContent {
  readonly name?: readonly object[];
  readonly birthDate?: string;
  /** Seconds since the Unix epoch. */
  readonly exp?: number;
}

/** A card as its code says it. */
export function makeHealthCard({ exp, ...patient }: HealthCardContent): string {
  const entry = [
    { fullUrl: 'resource:0', resource: { resourceType: 'Patient', ...patient } },
    { fullUrl: 'resource:1', resource: { resourceType: 'Immunization', status: 'completed' } },
  ];
  const fhirBundle = { resourceType: 'Bundle', type: 'collection', entry };
  const vc = {
    type: ['https://smarthealth.cards#health-card'],
    credentialSubject: { fhirVersion: '4.0.1', fhirBundle },
  };
  return packHealthCard({
    iss: 'https://issuer.example',
    nbf: 1_633_046_400,
    ...(exp === undefined ? {} : { exp }),
    vc,
  });
}

/** Any payload packed as a card's is. */
export function packHealthCard(payload: unknown): string {
  const part = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const header = part(Buffer.from(JSON.stringify({ zip: 'DEF', alg: 'ES256', kid: 'made-up' })));
  const body = part(deflateRawSync(JSON.stringify(payload)));
  return spell(`${header}.${body}.${part(createHash('sha512').update(body).digest())}`);
}

/** A JSON Web Signature as digits. */
export function spell(signed: string): string {
  const digits = Array.from(signed, (character) => String(character.charCodeAt(0) - 45).padStart(2, '0'));
  return `shc:/${digits.join('')}`;
}

/** The JSON Web Signature that a card's digits spell. */
export function unspell(text: string): string {
  return text.slice('shc:/'.length).replace(/\d\d/g, (pair) => String.fromCharCode(Number(pair) + 45));
}
