import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealedIdentitySchema } from '../../shared/entry.ts';
import {
  generateSiteKey,
  type Identity,
  identitySuite,
  importSiteKey,
  openIdentity,
  sealIdentity,
  siteKeyId,
  subjectOf,
} from '../../shared/identity.ts';

/**
 * RFC 9180, appendix A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode
 * (https://www.rfc-editor.org/rfc/rfc9180#appendix-A.1.1).
 */
const rfc9180 = {
  info: '4f6465206f6e2061204772656369616e2055726e',
  ikmE: '7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234',
  ikmR: '6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037',
  pkRm: '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d',
  skRm: '4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8',
  enc: '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431',
  pt: '4265617574792069732074727574682c20747275746820626561757479',
  /** By sequence number; the additional data is `Count-<sequence number>`. */
  ciphertexts: [
    'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
    'af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84',
    '498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc180',
  ],
  exports: [
    ['', '3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee'],
    ['00', '2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5'],
    ['54657374436f6e74657874', 'e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931'],
  ],
} as const;

function bytes(hex: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(hex, 'hex')).buffer;
}

function hex(buffer: ArrayBuffer): string {
  return Buffer.from(buffer).toString('hex');
}

function countAad(sequence: number): ArrayBuffer {
  return bytes(Buffer.from(`Count-${sequence}`).toString('hex'));
}

describe('the suite for identities agrees with RFC 9180 A.1.1', () => {
  it('when it derives the recipient key pair', async () => {
    const pair = await identitySuite.kem.deriveKeyPair(bytes(rfc9180.ikmR));
    expect(hex(await identitySuite.kem.serializePublicKey(pair.publicKey))).toBe(rfc9180.pkRm);
    expect(hex(await identitySuite.kem.serializePrivateKey(pair.privateKey))).toBe(rfc9180.skRm);
  });

  it('when it seals', async () => {
    const recipientPublicKey = await identitySuite.kem.deserializePublicKey(bytes(rfc9180.pkRm));
    const sender = await identitySuite.createSenderContext({
      recipientPublicKey,
      info: bytes(rfc9180.info),
      ekm: await identitySuite.kem.deriveKeyPair(bytes(rfc9180.ikmE)),
    });
    expect(hex(sender.enc)).toBe(rfc9180.enc);
    for (const [sequence, ciphertext] of rfc9180.ciphertexts.entries()) {
      expect(hex(await sender.seal(bytes(rfc9180.pt), countAad(sequence)))).toBe(ciphertext);
    }
  });

  it('when it opens and exports', async () => {
    const recipient = await identitySuite.createRecipientContext({
      recipientKey: await identitySuite.kem.deserializePrivateKey(bytes(rfc9180.skRm)),
      info: bytes(rfc9180.info),
      enc: bytes(rfc9180.enc),
    });
    for (const [sequence, ciphertext] of rfc9180.ciphertexts.entries()) {
      expect(hex(await recipient.open(bytes(ciphertext), countAad(sequence)))).toBe(rfc9180.pt);
    }
    for (const [context, value] of rfc9180.exports) {
      expect(hex(await recipient.export(bytes(context), 32))).toBe(value);
    }
  });
});

const person: Identity = { name: 'Nguyễn Văn A', number: '001099012345', birthYear: 1999, sex: 'male' };

describe('a sealed identity', () => {
  it("opens with the site's private key and the entry it belongs to, and is of the wire's form", async () => {
    const { publicKey, privateKey } = await generateSiteKey();
    const site = await importSiteKey(publicKey);
    const sealed = await sealIdentity(site, person, 'entry-1');
    expect(sealedIdentitySchema.parse(sealed)).toEqual(sealed);
    expect(sealed.key).toBe(siteKeyId(publicKey));
    expect(await openIdentity(privateKey, sealed, 'entry-1')).toEqual(person);
  });

  it('opens neither for another site, nor for another entry, nor when a bit of it is changed', async () => {
    const { publicKey, privateKey } = await generateSiteKey();
    const sealed = await sealIdentity(await importSiteKey(publicKey), person, 'entry-1');
    const other = await generateSiteKey();
    const ct = Buffer.from(sealed.ct, 'base64url');
    ct[5] = (ct[5] ?? 0) ^ 1;
    await expect(openIdentity(other.privateKey, sealed, 'entry-1')).rejects.toThrow();
    await expect(openIdentity(privateKey, sealed, 'entry-2')).rejects.toThrow();
    await expect(openIdentity(privateKey, { ...sealed, ct: ct.toString('base64url') }, 'entry-1')).rejects.toThrow();
  });

  it('differs each time and tells by its length no name', async () => {
    const site = await importSiteKey((await generateSiteKey()).publicKey);
    const first = await sealIdentity(site, person, 'entry-1');
    const second = await sealIdentity(site, person, 'entry-1');
    const longer = await sealIdentity(site, { ...person, name: 'Công Tằng Tôn Nữ Thị B' }, 'entry-1');
    expect(first.enc).not.toBe(second.enc);
    expect(first.ct).not.toBe(second.ct);
    expect(longer.ct.length).toBe(first.ct.length);
  });

  it('holds whatever a code says', async () => {
    const { publicKey, privateKey } = await generateSiteKey();
    const site = await importSiteKey(publicKey);
    const text = fc.string({ unit: 'grapheme', maxLength: 100 });
    await fc.assert(
      fc.asyncProperty(fc.record({ name: text, number: text }), async (identity) => {
        expect(await openIdentity(privateKey, await sealIdentity(site, identity, 'e'), 'e')).toEqual(identity);
      }),
      { numRuns: 50 },
    );
  });

  it('cannot be made for what is no public key', async () => {
    await expect(importSiteKey(new Uint8Array(31))).rejects.toThrow();
  });
});

describe('a subject', () => {
  const key = new Uint8Array(32).fill(7);

  it('is 132 bits of HMAC-SHA256 under the site key, base64url', () => {
    const mac = createHmac('sha256', key).update('001099012345').digest('base64url');
    expect(subjectOf(key, '001099012345')).toBe(mac.slice(0, 22));
  });

  it('is the same for the same number, and another for another number or site', () => {
    const subject = subjectOf(key, '001099012345');
    expect(subjectOf(key, '001099012345')).toBe(subject);
    expect(subjectOf(key, '001099012346')).not.toBe(subject);
    expect(subjectOf(new Uint8Array(32).fill(8), '001099012345')).not.toBe(subject);
  });
});
