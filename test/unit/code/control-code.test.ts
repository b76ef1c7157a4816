import { sign } from 'node:crypto';
import { decode, encode } from 'base45';
import { describe, expect, it } from 'vitest';
import { cardDayOf } from '../../../shared/card.ts';
import { tenDigits } from '../../../shared/card-number.ts';
import type { Known } from '../../../shared/code/known.ts';
import { readCode, readScan } from '../../../shared/code/read-code.ts';
import { scopeOf } from '../../../shared/control-card.ts';
import { communeIssuer, controlCard, foreignIssuer, knownCards, siteIssuer } from '../../fakes/signed-cards.ts';

const nowMs = Date.UTC(2026, 10, 20, 3);
const today = cardDayOf(nowMs);
const known: Known = {
  ...{ nowMs, clockSynced: true, cards: knownCards(10, [99]), kiosk: 'gate-a', certificateSigners: new Map() },
};
const nobodys = { card: null, action: null };
const eighth = { card: tenDigits(8), action: 'close' };

/** A card whose action is of a later version, signed by the site. */
function laterAction(): string {
  const bytes = Buffer.from(decode(controlCard('close').slice(5)));
  bytes[20] = 200;
  const body = bytes.subarray(0, 29);
  const signature = sign(null, Buffer.concat([Buffer.from('RVC1:'), body]), siteIssuer.privateKey);
  return `RVC1:${encode(Buffer.concat([body, signature]))}`;
}

describe('a control card', () => {
  it('of this site is understood, and is no code of a person', () => {
    const text = controlCard('close', 8);
    expect(readScan(text, known)).toEqual({ type: 'control', ...eighth, scoped: false, warnings: [] });
    expect(readCode(text, known)).toEqual({ type: 'unknown', reason: 'control-code' });
  });

  it.each<[string, string, object | undefined]>([
    ['control-foreign', controlCard('close', 8, {}, foreignIssuer), nobodys],
    ['control-foreign', controlCard('close', 8, {}, communeIssuer), nobodys],
    ['control-forged', controlCard('close', 8, { issuer: siteIssuer.id }, communeIssuer), nobodys],
    ['control-revoked', controlCard('close', 99), { card: tenDigits(99), action: 'close' }],
    ['control-expired', controlCard('close', 8, { expiryDay: today - 1 }), eighth],
    ['control-elsewhere', controlCard('close', 8, { scope: scopeOf('gate-b') }), eighth],
    ['control-code', laterAction(), undefined],
    ['control-code', controlCard('close').slice(0, -1), undefined],
    ['control-code', 'RVC1:MAINTENANCE', undefined],
  ])('is refused as %s', (reason, text, control) => {
    expect(readScan(text, known)).toEqual({ type: 'unknown', reason, ...(control && { control }) });
  });

  it('holds through its last day, and at its own kiosk', () => {
    const last = controlCard('close', 8, { expiryDay: today, scope: scopeOf('gate-a') });
    expect(readScan(last, known)).toMatchObject({ type: 'control', scoped: true });
    const { kiosk: _, ...nowhere } = known;
    expect(readScan(last, nowhere)).toMatchObject({ reason: 'control-elsewhere' });
  });

  it('is taken where nobody knows what day it is, with a warning: a guard must be able to open after a power cut', () => {
    const expired = controlCard('close', 8, { expiryDay: today - 1 });
    expect(readScan(expired, { ...known, clockSynced: false })).toMatchObject({
      type: 'control',
      warnings: ['expiry-unchecked'],
    });
  });

  it('of an issuer that the gateway does not call its own is foreign, as from a gateway of before', () => {
    const issuers = new Map([...known.cards.issuers].map(([id, { own: _, ...issuer }]) => [id, issuer]));
    const before = { ...known, cards: { ...known.cards, issuers, isRevoked: () => false, issuerOfNumber: () => null } };
    expect(readScan(controlCard('close'), before)).toMatchObject({ reason: 'control-foreign' });
  });
});
