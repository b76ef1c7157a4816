/** Making guards' cards: which are to be printed, and which of them have to be registered first. */
import { createHmac } from 'node:crypto';
import { cardDayMax, cardDayOf, formatCardDay } from '../../shared/card.ts';
import { cardNumberOf, formatCardNumber } from '../../shared/card-number.ts';
import { type ControlAction, scopeOf, signControlCard } from '../../shared/control-card.ts';
import type { Issuer } from '../trust/issuer.ts';
import type { NewControlCard, RegisteredControlCard } from './control-cards.ts';
import type { PrintedControlCard } from './control-sheet.ts';
import { bindingOf, drawId, type Issuing } from './issue.ts';
import type { RegisterReader } from './registered-cards.ts';

/** What is asked for. */
export interface ControlOrder {
  /** Whom the cards are for, as it stands on them: a guard, a post. */
  readonly guard: string;
  readonly actions: readonly ControlAction[];
  /** The one kiosk that takes them; null: all. */
  readonly kiosk: string | null;
}

/** A card to print, and whether it has to be registered. */
export interface MadeControlCard {
  readonly card: NewControlCard;
  readonly isFresh: boolean;
}

/** For whom cards are, as the register knows it: HMAC-SHA256. Capitals make no difference. @param key as of `personDigest`. */
export function guardDigest(key: Uint8Array, guard: string): Uint8Array {
  return createHmac('sha256', key)
    .update(JSON.stringify(['control', guard.toLowerCase()]))
    .digest();
}

/**
 * One card for each action. What the same order made on the same day is taken again, so that a run that failed may be
 * repeated. Nothing is registered yet; the caller holds the register until it did.
 */
export async function makeControlCards(
  order: ControlOrder,
  register: RegisterReader,
  issuing: Issuing,
): Promise<readonly MadeControlCard[]> {
  const { issuer, sealer, chance, nowMs, validDays } = issuing;
  const guard = guardDigest(issuer.personKey, order.guard);
  const issuedDay = cardDayOf(nowMs);
  const expiryDay = Math.min(issuedDay + validDays, cardDayMax);
  const shape = { issuer: issuer.notice.id, issuedDay, expiryDay, kiosk: order.kiosk };
  const before = register.control.ofGuard(guard).filter((card) => card.revoked === null && isOf(card, shape));
  const drawn = new Set<number>();
  const made: MadeControlCard[] = [];
  for (const action of order.actions) {
    const same = before.find((card) => card.action === action);
    if (same !== undefined) made.push({ card: same, isFresh: false });
    else {
      const id = drawId(register, drawn, chance);
      const sealed = await sealer.seal({ name: order.guard }, bindingOf(id));
      made.push({ card: { ...shape, id, action, guard, sealed }, isFresh: true });
    }
  }
  return made;
}

function isOf(
  card: RegisteredControlCard,
  shape: Pick<NewControlCard, 'issuer' | 'issuedDay' | 'expiryDay' | 'kiosk'>,
): boolean {
  const { issuer, issuedDay, expiryDay, kiosk } = shape;
  const isSameDay = card.issuedDay === issuedDay && card.expiryDay === expiryDay;
  return isSameDay && card.issuer === issuer && card.kiosk === kiosk;
}

/** A card as it is printed. The signature comes out the same each time. */
export function toPrintedControl(card: NewControlCard, guard: string, issuer: Issuer): PrintedControlCard {
  const { action, kiosk, id, expiryDay } = card;
  const text = signControlCard({ ...card, scope: kiosk === null ? null : scopeOf(kiosk) }, issuer.privateKey);
  const number = formatCardNumber(cardNumberOf(id));
  return { text, action, guard, kiosk, number, expires: formatCardDay(expiryDay) };
}
