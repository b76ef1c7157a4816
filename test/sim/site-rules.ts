/** What gates go by in a world: printed cards, revoked ones, people who are barred; and whom each version refuses. */

import { firstRules } from '../../gateway/site-rules/site-rules-files.ts';
import { exportIssuerKey } from '../../shared/card.ts';
import { nineDigits } from '../../shared/card-number.ts';
import { type Known, nothingKnown } from '../../shared/code/known.ts';
import { subjectOf } from '../../shared/identity.ts';
import { MemoryCardLists, shortNumber } from '../fakes/card-lists.ts';
import { cardIdOf, knownCards, signedCard, siteIssuer } from '../fakes/signed-cards.ts';
import { MemorySiteRules } from '../fakes/site-rules.ts';
import { person, subjectKey } from './people.ts';

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
  /** What it reads of the site's rules. */
  readonly people = new MemorySiteRules();
  /** What a witness knows who has all cards before him and none revoked. */
  readonly witness: Known = { ...nothingKnown, cards: knownCards(cardsEnd, []) };
  readonly #texts = new Map<number, string>();
  /** The subjects whose cards are in the list of revoked ones now, and as they were when each version was told. */
  #revoked = new Set<string>();
  readonly #refusedBy = new Map<string, ReadonlySet<string>>();
  #barred: ReadonlySet<string> = new Set();
  readonly #barredBy = new Map<string, ReadonlySet<string>>();
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

  /** From now on exactly these people are barred. */
  bar(people: readonly number[]): void {
    this.#barred = new Set(people.map((number) => person(number).subject));
    const how = { reason: 'ban', until: null, gates: [], since: '2026-11-20T08:00:00.000Z' };
    this.people.kept = { ...firstRules, barred: [...this.#barred].map((subject) => ({ subject, ...how })) };
  }

  /** The gateway tells its rules as they are now. */
  told(version: string): void {
    this.version = version;
    this.#refusedBy.set(version, new Set(this.#revoked));
    this.#barredBy.set(version, this.#barred);
  }

  /** Who is barred at a kiosk that holds a version. */
  barredBy(version: string | null): ReadonlySet<string> {
    return this.#barredBy.get(version ?? '') ?? new Set();
  }

  /** Whose cards a kiosk refuses that holds a version; null where the gateway never told it. */
  refusedBy(version: string): ReadonlySet<string> | null {
    return this.#refusedBy.get(version) ?? null;
  }
}
