/**
 * The printed card. Its code holds no name and no number, so that a lost card tells nothing:
 *
 *     "RV1:" + base45( issuer key id 4 · card id 12 · issued day 2 · expiry day 2 · kind 1 · signature 64 )
 *
 * Numbers are big-endian, days are counted from 2020-01-01 in Asia/Ho_Chi_Minh, and the signature is Ed25519 (RFC 8032)
 * over `RV1:` and the 21 bytes before it. That makes 132 characters, all of them in a QR code's alphanumeric mode.
 */
import { strict as assert } from 'node:assert';
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { encode } from 'base45';
import { decodeBase45 } from './code/base45.ts';
import { vietnamOffsetMs } from './time.ts';

/** What every card's text begins with; the 1 is the version. */
export const cardPrefix = 'RV1:';

/** The length of a card's id, in bytes. */
export const cardIdBytes = 12;

/** The kind of a card that belongs to one person. No other kind exists yet. */
export const personalCard = 1;

/** What a card says. */
export interface Card {
  /** The key id of its issuer: {@link issuerIdOf}. */
  readonly issuer: string;
  /** 12 random bytes. */
  readonly id: Uint8Array;
  /** The first day, and the last one through which it is valid: {@link cardDayOf}. */
  readonly issuedDay: number;
  readonly expiryDay: number;
  readonly kind: number;
}

/** A card as it was read: whether the signature is the issuer's is for {@link isSignedBy} to say. */
export interface SignedCard extends Card {
  /** What was signed. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

const bodyBytes = 21;
const cardBytes = bodyBytes + 64;

/** The length of a card's text, in characters. */
export const cardCharacters = cardPrefix.length + Math.floor(cardBytes / 2) * 3 + (cardBytes % 2) * 2;

const prefixBytes = Buffer.from(cardPrefix);
const dayMs = 86_400_000;

const firstDayMs = Date.UTC(2020, 0, 1);

/** The last day that a card can name: 2199-06-06. */
export const cardDayMax = 0xffff;

/** The day in Viet Nam at a moment (milliseconds since the Unix epoch), counted from 2020-01-01, which is 0. */
export function cardDayOf(nowMs: number): number {
  return Math.floor((nowMs + vietnamOffsetMs - firstDayMs) / dayMs);
}

/** A day of a card as people write it: dd/MM/yyyy. */
export function formatCardDay(day: number): string {
  const date = new Date(firstDayMs + day * dayMs);
  const twoDigits = (number: number) => String(number).padStart(2, '0');
  return `${twoDigits(date.getUTCDate())}/${twoDigits(date.getUTCMonth() + 1)}/${date.getUTCFullYear()}`;
}

/** Signs a card and gives the text that its code holds. The same card and key give the same text (RFC 8032 §5.1.6). */
export function signCard(card: Card, privateKey: KeyObject): string {
  const message = encodeMessage(card);
  const bytes = Buffer.concat([message.subarray(prefixBytes.length), sign(null, message, privateKey)]);
  return cardPrefix + encode(bytes);
}

function encodeMessage({ issuer, id, issuedDay, expiryDay, kind }: Card): Buffer {
  assert(/^[0-9a-f]{8}$/.test(issuer) && id.byteLength === cardIdBytes);
  const days = Buffer.alloc(5);
  days.writeUInt16BE(issuedDay, 0);
  days.writeUInt16BE(expiryDay, 2);
  days.writeUInt8(kind, 4);
  return Buffer.concat([prefixBytes, Buffer.from(issuer, 'hex'), id, days]);
}

/** Takes a card's text apart. Null where it is not what {@link signCard} writes, character for character. */
export function parseCard(text: string): SignedCard | null {
  if (text.length !== cardCharacters || !text.startsWith(cardPrefix)) return null;
  const bytes = decodeBase45(text.slice(cardPrefix.length));
  if (bytes?.length !== cardBytes) return null;
  const body = Buffer.from(bytes.buffer, 0, bodyBytes);
  return {
    issuer: body.toString('hex', 0, 4),
    id: Uint8Array.from(body.subarray(4, 16)),
    issuedDay: body.readUInt16BE(16),
    expiryDay: body.readUInt16BE(18),
    kind: body.readUInt8(20),
    message: Buffer.concat([prefixBytes, body]),
    signature: bytes.slice(bodyBytes),
  };
}

/** Whether a card's signature was made with the private key of this public one (Ed25519). */
export function isSignedBy(
  { message, signature }: Pick<SignedCard, 'message' | 'signature'>,
  publicKey: KeyObject,
): boolean {
  return verify(null, message, publicKey, signature);
}

/** The key id of an issuer: 8 lower-case hex digits, the first 4 bytes of SHA-256 over the raw public key (32 bytes). */
export function issuerIdOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 8);
}

/** An issuer's public key from its 32 raw bytes (RFC 8037 §2). Throws where they cannot be one. */
export function importIssuerKey(publicKey: Uint8Array): KeyObject {
  assert.equal(publicKey.byteLength, 32);
  const x = Buffer.from(publicKey).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** The 32 raw bytes of an issuer's public key; also of the one that belongs to a private key. */
export function exportIssuerKey(key: KeyObject): Uint8Array {
  const { x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  assert(typeof x === 'string');
  return Uint8Array.from(Buffer.from(x, 'base64url'));
}
