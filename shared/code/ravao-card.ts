/**
 * Ravao's own printed card, scanned (`RV1:…`, see ../card.ts) or its number typed. Both give the same person: the subject
 * comes from the issuer and the card's number. The card says nobody's name.
 */
import { type Card, cardDayOf, cardPrefix, isSignedBy, parseCard, personalCard } from '../card.ts';
import { cardNumberOf, nineDigits, parseTenDigits, tenDigits } from '../card-number.ts';
import { type Code, type Format, refuse, type UnknownCode, type UnknownReason, type Warning } from './code.ts';
import type { Known } from './known.ts';

/** The card as it is scanned. */
export const ravaoCard: Format = { kind: 'ravao-card', read: readCard };

/** The card's number as it is typed when the print is ruined: ten digits, or as printed, `123 456 789 0`. */
export const ravaoCardNumber: Format = { kind: 'ravao-card-number', read: readNumber };

function readCard(text: string, known: Known): Code | UnknownCode | null {
  if (!text.startsWith(cardPrefix)) return null;
  const card = parseCard(text);
  if (card === null) return refuse('card-malformed');
  const issuer = known.cards.issuers.get(card.issuer);
  if (issuer === undefined)
    return refuse(known.cards.isRetired?.(card.issuer) ? 'card-issuer-retired' : 'card-issuer-unknown');
  if (!isSignedBy(card, issuer.publicKey)) return refuse('card-forged');
  const reason = whyRefused(card, known);
  if (reason !== null) return refuse(reason);
  return understand(ravaoCard.kind, card.issuer, cardNumberOf(card.id), {
    verified: true,
    warnings: known.clockSynced ? [] : ['expiry-unchecked'],
  });
}

/** Why a card that is genuine is not taken, or null. */
function whyRefused({ id, kind, expiryDay }: Card, known: Known): UnknownReason | null {
  // A kind that is signed and not known here is of a later version.
  if (kind !== personalCard) return 'card-malformed';
  if (known.cards.isRevoked(id)) return 'card-revoked';
  return known.clockSynced && cardDayOf(known.nowMs) > expiryDay ? 'card-expired' : null;
}

function readNumber(text: string, known: Known): Code | UnknownCode | null {
  const typed = text.trim();
  // Nothing else is written like this, so a wrong digit is told as such; ten digits alone may be anything.
  const asPrinted = /^\d{3}[ -]\d{3}[ -]\d{3}[ -]\d$/.test(typed);
  const number = parseTenDigits(asPrinted ? typed.replace(/[ -]/g, '') : typed);
  const issuer = number === null ? null : known.cards.issuerOfNumber(number);
  if (number !== null && issuer === null && known.cards.isNumberRevoked(number)) return refuse('card-revoked');
  if (number === null || issuer === null) return asPrinted ? refuse('card-number-unknown') : null;
  return understand(ravaoCardNumber.kind, issuer, number, {
    verified: false,
    // The last day stands in the code alone.
    warnings: ['number-typed', 'expiry-unchecked'],
  });
}

function understand(
  kind: string,
  issuer: string,
  number: number,
  proof: { readonly verified: boolean; readonly warnings: readonly Warning[] },
): Code {
  return {
    type: 'code',
    kind,
    ...proof,
    number: `${cardPrefix}${issuer}:${nineDigits(number)}`,
    identity: { number: tenDigits(number) },
    extras: [],
  };
}
