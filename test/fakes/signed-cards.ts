/** Printed cards of made-up issuers whose keys are the same in every run. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { type Card, cardDayOf, exportIssuerKey, issuerIdOf, personalCard, signCard } from '../../shared/card.ts';
import { cardNumberOf } from '../../shared/card-number.ts';
import type { CardIssuer, KnownCards } from '../../shared/code/known.ts';
import { type ControlAction, type ControlCard, signControlCard } from '../../shared/control-card.ts';

/** An Ed25519 private key in PKCS#8 is these bytes and then its seed (RFC 8410 §7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An issuer whose key is made of a number. */
export function cardIssuer(name: string, seed: number) {
  const key = Buffer.concat([pkcs8Prefix, Buffer.alloc(32, seed)]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  return { id: issuerIdOf(exportIssuerKey(publicKey)), name, publicKey, privateKey };
}

/** The site's own, one whose cards it takes, and one that it does not know. */
export const siteIssuer = cardIssuer('Nhà máy A', 1);
export const communeIssuer = cardIssuer('Xã B', 2);
export const foreignIssuer = cardIssuer('Xã C', 3);

/** The id of a made-up card, which gives its number. */
export function cardIdOf(number: number): Uint8Array {
  const id = new Uint8Array(12).fill(7);
  new DataView(id.buffer).setUint32(0, number);
  return id;
}

/** The text of a card that is good unless something is changed. */
export function signedCard(number: number, changes: Partial<Card> = {}, issuer = siteIssuer): string {
  const days = { issuedDay: cardDayOf(Date.UTC(2026, 0, 1)), expiryDay: cardDayOf(Date.UTC(2026, 11, 31)) };
  const card = { issuer: issuer.id, id: cardIdOf(number), ...days, kind: personalCard, ...changes };
  return signCard(card, issuer.privateKey);
}

/** What a kiosk of the site knows of cards: all numbers below `issuedBelow` are issued, those in `revoked` are revoked. */
export function knownCards(issuedBelow: number, revoked: readonly number[]): KnownCards {
  const issuers = [siteIssuer, communeIssuer].map(({ id, name, publicKey }): [string, CardIssuer] => [
    id,
    { id, name, publicKey, own: id === siteIssuer.id },
  ]);
  return {
    issuers: new Map(issuers),
    isRevoked: (id) => revoked.includes(cardNumberOf(id)),
    isNumberRevoked: (number) => number < issuedBelow && revoked.includes(number),
    issuerOfNumber: (number) => (number < issuedBelow && !revoked.includes(number) ? siteIssuer.id : null),
  };
}

/** The text of a control card that is good at every kiosk of the site unless something is changed. */
export function controlCard(
  action: ControlAction,
  number = 1,
  changes: Partial<ControlCard> = {},
  issuer = siteIssuer,
): string {
  const days = { issuedDay: cardDayOf(Date.UTC(2026, 10, 1)), expiryDay: cardDayOf(Date.UTC(2026, 11, 31)) };
  const card = { issuer: issuer.id, id: cardIdOf(number), ...days, scope: null, ...changes, action };
  return signControlCard(card, issuer.privateKey);
}
