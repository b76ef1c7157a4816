/** The corpus: made-up texts of every format, and what a kiosk is to make of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificateSigners } from '../../kiosk/certificate-signers.ts';
import type { Known } from '../../shared/code/known.ts';
import type { Identity } from '../../shared/identity.ts';
import { knownCards } from '../fakes/signed-cards.ts';

/** One text. Nobody in it is real. */
export interface Sample {
  readonly what: string;
  readonly text: string;
  readonly expect: Expectation;
}

/** What is to be understood, or the reason why it is refused. */
export type Expectation =
  | { readonly refused: string }
  /** A guard's card of the site: what it does, its number, and what is odd. */
  | { readonly control: string; readonly card: string; readonly scoped: boolean; readonly warnings: readonly string[] }
  | {
      readonly kind: string;
      readonly verified: boolean;
      readonly warnings: readonly string[];
      readonly number: string;
      readonly identity: Identity;
      readonly expires?: string;
      readonly extras?: readonly string[];
    };

/** When the corpus is read: a morning in Viet Nam on which nothing in it begins or ends. */
const corpusMs = Date.UTC(2026, 10, 20, 1, 0, 0);

/** The site has issued the cards with smaller numbers, all but … */
export const issuedCards = 500_000_000;

/** … this one, which was revoked. */
export const revokedCard = 111_222_333;

/** What a kiosk knows that reads the corpus: its time, its site's cards, and its signers of certificates. */
export function corpusKnown(): Known {
  const signers = readCertificateSigners(join(import.meta.dirname, 'certificate-signers.pem'));
  if ('problem' in signers) throw new Error(signers.problem);
  const cards = knownCards(issuedCards, [revokedCard]);
  return { nowMs: corpusMs, clockSynced: true, cards, kiosk: 'gate-a', certificateSigners: signers.value };
}

/** The samples by the name of their file: a format's kind, or `not-personal`. */
export function readCorpus(): ReadonlyMap<string, readonly Sample[]> {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.json'));
  return new Map(
    files.map((name) => [
      name.replace('.json', ''),
      JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as readonly Sample[],
    ]),
  );
}
