import { encode } from 'cborg';
import { beforeAll, describe, expect, it } from 'vitest';
import { inflatedBytesMax } from '../../../shared/code/bounded-inflate.ts';
import { type Known, nothingKnown } from '../../../shared/code/known.ts';
import { vaccineCertificate } from '../../../shared/code/vaccine-certificate.ts';
import {
  type CertificateSigner,
  knownSigners,
  makeCertificate,
  makeSigner,
  packCertificate,
} from '../../fakes/vaccine-certificates.ts';

/** The longest frame that a scanner's framer lets through, in bytes. */
const frameBytesMax = 8192;

const content = { nam: { fn: 'Nguyễn Văn', gn: 'A' }, dob: '1990-01-18', ci: '01/VN/1A', exp: 1_798_736_399 };

let signer: CertificateSigner;
let rsa: CertificateSigner;
let known: Known;
beforeAll(async () => {
  [signer, rsa] = [await makeSigner('es256'), await makeSigner('ps256')];
  known = {
    ...nothingKnown,
    nowMs: Date.UTC(2026, 10, 20),
    clockSynced: true,
    certificateSigners: knownSigners(signer, rsa),
  };
});

function read(text: string, changes: Partial<Known> = {}) {
  return vaccineCertificate.read(text, { ...known, ...changes });
}

describe('a vaccine certificate', () => {
  it.each(['es256', 'ps256'] as const)('signed with %s by a known signer is verified', (algorithm) => {
    const text = makeCertificate(algorithm === 'es256' ? signer : rsa, content);
    expect(read(text)).toMatchObject({
      verified: true,
      warnings: [],
      expires: '2026-12-31',
      identity: { name: 'Nguyễn Văn A', number: '01/VN/1A', birthYear: 1990 },
    });
  });

  it('is taken unverified, with a warning, where nobody is known', () => {
    const code = read(makeCertificate(signer, content), { certificateSigners: new Map() });
    expect(code).toMatchObject({ type: 'code', verified: false, warnings: ['signature-unverified'] });
  });

  it('is refused when it says that a known signer signed it, and another did', async () => {
    const forger = await makeSigner('es256');
    const forged = { type: 'unknown', reason: 'certificate-forged' };
    expect(read(makeCertificate(signer, content, { signedBy: forger }))).toEqual(forged);
    expect(read(makeCertificate(signer, content, { signedBy: rsa }))).toEqual(forged);
    expect(read(makeCertificate(rsa, content, { signedBy: forger }))).toEqual(forged);
    const es384 = await makeSigner('es384');
    expect(read(makeCertificate(es384, content), { certificateSigners: knownSigners(es384) })).toEqual(forged);
  });

  it('is never verified with a byte of it changed', () => {
    const text = makeCertificate(signer, content);
    for (let place = 4; place < text.length; place++) {
      const other = text[place] === '7' ? '8' : '7';
      const code = read(text.slice(0, place) + other + text.slice(place + 1));
      expect([place, code?.type]).toEqual([place, 'unknown']);
    }
  });

  it('expires at the end of its last day in Viet Nam, by a warning only', () => {
    const text = makeCertificate(signer, content);
    const at = (time: string) => read(text, { nowMs: Date.parse(time) });
    expect(at('2026-12-31T23:59:59+07:00')).toMatchObject({ warnings: [] });
    expect(at('2027-01-01T00:00:00+07:00')).toMatchObject({ type: 'code', verified: true, warnings: ['expired'] });
  });

  it('that may have expired is no more than unchecked while the clock is not synchronised', () => {
    const text = makeCertificate(signer, content);
    const code = read(text, { clockSynced: false, nowMs: Date.UTC(2099, 0, 1) });
    expect(code).toMatchObject({ verified: true, warnings: ['expiry-unchecked'] });
  });

  it.each([Number.NaN, -1, 1e300, 253_402_300_800])('whose end is %d has none', (exp) => {
    const code = read(makeCertificate(signer, { ...content, exp }));
    expect(code).toMatchObject({ type: 'code', warnings: [] });
    expect(code).not.toHaveProperty('expires');
  });

  it('without a number is known by a digest of what was signed, the same for the same certificate', () => {
    const { ci: _, ...unnumbered } = content;
    const [one, again] = [makeCertificate(signer, unnumbered), makeCertificate(signer, unnumbered)];
    expect(one).not.toBe(again); // an ECDSA signature is another every time
    const code = read(one);
    expect(code).toMatchObject({ type: 'code', number: expect.stringMatching(/^sha256:/) });
    expect(code).not.toHaveProperty('identity.number');
    expect(read(again)).toEqual(code);
  });

  it('keeps its trailing space to itself, which a terminal may add, and no space inside', () => {
    const text = makeCertificate(signer, content);
    expect(read(`${text} \n`)).toEqual(read(text));
    expect(read(`${text.slice(0, 40)} ${text.slice(40)}`)).toMatchObject({ reason: 'certificate-malformed' });
  });
});

describe('what is packed like a vaccine certificate', () => {
  const malformed = { type: 'unknown', reason: 'certificate-malformed' };

  it.each<[string, () => Uint8Array]>([
    ['is far larger than any', () => encode(new Uint8Array(inflatedBytesMax + 1))],
    ['is nested deeper than the stack', () => new Uint8Array(inflatedBytesMax - 1).fill(0x81)],
    ['has a list that says it is endless', () => new Uint8Array([0x9b, 0x7f, 255, 255, 255, 255, 255, 255, 255])],
    ['has one key twice', () => new Uint8Array([0xa2, 1, 1, 1, 2])],
    ['is a text', () => encode('hello')],
    ['is a list of four other things', () => encode([1, 2, 3, 4])],
    ['has a payload that is none', () => encode([new Uint8Array(), {}, encode('x'), new Uint8Array()])],
    ['has an unknown tag', () => new Uint8Array([0xd8, 0x63, 0x80])],
    ['is empty', () => new Uint8Array()],
  ])('and %s is refused at once', (_, makeBytes) => {
    const text = packCertificate(makeBytes());
    expect(text.length).toBeLessThan(frameBytesMax);
    expect(read(text)).toEqual(malformed);
  });

  it('and packed to bursting is refused without being unpacked', () => {
    const bomb = packCertificate(new Uint8Array(4 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(frameBytesMax);
    const before = process.memoryUsage().arrayBuffers;
    expect(read(bomb)).toEqual(malformed);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  it.each(['HC1:', 'HC1: ', 'HC1:abc', 'HC1::::', 'HC1:ZZZ', 'HC1:0'])('%j is refused', (text) => {
    expect(read(text)).toEqual(malformed);
  });

  it.each(['hc1:NCF', ' HC1:NCF', 'HC2:NCF', 'HC1'])('%j is not taken for one', (text) => {
    expect(read(text)).toBeNull();
  });
});
