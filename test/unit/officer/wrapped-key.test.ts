import { createCipheriv, scryptSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readWrappedKeys,
  type ScryptCost,
  scryptCost,
  unwrapKeys,
  wrapKeys,
} from '../../../gateway/officer/wrapped-key.ts';
import { generateSiteKey, publicKeyOf, siteKeyId } from '../../../shared/identity.ts';

/** A guess that costs nothing, so that many can be tried here. */
const cheap: ScryptCost = { n: 16, r: 1, p: 1 };
const path = 'site.key.wrapped';

async function makeSecret() {
  const { publicKey, privateKey } = await generateSiteKey();
  return { id: siteKeyId(publicKey), privateKey };
}

/** Opens a text as a command does. */
const open = (text: string, passphrase: string) => unwrapKeys(readWrappedKeys(text, path), passphrase, path);

describe('a wrapped file', () => {
  it('gives back what was put in under any passphrase, and nothing under another', async () => {
    const secrets = [await makeSecret(), await makeSecret(), await makeSecret()];
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 3 }),
        async (passphrase, other, count) => {
          fc.pre(passphrase !== other);
          const text = await wrapKeys(secrets.slice(0, count), passphrase, cheap);
          const opened = await open(text, passphrase);
          expect(opened?.map(({ id, privateKey }) => [id, Buffer.from(privateKey)])).toEqual(
            secrets.slice(0, count).map(({ id, privateKey }) => [id, Buffer.from(privateKey)]),
          );
          expect(await open(text, other)).toBeNull();
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is scrypt and AES-256-GCM as its page says, so that it can be opened without this program', async () => {
    const { id, privateKey } = await makeSecret();
    const salt = Buffer.alloc(16, 7);
    const nonce = Buffer.alloc(12, 9);
    const key = scryptSync('năm từ không liên quan', salt, 32, { N: 1024, r: 8, p: 1 });
    const encrypt = createCipheriv('aes-256-gcm', key, nonce);
    const saltText = salt.toString('base64url');
    encrypt.setAAD(Buffer.from(JSON.stringify(['ravao site key', 1, 'scrypt', 1024, 8, 1, saltText, id])));
    const ct = Buffer.concat([encrypt.update(privateKey), encrypt.final(), encrypt.getAuthTag()]);
    const wrapped = {
      v: 1 as const,
      kdf: { name: 'scrypt' as const, n: 1024, r: 8, p: 1, salt: saltText },
      keys: [{ key: id, nonce: nonce.toString('base64url'), ct: ct.toString('base64url') }],
      digest: '',
    };
    const opened = await unwrapKeys(wrapped, 'năm từ không liên quan', path);
    expect(opened?.map((one) => [one.id, Buffer.from(one.privateKey)])).toEqual([[id, Buffer.from(privateKey)]]);
  });

  it('holds no byte of the key or the passphrase in clear, and is never twice the same', async () => {
    const secret = await makeSecret();
    const passphrase = 'mười hai con mèo xanh';
    const [one, other] = [await wrapKeys([secret], passphrase, cheap), await wrapKeys([secret], passphrase, cheap)];
    expect(one).not.toBe(other);
    for (const form of ['hex', 'base64url', 'base64', 'latin1'] as const)
      expect(one).not.toContain(Buffer.from(secret.privateKey).toString(form));
    expect(one).not.toContain(passphrase);
  });

  it('costs a guesser at least 64 MiB, and says what it costs', async () => {
    expect(128 * scryptCost.n * scryptCost.r).toBeGreaterThanOrEqual(64 * 1024 * 1024);
    const text = await wrapKeys([await makeSecret()], 'a strong passphrase', scryptCost);
    expect(JSON.parse(text).kdf).toMatchObject({ name: 'scrypt', ...scryptCost });
    expect(await open(text, 'a strong passphrase')).toHaveLength(1);
  });

  it('is told from a wrong passphrase when any character of it has changed', async () => {
    const text = await wrapKeys([await makeSecret()], 'passphrase', cheap);
    for (let index = 0; index < text.trimEnd().length; index++) {
      const changed = `${text.slice(0, index)}${text[index] === 'A' ? 'B' : 'A'}${text.slice(index + 1)}`;
      expect(() => readWrappedKeys(changed, path), `character ${index}`).toThrow(
        /KEY_FILE_(?:INVALID|NEWER): .*wrapped/,
      );
    }
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'site key'],
    ['another JSON', '[]'],
    ['a file cut off', '{"v":1,"kdf":{"name":"scrypt"'],
  ])('that is %s is refused by name', (_, text) => {
    expect(() => readWrappedKeys(text, path)).toThrow(/^KEY_FILE_INVALID: .* File: site\.key\.wrapped: /);
  });

  it('of a later version is left to a later program', () => {
    expect(() => readWrappedKeys('{"v":2,"argon":true}', path)).toThrow(/^KEY_FILE_NEWER: .*version 2, .* reads 1/);
  });

  it.each([
    ['more memory than there is', { n: 2 ** 24, r: 8, p: 1 }],
    ['a cost that is no power of two', { n: 1000, r: 8, p: 1 }],
    ['endless work', { n: 16, r: 1, p: 1_000_000 }],
  ])('that asks for %s is refused before it is tried', async (_, cost) => {
    const { digest: __, ...file } = JSON.parse(await wrapKeys([await makeSecret()], 'passphrase', cheap));
    const text = JSON.stringify({ ...file, kdf: { ...file.kdf, ...cost }, digest: 'x' });
    expect(() => readWrappedKeys(text, path)).toThrow(/KEY_FILE_INVALID: .*kdf/);
  });

  it('does not pass one key off as another', async () => {
    const [one, other] = [await makeSecret(), await makeSecret()];
    const text = await wrapKeys([{ id: other.id, privateKey: one.privateKey }], 'passphrase', cheap);
    await expect(open(text, 'passphrase')).rejects.toThrow(/KEY_FILE_INVALID/);
    // Moved under another id, it no longer fits what it was authenticated with.
    const file = readWrappedKeys(await wrapKeys([one], 'passphrase', cheap), path);
    const moved = { ...file, keys: file.keys.map((key) => ({ ...key, key: other.id })) };
    expect(await unwrapKeys(moved, 'passphrase', path)).toBeNull();
  });
});

describe('the public key of a private one', () => {
  it('is what it was made with', async () => {
    const { publicKey, privateKey } = await generateSiteKey();
    expect(Buffer.from(publicKeyOf(privateKey))).toEqual(Buffer.from(publicKey));
  });
});
