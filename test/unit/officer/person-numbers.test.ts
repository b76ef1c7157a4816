import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPerson, textsMax } from '../../../gateway/officer/person-numbers.ts';
import { exportIssuerKey } from '../../../shared/card.ts';
import { tenDigits } from '../../../shared/card-number.ts';
import { corpusKnown, readCorpus } from '../../corpus/sample.ts';

const issuers = [...corpusKnown().cards.issuers.values()].map(({ id, name, publicKey }) => ({
  id,
  name,
  publicKey: Buffer.from(exportIssuerKey(publicKey)).toString('base64url'),
}));
const [issuer] = issuers;
if (issuer === undefined) throw new Error('the corpus has an issuer');

const numbersOf = (...texts: string[]) => {
  const read = readPerson(texts, issuers);
  return 'numbers' in read ? read.numbers : read;
};

describe('what a person shows', () => {
  const understood = [...readCorpus().values()].flat().flatMap((sample) => ('number' in sample.expect ? [sample] : []));

  it('gives the number that a kiosk makes the subject of, for every code of the corpus', () => {
    expect(understood.length).toBeGreaterThan(100);
    for (const { what, text, expect: expected } of understood) {
      const number = 'number' in expected ? expected.number : '';
      expect([what, numbersOf(text)]).toEqual([what, expect.arrayContaining([number])]);
    }
  });

  it('gives every number of an ID card, a national code and an insurance card', () => {
    expect(numbersOf('001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X|15082021')).toEqual([
      '001099012345',
      'cmnd:123456789',
    ]);
    expect(
      numbersOf('001090000000|NGUYEN VAN A|1990-01-18|0|162900000000000000|<1<HS4010000000000<0900000000'),
    ).toEqual(['001090000000', 'qid:162900000000000000', 'bhxh:0000000000']);
    expect(numbersOf('******000|NGUYEN VAN A|1990-**-**|0|162900000000000000|')).toEqual(['qid:162900000000000000']);
  });

  it('takes from a child’s code nothing of the parent’s', () => {
    expect(
      numbersOf('001090000000|NGUYEN VAN B|2015-01-18|1|162900000000000001|<1<HS4010000000000<0900000000'),
    ).toEqual(['qid:162900000000000001']);
  });

  it('finds a card that was revoked, or is too old, as it passed before', () => {
    const cards = readCorpus().get('ravao-card') ?? [];
    const refused = cards.filter(({ expect: wanted }) => 'refused' in wanted && /expired|revoked/.test(wanted.refused));
    expect(refused.length).toBeGreaterThan(0);
    for (const { text } of refused) expect(numbersOf(text)).toEqual([expect.stringMatching(/^RV1:[0-9a-f]{8}:\d{9}$/)]);
  });
});

describe('a number that is typed', () => {
  it.each([
    ['an ID number', '001 099 012 345', ['001099012345']],
    ['an ID number of before 2016', '123456789', ['cmnd:123456789']],
    ['an insurance number', '0000000000', ['bhxh:0000000000']],
    ['an insurance card’s number', 'hs4010000000000', ['bhxh:0000000000']],
    ['a passport’s number', 'b1234567', ['doc:B1234567']],
    ['a QID', '162900000000000000', ['qid:162900000000000000']],
    ['a printed card’s number', '123 456 789 4', [`RV1:${issuer.id}:123456789`]],
    ['a number under its kind', 'uvci:URN:UVCI:01:VN:ABC#1', ['uvci:URN:UVCI:01:VN:ABC#1']],
  ])('is taken for %s', (_, typed, wanted) => {
    expect(tenDigits(123_456_789)).toBe('1234567894');
    expect(numbersOf(typed)).toEqual(expect.arrayContaining(wanted));
  });

  it('is one person with other numbers, once each', () => {
    const numbers = numbersOf('001099012345', '', '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X|15082021');
    expect(numbers).toEqual(['001099012345', 'qid:001099012345', 'cmnd:123456789']);
  });
});

describe('what is nobody', () => {
  it('is a value, never an exception', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { maxLength: 4 });
    fc.assert(
      fc.property(texts, (given) => {
        const read = readPerson(given, issuers);
        if ('numbers' in read) expect(read.numbers.length).toBeGreaterThan(0);
        else expect(read.wrong).toMatch(/^[a-z]/i);
      }),
    );
  });

  it.each([
    ['nothing', [''], 1, /nothing/],
    ['a name', ['001099012345', 'Nguyễn Văn A'], 2, /^nothing of that form is known$/],
    ['a payment code', ['00020101021238570010A000000727'], 1, /^payment-code$/],
    ['a card that is no card', ['', 'RV1:ABC'], 2, /^card-malformed$/],
    ['too many', Array.from({ length: textsMax + 1 }, () => '001099012345'), textsMax + 1, /too many/],
  ])('is told by its line: %s', (_, texts, line, wrong) => {
    const read = readPerson(texts, issuers);
    expect(read).toMatchObject({ line, wrong: expect.stringMatching(wrong) });
    expect(JSON.stringify(read)).not.toMatch(/0010990|Nguy/);
  });
});
