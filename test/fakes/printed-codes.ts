/** Codes as they are printed: a way from what was understood back to a text, and made-up texts of every format. */
import fc from 'fast-check';
import { formatCardNumber, tenDigits } from '../../shared/card-number.ts';
import type { Code } from '../../shared/code/code.ts';
import { makeHealthCard } from './health-cards.ts';
import { signedCard } from './signed-cards.ts';
import { type CertificateSigner, makeCertificate } from './vaccine-certificates.ts';

const hex = (text: string) => Buffer.from(text).toString('hex');
const [sixteenDigits, insurance] = ['162900000000000000', 'HS4010000000000'];

/** For each kind a text that says what the code says; what a code does not keep is made up. */
export const printers: Readonly<Record<string, (code: Code, signer: CertificateSigner) => string>> = {
  cccd({ number, identity: { name = '', birthYear, sex }, extras }) {
    const sexWord = sex === 'male' ? 'Nam' : 'Nữ';
    return [number, '', name, `0101${birthYear}`, sexWord, 'Xã X', '15082021', ...extras].join('|');
  },
  bhyt({ identity: { name, number, birthYear, sex }, expires, extras }) {
    const to = expires === undefined ? '-' : expires.split('-').reverse().join('/');
    const who = [number, name === undefined ? '-' : hex(name), `01/01/${birthYear}`, sex === 'male' ? '1' : '2'];
    const rest = ['-', '01 - 028', '01/01/2024', to, '01/01/2024'];
    const more = extras.length === 0 ? [] : ['-', '-', '4', '-', '00-00', '2', hex('Tỉnh Z'), ...extras];
    return [...who, ...rest, ...more, '$'].join('|');
  },
  'personal-qr'({ number, identity: { name = '', birthYear, sex, phone = '', number: printed }, warnings, extras }) {
    const masked = warnings.includes('number-masked');
    const born = masked ? `${birthYear}-**-**` : `${birthYear}-01-18`;
    const by = warnings.includes('declared-by-another') ? '1' : '0';
    const qid = number.startsWith('qid:') ? printed : sixteenDigits;
    const ext = `<${sex === undefined ? '0' : sex === 'male' ? '1' : '2'}<${insurance}<${phone}`;
    return [masked ? '******000' : printed, name, born, by, qid, ext, ...extras].join('|');
  },
  'hcmc-result'({ identity: { number } }) {
    return `https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=${number}`;
  },
  'vaccine-certificate'({ identity: { name = '', number = '', birthYear }, expires }, signer) {
    const exp = expires === undefined ? {} : { exp: Date.parse(`${expires}T23:59:59+07:00`) / 1000 };
    return makeCertificate(signer, { nam: { fn: name }, dob: String(birthYear), ci: number, ...exp });
  },
  'smart-health-card'({ identity: { name = '', birthYear }, expires }) {
    const exp = expires === undefined ? {} : { exp: Date.parse(`${expires}T23:59:59+07:00`) / 1000 };
    return makeHealthCard({ name: [{ text: name }], birthDate: String(birthYear), ...exp });
  },
  'ravao-card'({ identity: { number = '' } }) {
    return signedCard(Number(number.slice(0, 9)));
  },
  'ravao-card-number'({ identity: { number = '' } }) {
    return formatCardNumber(Number(number.slice(0, 9)));
  },
};

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));
const year = fc.integer({ min: 1900, max: 2026 });
const sex = fc.constantFrom('male' as const, 'female' as const);
const word = fc.constantFrom('Nguyễn', 'Văn', 'Thị', 'Đặng', 'Ỷ', 'A', "H'Ê", 'O’Neil', 'TRAN', 'DA', 'BE', '李');
const name = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' '));
const extras = fc.array(fc.oneof(name, digits(9), fc.constant('')), { maxLength: 3 });
const day = fc.date({ min: new Date('2020-01-01'), max: new Date('2060-12-31'), noInvalidDate: true });
const end = fc.option(
  day.map((date) => date.toISOString().slice(0, 10)),
  { nil: undefined },
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

/** What is to be printed: only what the printers look at is true to the kind. */
function make(kind: string, parts: fc.Arbitrary<Partial<Code>>): fc.Arbitrary<Code> {
  const nobody = { type: 'code', kind, verified: false, number: '', identity: {}, warnings: [], extras: [] } as const;
  return parts.map((said) => ({ ...nobody, ...said }));
}

/** An object without what is undefined. */
function compact<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as never;
}

const who = fc.record({ name, birthYear: year, sex });
const cardNumber = fc.nat(100_000_000).map((number) => ({ identity: { number: tenDigits(number) } }));

/** Made-up people's codes, by kind; print them. */
export const madeUpCodes: Readonly<Record<string, fc.Arbitrary<Code>>> = {
  cccd: make(
    'cccd',
    fc.tuple(digits(12), who, extras).map(([number, identity, more]) => ({
      number,
      identity: { ...identity, number },
      extras: more,
    })),
  ),
  bhyt: make(
    'bhyt',
    fc
      .tuple(fc.oneof(digits(10), digits(12), fc.stringMatching(/^[A-Z]{2}[0-9]{13}$/)), who, end, extras)
      .map(([number, identity, expires, more]) =>
        compact({ identity: { ...identity, number }, expires, extras: more }),
      ),
  ),
  'personal-qr': make(
    'personal-qr',
    fc
      .tuple(
        fc.oneof(digits(12), digits(9), fc.stringMatching(/^[A-Z][0-9]{7}$/)),
        fc.record({ name, birthYear: year, sex: optional(sex), phone: optional(digits(10)) }),
        fc.constantFrom([], ['number-masked' as const], ['declared-by-another' as const]),
        fc.constantFrom('', 'qid:'),
      )
      .map(([number, identity, warnings, kind]) => {
        const masked = warnings.some((warning) => warning === 'number-masked');
        // An ID number of another year on what somebody else declared is taken for theirs.
        const said = number.length === 12 && !masked ? [] : warnings;
        return {
          number: masked ? `qid:${number}` : kind + number,
          identity: compact({ ...identity, number }),
          warnings: said,
        };
      }),
  ),
  'hcmc-result': make(
    'hcmc-result',
    fc.stringMatching(/^[\w-]{1,64}$/).map((number) => ({ identity: { number } })),
  ),
  'vaccine-certificate': make(
    'vaccine-certificate',
    fc
      .tuple(fc.record({ name, birthYear: year, number: fc.stringMatching(/^[A-Z0-9:/#]{1,80}$/) }), end)
      .map(([identity, expires]) => compact({ identity, expires })),
  ),
  'smart-health-card': make(
    'smart-health-card',
    fc.tuple(fc.record({ name, birthYear: year }), end).map(([identity, expires]) => compact({ identity, expires })),
  ),
  'ravao-card': make('ravao-card', cardNumber),
  'ravao-card-number': make('ravao-card-number', cardNumber),
};

/** A printed code of any kind. */
export function printedCode(signer: CertificateSigner): fc.Arbitrary<string> {
  return fc.oneof(
    ...Object.entries(madeUpCodes).map(([kind, codes]) => codes.map((code) => print(kind, code, signer))),
  );
}

/** Prints a code as its kind is printed. */
export function print(kind: string, code: Code, signer: CertificateSigner): string {
  const printer = printers[kind];
  if (printer === undefined) throw new Error(`nothing prints ${kind}`);
  return printer(code, signer);
}
