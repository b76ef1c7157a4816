/**
 * `node test/corpus/make-signed.ts`: writes anew those parts of the corpus that nobody can write by hand, with new keys,
 * which are then forgotten. To add a sample, add it here and run this and `npm run format`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Warning } from '../../shared/code/code.ts';
import { digestOf } from '../../shared/code/signature.ts';
import type { Identity } from '../../shared/identity.ts';
import { type HealthCardContent, makeHealthCard, packHealthCard, unspell } from '../fakes/health-cards.ts';
import {
  type CertificateContent,
  type CertificateForm,
  makeCertificate,
  makeSigner,
} from '../fakes/vaccine-certificates.ts';
import type { Sample } from './sample.ts';

const es256 = await makeSigner('es256');
const ps256 = await makeSigner('ps256');
const stranger = await makeSigner('es256');

/** The last second of 2026 in Viet Nam, and a day in 2022. */
const [later, earlier] = [1_798_736_399, 1_655_900_000];

const nam = { fn: 'NGUYỄN VĂN', gn: 'A', fnt: 'NGUYEN<VAN', gnt: 'A' };
const ci = 'URN:UVCI:01:VN:00000000000000001A#0';
const who: CertificateContent = { nam, dob: '1990-01-18', ci, exp: later };
const identity = { name: 'NGUYỄN VĂN A', number: ci, birthYear: 1990 };

/** What differs from a good certificate of Nguyễn Văn A. */
interface Made extends CertificateForm {
  readonly signer?: typeof es256;
  readonly content?: CertificateContent;
  readonly expect?: object;
  readonly refused?: string;
}

function certificate(what: string, { signer = es256, content, expect, refused, ...form }: Made = {}): Sample {
  const text = makeCertificate(signer, { ...who, ...content }, form);
  if (refused !== undefined) return { what, text, expect: { refused } };
  const good = { kind: 'vaccine-certificate', verified: true, warnings: [], number: `uvci:${ci}`, identity };
  return { what, text, expect: { ...good, expires: '2026-12-31', ...expect } };
}

const unverified = { verified: false, warnings: ['signature-unverified'] };
const { exp: _, ...endless } = who;
const good = makeCertificate(es256, who);
const certificates: readonly Sample[] = [
  certificate('signed with ES256'),
  certificate('signed with PS256', { signer: ps256 }),
  certificate('of an unknown signer', { signer: stranger, expect: unverified }),
  certificate('expired', { content: { exp: earlier }, expect: { warnings: ['expired'], expires: '2022-06-22' } }),
  certificate('algorithm and key id unprotected', { header: 'unprotected' }),
  certificate('without a tag', { tag: null }),
  certificate('with a CWT tag', { tag: 61 }),
  certificate('with a Latin name only', {
    content: { nam: { fnt: 'TRAN<THI', gnt: 'B' } },
    expect: { identity: { ...identity, name: 'TRAN THI B' } },
  }),
  certificate('with a family name only', {
    content: { nam: { fn: 'Lê' } },
    expect: { identity: { ...identity, name: 'Lê' } },
  }),
  certificate('with only a year of birth', {
    content: { dob: '1954' },
    expect: { identity: { ...identity, birthYear: 1954 } },
  }),
  certificate('with a time of birth', {
    content: { dob: '1985-07-20T00:00:00' },
    expect: { identity: { ...identity, birthYear: 1985 } },
  }),
  certificate('without a birth date', {
    content: { dob: '' },
    expect: { warnings: ['birth-date-malformed'], identity: { name: identity.name, number: ci } },
  }),
  certificate('without a name', {
    content: { nam: {} },
    expect: { warnings: ['name-missing'], identity: { number: ci, birthYear: 1990 } },
  }),
  certificate("in a known signer's name, signed by another", { signedBy: stranger, refused: 'certificate-forged' }),
  certificate('in the name of one who signs with RSA', {
    signer: ps256,
    signedBy: stranger,
    refused: 'certificate-forged',
  }),
  certificate('of something else', { health: { ver: '1.0.0' }, refused: 'certificate-malformed' }),
  { what: 'cut', text: good.slice(0, 200), expect: { refused: 'certificate-malformed' } },
  { what: 'nothing behind the mark', text: 'HC1:', expect: { refused: 'certificate-malformed' } },
  {
    what: 'without an end',
    text: makeCertificate(es256, endless),
    expect: { kind: 'vaccine-certificate', verified: true, warnings: [], number: `uvci:${ci}`, identity },
  },
];

const nguyen = [{ family: 'Nguyễn', given: ['Văn', 'A'] }];
const birthDate = '1990-01-18';
const holder = { name: 'Nguyễn Văn A', birthYear: 1990 };

function healthCard(
  what: string,
  content: HealthCardContent,
  said: Identity,
  { warnings = [], expires }: { readonly warnings?: readonly Warning[]; readonly expires?: string } = {},
): Sample {
  const text = makeHealthCard(content);
  const number = `sha256:${digestOf(unspell(text))}`;
  const all = ['signature-unverified', ...warnings];
  const end = expires === undefined ? {} : { expires };
  return {
    what,
    text,
    expect: { kind: 'smart-health-card', verified: false, warnings: all, number, identity: said, ...end },
  };
}

const whole = healthCard('whole', { name: nguyen, birthDate }, holder);
const healthCards: readonly Sample[] = [
  whole,
  { ...whole, what: 'in capitals before the slash', text: whole.text.replace('shc', 'SHC') },
  healthCard(
    'all in capitals',
    { name: [{ family: 'TRAN', given: ['THI', 'B'] }], birthDate },
    { name: 'TRAN THI B', birthYear: 1990 },
  ),
  healthCard('a name as one text', { name: [{ text: 'Lê Văn C' }], birthDate }, { name: 'Lê Văn C', birthYear: 1990 }),
  healthCard('two names', { name: [...nguyen, { text: 'A' }], birthDate }, holder),
  healthCard('a family name only', { name: [{ family: 'Nguyễn' }], birthDate }, { name: 'Nguyễn', birthYear: 1990 }),
  healthCard('given names only', { name: [{ given: ['Văn', 'A'] }], birthDate }, { name: 'Văn A', birthYear: 1990 }),
  healthCard('only a year of birth', { name: nguyen, birthDate: '1954' }, { ...holder, birthYear: 1954 }),
  healthCard('a year and a month', { name: nguyen, birthDate: '1954-03' }, { ...holder, birthYear: 1954 }),
  healthCard('no birth date', { name: nguyen }, { name: holder.name }, { warnings: ['birth-date-malformed'] }),
  healthCard('no name', { birthDate }, { birthYear: 1990 }, { warnings: ['name-missing'] }),
  healthCard('valid for a while', { name: nguyen, birthDate, exp: later }, holder, { expires: '2026-12-31' }),
  healthCard('expired', { name: nguyen, birthDate, exp: earlier }, holder, {
    warnings: ['expired'],
    expires: '2022-06-22',
  }),
  {
    what: 'one of two parts',
    text: 'shc:/1/2/5676290952432060346029243740446031222959',
    expect: { refused: 'health-card-in-parts' },
  },
  { what: 'cut in a pair', text: whole.text.slice(0, -1), expect: { refused: 'health-card-malformed' } },
  { what: 'cut in the middle', text: whole.text.slice(0, 205), expect: { refused: 'health-card-malformed' } },
  { what: 'of nobody', text: packHealthCard({ vc: {} }), expect: { refused: 'health-card-malformed' } },
  { what: 'nothing behind the mark', text: 'shc:/', expect: { refused: 'health-card-malformed' } },
];

function write(name: string, text: string): void {
  writeFileSync(join(import.meta.dirname, name), text);
}

write('certificate-signers.pem', es256.certPem + ps256.certPem);
write('vaccine-certificate.json', `${JSON.stringify(certificates, null, 2)}\n`);
write('smart-health-card.json', `${JSON.stringify(healthCards, null, 2)}\n`);
