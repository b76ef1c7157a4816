import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { decode, encode } from 'base45';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Card,
  cardCharacters,
  cardDayMax,
  cardDayOf,
  exportIssuerKey,
  formatCardDay,
  importIssuerKey,
  isSignedBy,
  issuerIdOf,
  parseCard,
  personalCard,
  signCard,
} from '../../../shared/card.ts';

/** RFC 8032 §7.1, test 1: a key that everybody has. */
const privateKey = createPrivateKey({
  key: {
    kty: 'OKP',
    crv: 'Ed25519',
    d: Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex').toString('base64url'),
    x: Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString('base64url'),
  },
  format: 'jwk',
});
const publicKey = importIssuerKey(exportIssuerKey(privateKey));
const issuer = issuerIdOf(exportIssuerKey(privateKey));

const cards = fc.record<Card>({
  issuer: fc.constant(issuer),
  id: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  issuedDay: fc.integer({ min: 0, max: cardDayMax }),
  expiryDay: fc.integer({ min: 0, max: cardDayMax }),
  kind: fc.integer({ min: 0, max: 255 }),
});
const card: Card = {
  issuer,
  id: Uint8Array.from({ length: 12 }, (_, index) => index),
  issuedDay: 2515,
  expiryDay: 2880,
  kind: personalCard,
};

describe("a card's text", () => {
  it('is 132 characters that a QR code holds in alphanumeric mode', () => {
    fc.assert(
      fc.property(cards, (any) => {
        const text = signCard(any, privateKey);
        expect(text).toHaveLength(132);
        expect(text).toMatch(/^RV1:[0-9A-Z $%*+\-./:]*$/);
      }),
    );
    expect(cardCharacters).toBe(132);
  });

  it('never changes: cards that were printed long ago must be read', () => {
    const text = signCard(card, privateKey);
    const bytes = decode(text.slice(4));
    expect(bytes.toString('hex', 0, 21)).toBe('21fe31df000102030405060708090a0b09d30b4001');
    expect(text).toMatchInlineSnapshot(
      `"RV1:HD4WD6100KB0*M0DY0W016C1+A10J1Z90W/4XA0%8IZ49 Z4UXBOB2B CID2PZEXIDIV06DL GJXKRR:IQY4LLFLB9ULB9QA8*CY.APH424MDY4F*49W3OL83-ET 1F0"`,
    );
  });

  it('parses to what was signed, and signed again gives the same text', () => {
    fc.assert(
      fc.property(cards, (any) => {
        const text = signCard(any, privateKey);
        const parsed = parseCard(text);
        expect(parsed).toMatchObject(any);
        expect(parsed !== null && isSignedBy(parsed, publicKey)).toBe(true);
        expect(parsed && signCard(parsed, privateKey)).toBe(text);
      }),
    );
  });

  it('proves nothing once any bit of it is flipped', () => {
    const text = signCard(card, privateKey);
    const bytes = decode(text.slice(4));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const parsed = parseCard(`RV1:${encode(flipped)}`);
      expect(parsed && isSignedBy(parsed, publicKey), `bit ${bit}`).toBe(false);
    }
  });

  it('is refused with any character lost, added, or changed into another', () => {
    const text = signCard(card, privateKey);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 2, unit: 'binary' }), (place, instead) => {
        const changed = text.slice(0, place) + instead + text.slice(place + 1);
        const parsed = parseCard(changed);
        if (changed !== text && parsed !== null) expect(isSignedBy(parsed, publicKey)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('has one form only: characters that encode no bytes are refused', () => {
    const text = signCard(card, privateKey);
    expect(parseCard(`${text.slice(0, 4)}:::${text.slice(7)}`)).toBeNull();
    expect(parseCard(`${text.slice(0, 130)}::`)).toBeNull();
    expect(parseCard(text.toLowerCase())).toBeNull();
    expect(parseCard(`${text} `)).toBeNull();
    expect(parseCard(`RV2:${text.slice(4)}`)).toBeNull();
  });

  it('of any kind never makes the parser throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ minLength: 128, maxLength: 128 }), (any, full) => {
        for (const text of [any, `RV1:${any}`, `RV1:${full}`]) parseCard(text);
      }),
    );
  });

  it('is not signed by another key', () => {
    const other = generateKeyPairSync('ed25519');
    const parsed = parseCard(signCard(card, other.privateKey));
    expect(parsed && isSignedBy(parsed, publicKey)).toBe(false);
  });
});

describe('a day of a card', () => {
  it.each([
    ['2019-12-31T17:00:00Z', 0, '01/01/2020'],
    ['2019-12-31T16:59:59.999Z', -1, '31/12/2019'],
    ['2026-11-20T16:59:59.999Z', 2515, '20/11/2026'],
    ['2026-11-20T17:00:00Z', 2516, '21/11/2026'],
    ['2028-02-28T17:00:00Z', 2981, '29/02/2028'],
  ])('begins at midnight in Viet Nam: %s is day %i', (moment, day, written) => {
    expect(cardDayOf(Date.parse(moment))).toBe(day);
    expect(formatCardDay(day)).toBe(written);
  });

  it('lasts to the end of the next century', () => {
    expect(formatCardDay(cardDayMax)).toBe('06/06/2199');
  });
});

describe("an issuer's key", () => {
  it('has the first four bytes of its SHA-256 for an id', () => {
    expect(issuer).toBe('21fe31df');
  });

  it('is the same when it is exported and imported again', () => {
    const raw = exportIssuerKey(publicKey);
    expect(Buffer.from(raw).toString('hex')).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    expect(importIssuerKey(raw).equals(publicKey)).toBe(true);
  });
});
