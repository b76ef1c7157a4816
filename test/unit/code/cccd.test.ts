import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cccd } from '../../../shared/code/cccd.ts';
import type { Code, UnknownCode } from '../../../shared/code/code.ts';
import { readIdNumber } from '../../../shared/code/id-number.ts';
import { nothingKnown } from '../../../shared/code/known.ts';
import { nameCharsMax } from '../../../shared/code/name.ts';
import { readCode } from '../../../shared/code/read-code.ts';
import { encodeEntry, entryBytesMax, entrySchema } from '../../../shared/entry.ts';
import { generateSiteKey, importSiteKey, sealIdentity } from '../../../shared/identity.ts';
import { makeDraft } from '../../fakes/entries.ts';

const old = '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021';
const new2024 = '001099012345||Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082024';

function read(text: string): Code | UnknownCode {
  return readCode(text, nothingKnown);
}

/** The old card with some of its fields changed, by their place. */
function card(changes: Readonly<Record<number, string>> = {}): string {
  return old
    .split('|')
    .map((field, index) => changes[index] ?? field)
    .join('|');
}

function understood(text: string): Code {
  const code = read(text);
  if (code.type !== 'code') throw new Error(`read as ${code.reason}`);
  return code;
}

describe('an ID card', () => {
  it.each([
    ['of 2021', old],
    ['of 2024', new2024],
  ])('%s says who its holder is', (_, text) => {
    expect(read(text)).toEqual({
      type: 'code',
      kind: 'cccd',
      verified: false,
      number: '001099012345',
      identity: { number: '001099012345', name: 'Nguyễn Văn A', birthYear: 1999, sex: 'male' },
      warnings: [],
      extras: [],
    });
  });

  it('with more than seven fields keeps the others aside', () => {
    expect(understood(`${new2024}|987654321|Nguyễn Văn B|Trần Thị C`).extras).toEqual([
      '987654321',
      'Nguyễn Văn B',
      'Trần Thị C',
    ]);
  });

  it('ends at a NUL', () => {
    expect(understood(`${old}\0|garbage|\0`)).toEqual(understood(old));
  });

  it('may have an empty residence', () => {
    expect(understood(card({ 5: '' }))).toEqual(understood(old));
  });

  it('may have spaces around its fields and a twelve-digit old number', () => {
    expect(understood(` ${old.replaceAll('|', ' | ')} `)).toEqual(understood(old));
    expect(understood(card({ 1: '001099012345' })).warnings).toEqual([]);
  });

  it.each([
    ['Nguyễn Văn A'.normalize('NFD'), 'Nguyễn Văn A'],
    ['  Nguyễn   Văn\tA ', 'Nguyễn Văn A'],
    ['NGUYỄN VĂN A', 'NGUYỄN VĂN A'],
    ['H’ Ê-ban', 'H’ Ê-ban'],
  ])('has its name %j written in one way', (written, name) => {
    expect(understood(card({ 2: written })).identity.name).toBe(name);
  });

  it.each([
    ['Nữ', '001199012345', 'female'],
    ['nữ', '001199012345', 'female'],
    ['Nữ'.normalize('NFD'), '001199012345', 'female'],
    ['NAM', '001099012345', 'male'],
  ])('of the sex %j', (written, number, sex) => {
    const code = understood(card({ 0: number, 4: written }));
    expect(code.identity.sex).toBe(sex);
    expect(code.warnings).toEqual([]);
  });
});

describe('an odd ID card is a code with a warning', () => {
  it.each([
    ['an unknown province', { 0: '099099012345' }, 'unknown-province'],
    ['another year of birth than its number', { 3: '01011998' }, 'birth-year-mismatch'],
    ['a birth in another century than its number', { 3: '01012099' }, 'birth-year-mismatch'],
    ['another sex than its number', { 4: 'Nữ' }, 'sex-mismatch'],
    ['an unreadable sex', { 4: 'N?' }, 'sex-malformed'],
    ['a birthday that does not exist', { 3: '31021999' }, 'birth-date-malformed'],
    ['only a year of birth', { 3: '1999' }, 'birth-date-malformed'],
    ['a day of issue that does not exist', { 6: '00002021' }, 'issue-date-malformed'],
    ['a day of issue that is cut', { 6: '1508' }, 'issue-date-malformed'],
    ['an old number that is none', { 1: '12345' }, 'old-number-malformed'],
    ['no name', { 2: ' ' }, 'name-missing'],
    ['an endless name', { 2: 'A'.repeat(nameCharsMax + 1) }, 'name-cut'],
  ])('%s', (_, changes, warning) => {
    const code = understood(card(changes));
    expect(code.warnings).toEqual([warning]);
    expect(code.number).toBe(code.identity.number);
  });

  it('and what cannot be read is taken from the number', () => {
    expect(understood(card({ 0: '001199012345', 3: '31021999', 4: 'Nữ' })).identity.birthYear).toBe(1999);
    expect(understood(card({ 0: '001199012345', 4: '' })).identity.sex).toBe('female');
  });

  it('and has no name where there is none', () => {
    expect(understood(card({ 2: '' })).identity).not.toHaveProperty('name');
  });

  it('and still fits into an entry, whatever it calls its holder', async () => {
    const { publicKey } = await generateSiteKey();
    const site = await importSiteKey(publicKey);
    for (const letter of ['ữ', '"', '\\', '😀', '\u2028']) {
      const code = understood(card({ 2: letter.repeat(8000) }));
      const draft = makeDraft(1, {
        gate: 'ổ'.repeat(200),
        code: { kind: code.kind, verified: false, warnings: [...code.warnings] },
        identity: await sealIdentity(site, code.identity, makeDraft(1).id),
      });
      const body = encodeEntry(draft, { kiosk: 'k'.repeat(63), epoch: makeDraft(2).id, seq: 2 ** 50 });
      expect(entrySchema.safeParse(JSON.parse(body)).success).toBe(true);
      expect(Buffer.byteLength(body)).toBeLessThanOrEqual(entryBytesMax);
    }
  });
});

describe('an ID card that cannot be used', () => {
  it('is incomplete wherever it is cut before its last field', () => {
    for (let end = '001099012345|'.length; end < old.lastIndexOf('|'); end++) {
      expect([end, read(old.slice(0, end))]).toEqual([end, { type: 'unknown', reason: 'id-card-incomplete' }]);
    }
  });

  it.each(['01099012345', '00109901234O', '1099012345', 'AB0109901234567', '', '0010990123456'])(
    'has the number %j',
    (number) => {
      expect(read(card({ 0: number }))).toEqual({ type: 'unknown', reason: 'id-card-number-invalid' });
    },
  );

  it('is incomplete where it is cut at both ends', () => {
    expect(read('9012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X')).toMatchObject({
      reason: 'id-card-incomplete',
    });
  });
});

describe('what is no ID card is left to other formats', () => {
  it.each([
    [
      'an insurance card',
      'HS4010000000000|4e677579e1bb856e2056c4836e2041|01/01/2000|1|48c3a0204ee1bb9969|01 - 028|01/01/2024|-|01/01/2024|$',
    ],
    [
      'an insurance card with ten digits',
      '0100000000|4e677579|01/01/2000|2|-|01 - 028|01/01/2024|-|01/01/2024|-|-|4|-|abc|$',
    ],
    ['an insurance card with an ID number', '001099012345|4e677579|01/01/2000|1|-|01 - 028|01/01/2024|-|01/01/2024|$'],
    ['an insurance card with an ID number, cut', '001099012345|41|01/01/2000|1|-'],
    [
      'a national personal code',
      '001090000000|NGUYEN VAN A|1990-01-18|0|162900000000000000|<1<HS4010000000000<0900000000',
    ],
    ['a masked national personal code', '******000|NGUYEN VAN A|1990-**-**|0|162900000000000000|'],
    ['a national personal code without a name', '001090000000||1990-01-18|0|162900000000000000|'],
    ['a national personal code with a short date', '001089000000|NGUYEN VAN A|1989/3/3|1|162900000000000000|||'],
    ['a passport', 'B1234567|NGUYEN VAN A|1990-01-18|0|162900000000000000|'],
    ['a retail code', '8934563138164'],
    ['a retail code of twelve digits', '012345678905'],
    ['an address', 'https://qr.tokhaiyte.vn/?x=1|2|3|4|5|6|7'],
    ['a payment code', '00020101021238570010A000000727'],
    ['a health certificate', 'HC1:6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70'],
    ['bars', '|||||||'],
  ])('%s', (_, text) => {
    expect(cccd.read(text, nothingKnown)).toBeNull();
  });

  it.each(['', ' ', '\t\r\n', '\u00a0', '\ufeff'])('and white space %j is an empty one', (text) => {
    expect(read(text)).toEqual({ type: 'unknown', reason: 'empty-code' });
  });
});

describe('the number of an ID card', () => {
  it.each([
    ['001099012345', '001', true, 1999, 'male'],
    ['001199012345', '001', true, 1999, 'female'],
    ['079200000001', '079', true, 2000, 'male'],
    ['079325000001', '079', true, 2025, 'female'],
    ['096425000001', '096', true, 2125, 'male'],
    ['000999999999', '000', false, 2399, 'female'],
  ])('%s says where, when and what sex', (number, province, provinceKnown, birthYear, sex) => {
    expect(readIdNumber(number)).toEqual({ province, provinceKnown, birthYear, sex });
  });

  it.each([
    '',
    '12345678901',
    '1234567890123',
    '00109901234a',
    '００１０９９０１２３４５',
    ' 001099012345',
    '001099012345\n',
  ])('%j is none', (text) => {
    expect(readIdNumber(text)).toBeNull();
  });

  it('knows 63 provinces', () => {
    const known = Array.from({ length: 1000 }, (_, code) => `${String(code).padStart(3, '0')}099012345`).filter(
      (number) => readIdNumber(number)?.provinceKnown,
    );
    expect(known).toHaveLength(63);
  });
});

describe('whatever is presented', () => {
  const twoDigits = (min: number, max: number) =>
    fc.integer({ min, max }).map((value) => String(value).padStart(2, '0'));
  const date = fc
    .tuple(twoDigits(1, 28), twoDigits(1, 12), fc.integer({ min: 1900, max: 2099 }))
    .map((parts) => parts.join(''));
  const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));
  const word = fc.constantFrom('Nguyễn', 'Văn', 'Thị', 'Đặng', 'Ỷ', 'A', "H'Ê", 'O’Neil', '李');
  const words = fc.array(word, { minLength: 1, maxLength: 6 }).map((list) => list.join(' '));
  const fields = fc.tuple(
    digits(12),
    fc.oneof(fc.constant(''), digits(9)),
    words,
    date,
    fc.constantFrom('Nam', 'Nữ'),
    fc.oneof(fc.constant(''), words),
    date,
  );
  const extras = fc.array(fc.oneof(words, digits(9), fc.constant('')), { maxLength: 4 });

  it('a card understood and printed again is understood in the same way', () => {
    fc.assert(
      fc.property(fields, extras, (printed, more) => {
        const code = understood([...printed, ...more].join('|'));
        const { number, identity } = code;
        const again = [
          number,
          printed[1],
          identity.name,
          `${printed[3].slice(0, 4)}${identity.birthYear}`,
          identity.sex === 'male' ? 'Nam' : 'Nữ',
          printed[5],
          printed[6],
          ...code.extras,
        ];
        expect(again).toEqual([...printed, ...more]);
        expect(understood(again.join('|'))).toEqual(code);
      }),
    );
  });

  it('no text makes it throw', () => {
    const soup = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('|', '\0', '001099012345', '01011999', 'Nam', '1990-01-01', '\ud800'),
      ),
    );
    fc.assert(
      fc.property(soup, (parts) => {
        expect(['code', 'unknown']).toContain(read(parts.join('')).type);
        expect(['code', 'unknown']).toContain(read(parts.join('|')).type);
      }),
    );
  });

  it('a card with one character changed is still a code, or refused with a reason, and never somebody without a number', () => {
    fc.assert(
      fc.property(fc.nat(old.length - 1), fc.string({ unit: 'binary', maxLength: 2 }), (place, other) => {
        const code = cccd.read(old.slice(0, place) + other + old.slice(place + 1), nothingKnown);
        if (code?.type === 'code') expect(code.number).toMatch(/^\d{12}$/);
        else if (code !== null)
          expect(code).toMatchObject({ type: 'unknown', reason: expect.stringMatching(/^id-card-/) });
      }),
    );
  });
});
