/**
 * A guard's control card: shown to a kiosk it makes the gate do one thing. Of the family of the printed card
 * (`card.ts`), under a prefix of its own, so that no signature of the one is a signature of the other:
 *
 *     "RVC1:" + base45( issuer key id 4 · card id 12 · issued day 2 · expiry day 2 · action 1 · scope 8 · signature 64 )
 *
 * The signature is Ed25519 (RFC 8032) over `RVC1:` and the 29 bytes before it. That makes 145 characters, all of them in a
 * QR code's alphanumeric mode. The scope is what {@link scopeOf} makes of the one kiosk's id, or zeros for every kiosk.
 */
import { strict as assert } from 'node:assert';
import { createHash, type KeyObject, sign } from 'node:crypto';
import { encode } from 'base45';
import { cardIdBytes } from './card.ts';
import { decodeBase45 } from './code/base45.ts';

/** What every control card's text begins with; the 1 is the version. */
export const controlPrefix = 'RVC1:';

/** What a card can make a gate do. A card's byte is its place here, from 1; a name is never moved. */
export const controlActions = [
  'direction-in',
  'direction-out',
  'direction-toggle',
  'direction-default',
  'close',
  'open',
  'visitor',
  'test',
] as const;

export type ControlAction = (typeof controlActions)[number];

/** What a control card says. */
export interface ControlCard {
  /** The key id of its issuer. */
  readonly issuer: string;
  /** 12 random bytes. */
  readonly id: Uint8Array;
  /** The first day, and the last one through which it is valid: `cardDayOf`. */
  readonly issuedDay: number;
  readonly expiryDay: number;
  /** Null: one of a later version. */
  readonly action: ControlAction | null;
  /** {@link scopeOf} the one kiosk that takes it, in hex; null: every kiosk of the site. */
  readonly scope: string | null;
}

/** A control card as it was read: whether the signature is the issuer's is for `isSignedBy` to say. */
export interface SignedControlCard extends ControlCard {
  /** What was signed. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

const scopeBytes = 8;
const everyKiosk = '0'.repeat(2 * scopeBytes);
const bodyBytes = 29;
const signatureBytes = 64;
const textBytes = bodyBytes + signatureBytes;

/** The length of a control card's text, in characters. */
export const controlCharacters = controlPrefix.length + Math.floor(textBytes / 2) * 3 + (textBytes % 2) * 2;

const prefixBytes = Buffer.from(controlPrefix);

/** A kiosk as a card names it: the first 8 bytes of the SHA-256 of its id, in hex. */
export function scopeOf(kiosk: string): string {
  return createHash('sha256')
    .update(kiosk)
    .digest('hex')
    .slice(0, 2 * scopeBytes);
}

/** Signs a control card and gives the text that its code holds. The same card and key give the same text. */
export function signControlCard(card: ControlCard & { readonly action: ControlAction }, privateKey: KeyObject): string {
  const message = encodeMessage(card);
  return controlPrefix + encode(Buffer.concat([message.subarray(prefixBytes.length), sign(null, message, privateKey)]));
}

function encodeMessage({ issuer, id, issuedDay, expiryDay, action, scope }: ControlCard): Buffer {
  assert(/^[0-9a-f]{8}$/.test(issuer) && id.byteLength === cardIdBytes && action !== null);
  const days = Buffer.alloc(5);
  days.writeUInt16BE(issuedDay, 0);
  days.writeUInt16BE(expiryDay, 2);
  days.writeUInt8(controlActions.indexOf(action) + 1, 4);
  return Buffer.concat([prefixBytes, Buffer.from(issuer, 'hex'), id, days, Buffer.from(scope ?? everyKiosk, 'hex')]);
}

/** Takes a control card's text apart. Null where it is not what {@link signControlCard} writes, character for character. */
export function parseControlCard(text: string): SignedControlCard | null {
  if (text.length !== controlCharacters || !text.startsWith(controlPrefix)) return null;
  const bytes = decodeBase45(text.slice(controlPrefix.length));
  if (bytes?.length !== textBytes) return null;
  const body = Buffer.from(bytes.buffer, 0, bodyBytes);
  const scope = body.toString('hex', 21);
  return {
    issuer: body.toString('hex', 0, 4),
    id: Uint8Array.from(body.subarray(4, 16)),
    issuedDay: body.readUInt16BE(16),
    expiryDay: body.readUInt16BE(18),
    action: controlActions[body.readUInt8(20) - 1] ?? null,
    scope: scope === everyKiosk ? null : scope,
    message: Buffer.concat([prefixBytes, body]),
    signature: bytes.slice(bodyBytes),
  };
}
