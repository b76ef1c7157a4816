/**
 * A guard's control card, scanned (`RVC1:…`, see ../control-card.ts). Only the site's own issuer can make one: whoever
 * else's cards a site takes, for persons, may not open its gates.
 */
import { cardDayOf, isSignedBy } from '../card.ts';
import { cardNumberOf, tenDigits } from '../card-number.ts';
import { parseControlCard, type SignedControlCard, scopeOf } from '../control-card.ts';
import type { ControlMark } from '../control-use.ts';
import { type ControlCode, type Format, refuse, type UnknownCode, type UnknownReason } from './code.ts';
import type { Known } from './known.ts';

/** Of a card that proves nothing: what it says of itself may be anybody's. */
const nobodysCard: ControlMark = { card: null, action: null };

/** What sets up a kiosk, in the right hands or not. */
export const controlCode: Format = { kind: 'control-code', read };

function read(text: string, known: Known): ControlCode | UnknownCode | null {
  if (!/^RVC\d{0,3}(?:[:;.]|$)/.test(text.trim())) return null;
  const card = parseControlCard(text);
  if (card === null) return refuse('control-code');
  const issuer = known.cards.issuers.get(card.issuer);
  if (issuer?.own !== true) return { type: 'unknown', reason: 'control-foreign', control: nobodysCard };
  if (!isSignedBy(card, issuer.publicKey)) return { type: 'unknown', reason: 'control-forged', control: nobodysCard };
  // An action that is signed and not known here is of a later version.
  if (card.action === null) return refuse('control-code');
  const mark = { card: tenDigits(cardNumberOf(card.id)), action: card.action };
  const reason = whyRefused(card, known);
  if (reason !== null) return { type: 'unknown', reason, control: mark };
  return {
    type: 'control',
    ...mark,
    scoped: card.scope !== null,
    warnings: known.clockSynced ? [] : ['expiry-unchecked'],
  };
}

/** Why a card that is genuine is not taken, or null. */
function whyRefused({ id, expiryDay, scope }: SignedControlCard, known: Known): UnknownReason | null {
  if (known.cards.isRevoked(id)) return 'control-revoked';
  if (known.clockSynced && cardDayOf(known.nowMs) > expiryDay) return 'control-expired';
  const isElsewhere = scope !== null && (known.kiosk === undefined || scopeOf(known.kiosk) !== scope);
  return isElsewhere ? 'control-elsewhere' : null;
}
