import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decode, encode } from 'base45';
import { describe, expect, it } from 'vitest';
import { type Card, cardDayOf, exportIssuerKey, issuerIdOf, parseCard, signCard } from '../../../shared/card.ts';
import { cardNumberOf, formatCardNumber, nineDigits, tenDigits } from '../../../shared/card-number.ts';
import { type Known, nothingKnown } from '../../../shared/code/known.ts';
import { ravaoCard, ravaoCardNumber } from '../../../shared/code/ravao-card.ts';
import { refusalTexts } from '../../../shared/code/refusal-texts.ts';

const nowMs = Date.UTC(2026, 10, 20, 3);
const today = cardDayOf(nowMs);

function makeIssuer(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { id: issuerIdOf(exportIssuerKey(publicKey)), name, publicKey, privateKey };
}
const site = makeIssuer('Nhà máy A');
const commune = makeIssuer('Xã B');
const stranger = makeIssuer('Xã C');

const id = Uint8Array.from([0x07, 0x5b, 0xcd, 0x15, 1, 2, 3, 4, 5, 6, 7, 8]);
const number = cardNumberOf(id);

function cardText(changes: Partial<Card> = {}, key: KeyObject = site.privateKey): string {
  const card = { issuer: site.id, id, issuedDay: today - 10, expiryDay: today, kind: 1, ...changes };
  return signCard(card, key);
}

function knowing(changes: Partial<Known> = {}, revoked: readonly Uint8Array[] = []): Known {
  const isRevoked = (cardId: Uint8Array) => revoked.some((one) => Buffer.from(one).equals(cardId));
  return {
    ...nothingKnown,
    nowMs,
    clockSynced: true,
    cards: {
      issuers: new Map([site, commune].map((issuer) => [issuer.id, issuer])),
      isRevoked,
      issuerOfNumber: (asked) => (asked === number && !isRevoked(id) ? site.id : null),
      isNumberRevoked: (asked) => asked === number && isRevoked(id),
    },
    ...changes,
  };
}

const refused = (reason: string) => ({ type: 'unknown', reason });

describe('a printed card', () => {
  it('is verified and tells its number, and nobody', () => {
    expect(ravaoCard.read(cardText(), knowing())).toEqual({
      type: 'code',
      kind: 'ravao-card',
      verified: true,
      number: `RV1:${site.id}:${nineDigits(number)}`,
      identity: { number: tenDigits(number) },
      warnings: [],
      extras: [],
    });
  });

  it("of the commune is taken too, as another person than the site's card of that number", () => {
    const text = cardText({ issuer: commune.id }, commune.privateKey);
    expect(ravaoCard.read(text, knowing())).toMatchObject({ number: `RV1:${commune.id}:${nineDigits(number)}` });
  });

  it('of an issuer that is not known is refused as such', () => {
    const text = cardText({ issuer: stranger.id }, stranger.privateKey);
    expect(ravaoCard.read(text, knowing())).toEqual(refused('card-issuer-unknown'));
    expect(ravaoCard.read(cardText(), nothingKnown)).toEqual(refused('card-issuer-unknown'));
    const cards = { ...nothingKnown.cards, isRetired: () => true };
    expect(ravaoCard.read(cardText(), { ...nothingKnown, cards })).toEqual(refused('card-issuer-retired'));
  });

  it('signed by anybody else in the name of the site is forged', () => {
    expect(ravaoCard.read(cardText({}, stranger.privateKey), knowing())).toEqual(refused('card-forged'));
    expect(ravaoCard.read(cardText({}, commune.privateKey), knowing())).toEqual(refused('card-forged'));
  });

  it('is refused with any bit flipped', () => {
    const bytes = decode(cardText().slice(4));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = ravaoCard.read(`RV1:${encode(flipped)}`, knowing());
      expect(read, `bit ${bit}`).toEqual(refused(bit < 32 ? 'card-issuer-unknown' : 'card-forged'));
    }
  });

  it('is valid through its last day in Viet Nam, and not a millisecond longer', () => {
    const lastMs = Date.UTC(2026, 10, 20, 17) - 1;
    expect(ravaoCard.read(cardText(), knowing({ nowMs: lastMs }))).toMatchObject({ type: 'code' });
    expect(ravaoCard.read(cardText(), knowing({ nowMs: lastMs + 1 }))).toEqual(refused('card-expired'));
  });

  it('is not refused as expired by a clock that may be wrong; a warning says so', () => {
    for (const text of [cardText(), cardText({ expiryDay: today - 1 })]) {
      const read = ravaoCard.read(text, knowing({ clockSynced: false }));
      expect(read).toMatchObject({ type: 'code', verified: true, warnings: ['expiry-unchecked'] });
    }
  });

  it('that was revoked is refused, whatever the clock says', () => {
    for (const clockSynced of [true, false]) {
      expect(ravaoCard.read(cardText(), knowing({ clockSynced }, [id]))).toEqual(refused('card-revoked'));
    }
  });

  it('that is damaged or cut is refused as a card', () => {
    for (const text of ['RV1:', 'RV1:HELLO', cardText().slice(0, -1), `${cardText()}0`, cardText({ kind: 2 })]) {
      expect(ravaoCard.read(text, knowing())).toEqual(refused('card-malformed'));
    }
  });

  it.each(['', 'RV2:AAAA', 'rv1:aaaa', '0123456789', ' RV1:'])('is not %j', (text) => {
    expect(ravaoCard.read(text, knowing())).toBeNull();
  });

  it('signed again from what was read is the same text', () => {
    const parsed = parseCard(cardText());
    expect(parsed && signCard(parsed, site.privateKey)).toBe(cardText());
  });
});

describe("a card's number, typed", () => {
  it('is the same person as the card scanned, unverified', () => {
    const scanned = ravaoCard.read(cardText(), knowing());
    for (const typed of [tenDigits(number), formatCardNumber(number), ` ${tenDigits(number)} `]) {
      expect(ravaoCardNumber.read(typed, knowing())).toEqual({
        ...scanned,
        kind: 'ravao-card-number',
        verified: false,
        warnings: ['number-typed', 'expiry-unchecked'],
      });
    }
    expect(ravaoCardNumber.read(formatCardNumber(number).replaceAll(' ', '-'), knowing())).toMatchObject({
      type: 'code',
    });
  });

  it('is any other ten digits where no card has it', () => {
    expect(ravaoCardNumber.read(tenDigits(number + 1), knowing())).toBeNull();
    expect(ravaoCardNumber.read(tenDigits(number), nothingKnown)).toBeNull();
  });

  it('says of a card that was revoked just that, with spaces or without', () => {
    for (const typed of [formatCardNumber(number), tenDigits(number)])
      expect(ravaoCardNumber.read(typed, knowing({}, [id]))).toEqual(refused('card-revoked'));
    // It may have been printed wrong, or have been stolen.
    expect(Object.values(refusalTexts['card-revoked']).join()).not.toMatch(/lost|mất/);
  });

  it('as it is printed is told to be wrong where no card has it, or a digit is wrong', () => {
    const wrongDigit = formatCardNumber(number).replace(/.$/, (digit) => String((Number(digit) + 1) % 10));
    for (const typed of [formatCardNumber(number + 1), wrongDigit]) {
      expect(ravaoCardNumber.read(typed, knowing())).toEqual(refused('card-number-unknown'));
    }
  });

  it.each(['', '090 123 4567', '0901234567 ', '12345', '１２３４５６７８９４', '123  456  789  4'])(
    'is not %j',
    (text) => {
      expect(ravaoCardNumber.read(text, knowing())).toBeNull();
    },
  );
});
