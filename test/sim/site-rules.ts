/** The printed cards of a world: who has one, which are revoked, and which of them each version of the rules refuses. */
import { exportIssuerKey } from '../../shared/card.ts';
import { nineDigits } from '../../shared/card-number.ts';
import { type Known, nothingKnown } from '../../shared/code/known.ts';
import { subjectOf } from '../../shared/identity.ts';
import { MemoryCardLists, shortNumber } from '../fakes/card-lists.ts';
import { cardIdOf, knownCards, signedCard, siteIssuer } from '../fakes/signed-cards.ts';
import { subjectKey } from './people.ts';

/** The cards from 1 up to this may be revoked; those from here on up to `cardsEnd` never are. */
export const revocableEnd = 40;
export const cardsEnd = 60;

/** The last day that a card can name: clocks of this world are years off, and expiry has tests of its own. */
const neverDay = 0xffff;

/** Ids of cards elsewhere, which nobody here holds up: what makes a list long. */
const foreignFrom = 1_000;

export class SiteRules {
  /** What the gateway reads of the register. */
  readonly lists = new MemoryCardLists();
  /** What a witness knows who has all cards before him and none revoked. */
  readonly witness: Known = { ...nothingKnown, cards: knownCards(cardsEnd, []) };
  readonly #texts = new Map<number, string>();
  /** The subjects whose cards are in the list of revoked ones now, and as they were when each version was told. */
  #revoked = new Set<string>();
  readonly #refusedBy = new Map<string, ReadonlySet<string>>();
  #foreign = foreignFrom;
  /** The version that the gateway told last. */
  version: string | null = null;

  constructor() {
    const publicKey = Buffer.from(exportIssuerKey(siteIssuer.publicKey)).toString('base64url');
    this.lists.named = [{ id: siteIssuer.id, name: siteIssuer.name, publicKey }];
    for (let card = 1; card < cardsEnd; card++) this.lists.add('issued', shortNumber(card));
  }

  /** A card as a scanner reads it. */
  text(card: number): string {
    const text = this.#texts.get(card) ?? signedCard(card, { issuedDay: 0, expiryDay: neverDay });
    this.#texts.set(card, text);
    return text;
  }

  subject(card: number): string {
    return subjectOf(subjectKey, `RV1:${siteIssuer.id}:${nineDigits(card)}`);
  }

  revoke(card: number): void {
    if (this.#revoked.has(this.subject(card))) return;
    this.#revoked.add(this.subject(card));
    this.lists.add('revoked', cardIdOf(card));
  }

  /** Many cards that nobody holds up are revoked at once. */
  revokeElsewhere(count: number): void {
    this.lists.add('revoked', ...Array.from({ length: count }, () => cardIdOf(this.#foreign++)));
  }

  /** The register is an old one again, which knows of no revocation but those of the cards named. */
  replace(cards: readonly number[]): void {
    this.#revoked = new Set(cards.map((card) => this.subject(card)));
    this.lists.replace('revoked', ...cards.map(cardIdOf));
  }

  /** The gateway tells its rules as they are now. */
  told(version: string): void {
    this.version = version;
    this.#refusedBy.set(version, new Set(this.#revoked));
  }

  /** Whose cards a kiosk refuses that holds a version; null where the gateway never told it. */
  refusedBy(version: string): ReadonlySet<string> | null {
    return this.#refusedBy.get(version) ?? null;
  }
}
