import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardDayMax, isSignedBy, parseCard } from '../../../shared/card.ts';
import {
  type ControlCard,
  controlActions,
  controlCharacters,
  parseControlCard,
  scopeOf,
  signControlCard,
} from '../../../shared/control-card.ts';
import { cardIdOf, communeIssuer, controlCard, signedCard, siteIssuer } from '../../fakes/signed-cards.ts';

const made = fc.record({
  issuer: fc.constant(siteIssuer.id),
  id: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  issuedDay: fc.nat(cardDayMax),
  expiryDay: fc.nat(cardDayMax),
  action: fc.constantFrom(...controlActions),
  scope: fc.option(fc.domain().map(scopeOf)),
});

describe('a control card', () => {
  it('that is signed and taken apart says the same, in the letters of the alphanumeric mode', () => {
    fc.assert(
      fc.property(made, (card) => {
        const text = signControlCard(card, siteIssuer.privateKey);
        expect(text).toMatch(/^RVC1:[0-9A-Z $%*+./:-]+$/);
        expect(text).toHaveLength(controlCharacters);
        const { message, signature, ...said } = parseControlCard(text) ?? expect.fail(text);
        expect(said).toEqual({ ...card, id: Uint8Array.from(card.id) });
        expect(isSignedBy({ message, signature }, siteIssuer.publicKey)).toBe(true);
        expect(isSignedBy({ message, signature }, communeIssuer.publicKey)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('has the bytes that its page tells of', () => {
    const card: ControlCard & { action: 'visitor' } = {
      issuer: siteIssuer.id,
      id: cardIdOf(123_456_789),
      issuedDay: 2515,
      expiryDay: 2605,
      action: 'visitor',
      scope: scopeOf('gate-a'),
    };
    const { message } = parseControlCard(signControlCard(card, siteIssuer.privateKey)) ?? expect.fail();
    const id = Buffer.from(card.id).toString('hex');
    expect(Buffer.from(message).toString('latin1', 0, 5)).toBe('RVC1:');
    expect(Buffer.from(message).toString('hex', 5)).toBe(`${siteIssuer.id}${id}09d30a2d07${scopeOf('gate-a')}`);
  });

  it('is no longer signed when a letter is changed, or is no card at all', () => {
    const text = controlCard('open');
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'),
        (at, other) => {
          fc.pre(text[at] !== other);
          const changed = parseControlCard(text.slice(0, at) + other + text.slice(at + 1));
          if (changed !== null) expect(isSignedBy(changed, siteIssuer.publicKey)).toBe(false);
        },
      ),
    );
  });

  it('cannot be made of the signature of a printed card, nor the other way round', () => {
    const printed = signedCard(1);
    const control = controlCard('open');
    expect(parseControlCard(printed)).toBeNull();
    expect(parseCard(control)).toBeNull();
    expect(parseControlCard(`RVC1:${printed.slice(4)}`)).toBeNull();
    expect(parseCard(`RV1:${control.slice(5)}`)).toBeNull();
  });

  it('of a later version, with an action that is not known here, can be told from one that is none', () => {
    const text = controlCard('test');
    const bytes = parseControlCard(text)?.message ?? expect.fail();
    expect(bytes[25]).toBe(controlActions.indexOf('test') + 1);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (noise) => {
        expect(() => parseControlCard(noise)).not.toThrow();
        expect(() => parseControlCard(`RVC1:${noise}`)).not.toThrow();
        expect(() => parseControlCard(`RVC1:${noise}`.padEnd(controlCharacters, '0'))).not.toThrow();
      }),
    );
  });
});
