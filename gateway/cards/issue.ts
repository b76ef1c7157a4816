/** Issuing: who has no valid card gets one, registered before anything is printed. */
import {
  type Card,
  cardDayMax,
  cardDayOf,
  cardIdBytes,
  formatCardDay,
  personalCard,
  signCard,
} from '../../shared/card.ts';
import { cardNumberOf, formatCardNumber } from '../../shared/card-number.ts';
import type { IdentityOpener, IdentitySealer } from '../../shared/identity.ts';
import type { Chance } from '../../shared/ports.ts';
import type { Issuer, IssuerKey } from '../trust/issuer.ts';
import { type Holder, personDigest } from './person.ts';
import type { PrintedCard } from './printed-card.ts';
import type { NewCard, RegisteredCard, RegisterReader } from './registered-cards.ts';

/** What one run of issuing works with. */
export interface Issuing {
  readonly issuer: Issuer;
  readonly sealer: IdentitySealer;
  readonly chance: Chance;
  readonly nowMs: number;
  /** For how many days after today a new card is valid. */
  readonly validDays: number;
}

/** Somebody's card, new or issued before. */
export interface HoldersCard {
  readonly card: Card;
  readonly holder: Holder;
  /** Whether it has to be registered. */
  readonly fresh: NewCard | null;
  /** Whether it was printed before. */
  readonly printed: boolean;
}

/** So many draws in a row that all have a number in use mean that chance is broken, not that numbers are. */
const drawsMax = 100;

/**
 * Finds each holder's valid card, or makes one. Nothing is registered yet; the caller holds the register until it did.
 * Holders must be different people.
 */
export async function makeCards(
  holders: readonly Holder[],
  register: RegisterReader,
  issuing: Issuing,
): Promise<readonly HoldersCard[]> {
  const drawn = new Set<number>();
  const made: HoldersCard[] = [];
  for (const holder of holders) {
    const valid = cardsOf(holder, register, issuing.issuer).find((card) => whyInvalid(card, issuing) === null);
    if (valid !== undefined) made.push({ card: valid, holder, fresh: null, printed: valid.printed });
    else {
      const person = personDigest(issuing.issuer.personKey, holder);
      const fresh = await makeCard(holder, person, drawId(register, drawn, issuing.chance), issuing);
      made.push({ card: fresh, holder, fresh, printed: false });
    }
  }
  return made;
}

/** A person's cards, under whichever of the site's keys they were issued, newest first. */
export function cardsOf(holder: Holder, register: RegisterReader, issuer: Issuer): readonly RegisteredCard[] {
  return [issuer, ...issuer.former].flatMap(({ personKey }) => register.ofPerson(personDigest(personKey, holder)));
}

/** The key that a card was signed with, as far as its cards are still taken. */
function keyOf(card: Card, issuer: Issuer): IssuerKey | undefined {
  return [issuer, ...issuer.former].find(({ notice }) => notice.id === card.issuer);
}

async function makeCard(holder: Holder, person: Uint8Array, id: Uint8Array, issuing: Issuing): Promise<NewCard> {
  const today = cardDayOf(issuing.nowMs);
  return {
    issuer: issuing.issuer.notice.id,
    id,
    issuedDay: today,
    expiryDay: Math.min(today + issuing.validDays, cardDayMax),
    kind: personalCard,
    person,
    sealed: await issuing.sealer.seal(holder, bindingOf(id)),
  };
}

/** A random id whose short number no other card of this issuer has, of whatever kind. @param drawn those of this run. */
export function drawId(register: RegisterReader, drawn: Set<number>, chance: Chance): Uint8Array {
  for (let draws = 0; draws < drawsMax; draws++) {
    const id = chance.bytes(cardIdBytes);
    const number = cardNumberOf(id);
    if (drawn.has(number) || register.find(number) !== null || register.control.find(number) !== null) continue;
    drawn.add(number);
    return id;
  }
  throw new Error(`no free card number in ${drawsMax} draws`);
}

/** Why a registered card can no longer be printed, or null. */
export function whyInvalid(
  card: RegisteredCard,
  { issuer, nowMs }: Pick<Issuing, 'issuer' | 'nowMs'>,
): 'revoked' | 'expired' | 'other-key' | null {
  if (card.revoked !== null) return 'revoked';
  if (card.expiryDay < cardDayOf(nowMs)) return 'expired';
  return keyOf(card, issuer) === undefined ? 'other-key' : null;
}

/** A registered card as it is printed: signed by the key that it was issued with. The signature comes out the same each time. */
export function toPrint(card: Card, issuer: Issuer, holder: Partial<Holder>): PrintedCard {
  return {
    text: signCard(card, (keyOf(card, issuer) ?? issuer).privateKey),
    name: holder.name ?? null,
    birthYear: holder.birthYear ?? null,
    number: formatCardNumber(cardNumberOf(card.id)),
    expires: formatCardDay(card.expiryDay),
  };
}

/** Whose card it is; null where none of the openers, by key id, opens it. */
export async function openHolder(
  openers: ReadonlyMap<string, IdentityOpener>,
  { sealed, id }: Pick<RegisteredCard, 'id' | 'sealed'>,
): Promise<Holder | null> {
  try {
    return ((await openers.get(sealed.key)?.open(sealed, bindingOf(id))) ?? null) as Holder | null;
  } catch {
    return null;
  }
}

/** What a sealed holder is bound to, so that it cannot be moved to another card. */
export function bindingOf(cardId: Uint8Array): string {
  return `card ${Buffer.from(cardId).toString('hex')}`;
}
