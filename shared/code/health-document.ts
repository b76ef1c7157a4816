/** What vaccine certificates and SMART Health Cards have in common: whose they are, until when, and what is odd about it. */
import type { Code, Warning } from './code.ts';
import { checkValidity, dayOfSeconds, readIsoYear } from './dates.ts';
import type { Known } from './known.ts';
import { cutName } from './name.ts';

/** A health document's own words, where they stand in its format. */
export interface HealthDocument {
  /** Its format's name. */
  readonly kind: string;
  /** Whether its signature is a known signer's. */
  readonly verified: boolean;
  /** The {@link Code.number} of it. */
  readonly number: string;
  /** The number that is printed on it; empty where it has none. */
  readonly printed: string;
  /** Tidy, and as long as it is. */
  readonly name: string;
  /** `yyyy`, `yyyy-MM` or `yyyy-MM-dd`. */
  readonly birthDate: string;
  /** In seconds since the Unix epoch, whatever stands there. */
  readonly expiry: unknown;
}

/** Reads such a document as a code: what is odd becomes a warning. */
export function understandHealthDocument(document: HealthDocument, known: Known): Code {
  const { kind, verified, number, printed } = document;
  const name = cutName(document.name);
  const birthYear = readIsoYear(document.birthDate);
  const expires = dayOfSeconds(document.expiry);
  const warnings: Warning[] = [];
  if (!verified) warnings.push('signature-unverified');
  if (name === '') warnings.push('name-missing');
  if (name !== document.name) warnings.push('name-cut');
  if (birthYear === null) warnings.push('birth-date-malformed');
  warnings.push(...checkValidity(known, { lastDay: expires }));
  return {
    type: 'code',
    kind,
    verified,
    number,
    identity: {
      ...(name === '' ? {} : { name }),
      ...(printed === '' ? {} : { number: printed }),
      ...(birthYear === null ? {} : { birthYear }),
    },
    ...(expires === null ? {} : { expires }),
    warnings,
    extras: [],
  };
}
