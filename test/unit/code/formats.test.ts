/** What must be true of every format, whatever is presented. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Known } from '../../../shared/code/known.ts';
import { formats, readCode } from '../../../shared/code/read-code.ts';
import { controlActions } from '../../../shared/control-card.ts';
import { issuedCards, readCorpus, revokedCard } from '../../corpus/sample.ts';
import { madeUpCodes, print, printedCode } from '../../fakes/printed-codes.ts';
import { controlCard, knownCards } from '../../fakes/signed-cards.ts';
import { type CertificateSigner, knownSigners, makeSigner } from '../../fakes/vaccine-certificates.ts';

const texts = [...readCorpus().values()].flat().map(({ text }) => text);
const kinds = Object.keys(madeUpCodes);

let signer: CertificateSigner;
let known: Known;
beforeAll(async () => {
  signer = await makeSigner('es256');
  known = {
    nowMs: Date.UTC(2026, 10, 20),
    clockSynced: true,
    cards: knownCards(issuedCards, [revokedCard]),
    certificateSigners: knownSigners(signer),
  };
});

/** What stands in some format at some place, and what stands nowhere. */
const piece = fc.oneof(
  fc.constantFrom(
    ...['', '-', '$', '0', '1', '2', 'Nam', 'Nữ', '01011999', '01/01/1999', '1999', '1990-01-18', '1990-**-**'],
    ...['001099012345', '0100000000', 'HS4010000000000', '123456789', '******000', '162900000000000000', '4e67', 'DA'],
    ...[
      '000201',
      '010211',
      'WIFI:',
      'RVC',
      'RVC1:',
      'RV1:',
      '123 456 789 ',
      'HC1:',
      'shc:/',
      'https://',
      'qr.tokhaiyte.vn/',
      'BEGIN:VCARD',
    ],
    ...['kbyt.khambenh.gov.vn/', '#tokhai_yte/ketqua', '?id=', 'www.', 'tel:', 'N:', '8930000', '01', '\0', '\ud800'],
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const soup = fc
  .tuple(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', '|', ' '))
  .map((made) => made[0].join(made[1]));

/** A text of the corpus, or a printed code, damaged: fields changed, cut, put behind one another, letters changed. */
function damaged() {
  const control = fc.tuple(fc.constantFrom(...controlActions), fc.nat(1_000_000)).map((made) => controlCard(...made));
  const whole = fc.oneof(fc.constantFrom(...texts), printedCode(signer), control);
  return fc.oneof(
    fc.tuple(whole, fc.nat(8), piece).map(([text, at, other]) =>
      text
        .split('|')
        .map((field, index) => (index === at ? other : field))
        .join('|'),
    ),
    fc.tuple(whole, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1))),
    fc.tuple(whole, fc.nat()).map(([text, at]) => text.slice(at % (text.length + 1))),
    fc.tuple(whole, whole).map(([one, other]) => `${one}${other}`),
    fc.tuple(whole, whole, fc.nat(8)).map(([one, other, at]) => {
      return [...one.split('|').slice(0, at), ...other.split('|').slice(at)].join('|');
    }),
    fc.tuple(whole, fc.nat(), fc.string({ unit: 'binary', maxLength: 3 })).map(([text, place, other]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + other + text.slice(at + 1);
    }),
  );
}

describe.each(kinds)('a %s', (kind) => {
  it('that is printed, understood, printed again is understood in the same way', () => {
    const codes = madeUpCodes[kind];
    if (codes === undefined) throw new Error(kind);
    fc.assert(
      fc.property(codes, (made) => {
        const code = readCode(print(kind, made, signer), known);
        if (code.type !== 'code') throw new Error(code.reason);
        expect(code.kind).toBe(kind);
        expect(code.identity).toEqual(made.identity);
        expect(code.expires).toBe(made.expires);
        expect(readCode(print(kind, code, signer), known)).toEqual(code);
      }),
    );
  });
});

describe('whatever is presented', () => {
  it('no format throws, and at most one claims it', () => {
    fc.assert(
      fc.property(fc.oneof(soup, damaged()), (text) => {
        const claims = formats.filter((format) => format.read(text, known) !== null).map(({ kind }) => kind);
        expect(claims.length, claims.join(' and ')).toBeLessThanOrEqual(1);
      }),
      { numRuns: 5_000 },
    );
  });

  it('bytes that happen to be text are no trouble', () => {
    const bytes = fc.uint8Array({ maxLength: 600 }).map((raw) => new TextDecoder('utf-8').decode(raw));
    const marked = fc.tuple(fc.constantFrom('', 'HC1:', 'shc:/', '000201', '001099012345|'), bytes);
    fc.assert(
      fc.property(marked, ([mark, text]) => {
        expect(['code', 'unknown']).toContain(readCode(mark + text, known).type);
      }),
      { numRuns: 1_000 },
    );
  });

  it('what is understood has a number of a known kind, and an identity short enough to be sealed into an entry', () => {
    fc.assert(
      fc.property(fc.oneof(damaged(), printedCode(signer)), (text) => {
        const code = readCode(text, known);
        if (code.type === 'unknown') return;
        expect(code.number).toMatch(
          /^(?:\d{12}|(?:bhxh:\d{10}|cmnd:\d{9}|doc:[A-Z0-9]{5,20}|(?:qid|hcmc):[\w-]{1,64}|uvci:.{1,80}|sha256:[\w-]{43}|RV1:[0-9a-f]{8}:\d{9}))$/,
        );
        expect(JSON.stringify(code.identity).length).toBeLessThan(700);
        expect(code.warnings.length).toBeLessThanOrEqual(16);
      }),
      { numRuns: 2_000 },
    );
  });
});
