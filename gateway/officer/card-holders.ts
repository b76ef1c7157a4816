/**
 * Whose a printed card is. What a kiosk seals of one is its number alone, so the row of an investigation is joined with the
 * register of cards: for the card of that row, and no other.
 */
import { cardPrefix } from '../../shared/card.ts';
import { formatCardNumber, nineDigits, parseTenDigits } from '../../shared/card-number.ts';
import { ravaoCard, ravaoCardNumber } from '../../shared/code/ravao-card.ts';
import { Fault } from '../../shared/fault.ts';
import { type IdentityOpener, subjectOf } from '../../shared/identity.ts';
import { openHolder } from '../cards/issue.ts';
import type { Holder } from '../cards/person.ts';
import { isForgotten, type RegisteredCard, type RegisterReader } from '../cards/registered-cards.ts';
import type { IssuerNotice } from '../trust/issuer.ts';

/** What finding a card's holder takes. */
export interface CardHolderParts {
  /** The register of cards, null where there is none; asked for at the first printed card, and again where that failed. Throws the register's Faults. */
  readonly register: () => RegisterReader | null;
  /** By the id of the key that holders were sealed to. */
  readonly openers: ReadonlyMap<string, IdentityOpener>;
  /** The site's subject keys, all generations. */
  readonly subjectKeys: readonly Uint8Array[];
  /** Whose printed cards are taken here. Throws the Faults of the trust folder. */
  readonly issuers: () => readonly IssuerNotice[];
}

/** What a row says of itself. `number` is that of its identity; `kind` the format that was read, null where that is not known. */
export interface CardRow {
  readonly subject: string | null;
  readonly number: string | null;
  readonly kind: string | null;
}

/** What the register says of a row's card. `subjects` are those of all the cards that the register knows to be that person's. */
export type CardHolder =
  | { readonly type: 'holder'; readonly holder: Holder; readonly subjects: readonly string[] }
  /** Nobody's name is to be had; `isClosed`: though it is here. `why` is for a person. */
  | { readonly type: 'nameless'; readonly why: string; readonly isClosed: boolean; readonly subjects: readonly [] };

interface Found {
  readonly card: RegisteredCard | null;
  /** That card and the others of the same person. */
  readonly ofPerson: readonly RegisteredCard[];
  readonly fault: Fault | null;
}

/** Asks the register, card by card, until it is disposed. */
export class CardHolders implements Disposable {
  readonly #parts: CardHolderParts;
  #issuers: readonly IssuerNotice[] | null = null;
  #register: { readonly reader: RegisterReader | null } | null = null;

  constructor(parts: CardHolderParts) {
    this.#parts = parts;
  }

  /**
   * The holder of a row's card; null where the row is of no printed card. The number is what a kiosk said: it counts only
   * where it makes the row's own subject. A register that cannot be read is told with the row, as other rows can be answered.
   */
  async of({ subject, number, kind }: CardRow): Promise<CardHolder | null> {
    const nine = number === null ? null : parseTenDigits(number);
    if (subject === null || nine === null) return null;
    const found = this.#find(nine);
    const isOurs = found.card !== null && this.#makes(subject, found.card.issuer, nine);
    if (!isOurs && !this.#isCard(subject, nine, kind)) return null;
    const nameless = (why: string, isClosed: boolean): CardHolder => {
      return { type: 'nameless', why: `printed card ${formatCardNumber(nine)}: ${why}`, isClosed, subjects: [] };
    };
    if (found.fault !== null) return nameless(`the register of cards cannot be read (${found.fault.code})`, true);
    if (found.card === null || !isOurs) return nameless('not in the register of cards of this site', false);
    if (isForgotten(found.card)) return nameless('whose it is was erased', false);
    const { sealed } = found.card;
    const holder = await openHolder(this.#parts.openers, found.card);
    if (holder !== null) return { type: 'holder', holder, subjects: this.#subjectsOf(found.ofPerson) };
    return this.#parts.openers.has(sealed.key)
      ? nameless('damaged, its holder in the register does not open', true)
      : nameless(`its holder is sealed to the key ${sealed.key}, which was not opened`, true);
  }

  [Symbol.dispose](): void {
    this.#register?.reader?.[Symbol.dispose]();
    this.#register = null;
  }

  #find(nine: number): Found {
    try {
      this.#register ??= { reader: this.#parts.register() };
      const { reader } = this.#register;
      const card = reader?.find(nine) ?? null;
      const isKnown = card !== null && !isForgotten(card);
      return { card, ofPerson: (isKnown ? reader?.ofPerson(card.person) : null) ?? [], fault: null };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { card: null, ofPerson: [], fault: error };
    }
  }

  /** Whether it is one of a card that the register does not know. */
  #isCard(subject: string, nine: number, kind: string | null): boolean {
    if (kind !== null) return kind === ravaoCard.kind || kind === ravaoCardNumber.kind;
    this.#issuers ??= this.#parts.issuers();
    return this.#issuers.some(({ id }) => this.#makes(subject, id, nine));
  }

  #makes(subject: string, issuer: string, nine: number): boolean {
    return this.#parts.subjectKeys.some((key) => subjectOf(key, subjectNumber(issuer, nine)) === subject);
  }

  #subjectsOf(cards: readonly RegisteredCard[]): readonly string[] {
    return this.#parts.subjectKeys.flatMap((key) =>
      cards.map(({ issuer, number }) => subjectOf(key, subjectNumber(issuer, number))),
    );
  }
}

/** What a kiosk makes a printed card's subject of. */
function subjectNumber(issuer: string, nine: number): string {
  return `${cardPrefix}${issuer}:${nineDigits(nine)}`;
}
