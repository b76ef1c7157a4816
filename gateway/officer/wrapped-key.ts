/**
 * The site's private keys as they lie on a disk: each encrypted (AES-256-GCM) under a key that scrypt makes of the health
 * officer's passphrase. JSON, version 1:
 *
 *     {"v":1,"kdf":{"name":"scrypt","n":131072,"r":8,"p":2,"salt":"<base64url>"},
 *      "keys":[{"key":"<site key id>","nonce":"<base64url>","ct":"<ciphertext and tag, base64url>"}],
 *      "digest":"<SHA-256 of all before it, base64url>"}
 *
 * What is authenticated with each key is the version, the whole of `kdf` and the key's id. The digest protects from
 * nobody: it tells a damaged file from a wrong passphrase.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../../shared/fault.ts';
import { publicKeyOf, siteKeyId } from '../../shared/identity.ts';
import { keyBytes } from '../trust/trust-files.ts';

/** A site's private key in clear. */
export interface SiteSecret {
  /** The id of its public key: what sealed identities name. */
  readonly id: string;
  /** 32 raw bytes. Whoever holds it overwrites it when done. */
  readonly privateKey: Uint8Array;
}

/** What a guess of the passphrase costs (RFC 7914): `128 * n * r` bytes of memory, and time in proportion to `n * r * p`. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** For new files: 128 MiB, 0.6 s of one core of a small server and some seconds of a Pi's. */
export const scryptCost: ScryptCost = { n: 2 ** 17, r: 8, p: 2 };

/** Memory that a file may ask for, in bytes: a file that asks for more was not written here. */
const scryptMemoryMax = 512 * 1024 * 1024;

/** Keys in a file: the site's, and those of before, which old entries are sealed to. */
export const wrappedKeysMax = 64;

/** A file is far smaller. */
export const wrappedFileBytesMax = 64 * 1024;

const version = 1;
const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const saltBytes = 16;

const bytesOf = (count: number) =>
  z
    .string()
    .regex(/^[\w-]+$/)
    .refine((text) => Buffer.from(text, 'base64url').length === count);

const kdfSchema = z
  .strictObject({
    name: z.literal('scrypt'),
    n: z.int().refine((n) => n >= 2 && (n & (n - 1)) === 0),
    r: z.int().min(1).max(64),
    p: z.int().min(1).max(64),
    salt: bytesOf(saltBytes),
  })
  .refine(({ n, r }) => 128 * n * r <= scryptMemoryMax);

const fileSchema = z.strictObject({
  v: z.literal(version),
  kdf: kdfSchema,
  keys: z
    .array(
      z.strictObject({
        key: z.string().regex(/^[\w-]{16}$/),
        nonce: bytesOf(nonceBytes),
        ct: bytesOf(keyBytes + tagBytes),
      }),
    )
    .min(1)
    .max(wrappedKeysMax),
  digest: z.string(),
});

/** A file of wrapped keys, read and found whole. */
export type WrappedKeys = z.infer<typeof fileSchema>;

/** Wraps keys under a passphrase that is normalised already; gives the file's text. */
export async function wrapKeys(
  secrets: readonly SiteSecret[],
  passphrase: string,
  cost: ScryptCost = scryptCost,
): Promise<string> {
  const kdf = { name: 'scrypt' as const, ...cost, salt: randomBytes(saltBytes).toString('base64url') };
  const wrapping = await deriveKey(passphrase, kdf);
  const keys = secrets.map(({ id, privateKey }) => {
    const nonce = randomBytes(nonceBytes);
    const encrypt = createCipheriv(cipher, wrapping, nonce, { authTagLength: tagBytes });
    encrypt.setAAD(boundWith(kdf, id));
    const ct = Buffer.concat([encrypt.update(privateKey), encrypt.final(), encrypt.getAuthTag()]);
    return { key: id, nonce: nonce.toString('base64url'), ct: ct.toString('base64url') };
  });
  wrapping.fill(0);
  const content = { v: version, kdf, keys } as const;
  return `${JSON.stringify({ ...content, digest: digestOf(content) })}\n`;
}

/** Reads a file's text. Throws the Faults KEY_FILE_INVALID and KEY_FILE_NEWER, which name `path`. */
export function readWrappedKeys(text: string, path: string): WrappedKeys {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Fault('KEY_FILE_INVALID', `File: ${path}: it is not JSON.`, { cause: error });
  }
  const written = typeof file === 'object' && file !== null && 'v' in file ? file.v : null;
  if (typeof written === 'number' && written > version) {
    throw new Fault('KEY_FILE_NEWER', `File: ${path}: version ${written}, this program reads ${version}.`);
  }
  const parsed = fileSchema.safeParse(file);
  if (!parsed.success) {
    const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'file').join(', ');
    throw new Fault('KEY_FILE_INVALID', `File: ${path}: ${fields}.`);
  }
  const { digest, ...content } = parsed.data;
  if (digest !== digestOf(content)) {
    throw new Fault('KEY_FILE_INVALID', `File: ${path}: it was changed or damaged since it was written.`);
  }
  return parsed.data;
}

/**
 * Opens all keys of a file; null where the passphrase is wrong. Throws the Fault KEY_FILE_INVALID where the file contradicts
 * itself, which no accident does.
 */
export async function unwrapKeys(
  wrapped: WrappedKeys,
  passphrase: string,
  path: string,
): Promise<readonly SiteSecret[] | null> {
  const wrapping = await deriveKey(passphrase, wrapped.kdf);
  const opened = wrapped.keys.map((one) => unwrapKey(wrapping, wrapped.kdf, one));
  wrapping.fill(0);
  const secrets = opened.filter((secret) => secret !== null);
  if (secrets.length === 0) return null;
  if (secrets.length < opened.length) {
    throw new Fault('KEY_FILE_INVALID', `File: ${path}: one passphrase opens only some of its keys.`);
  }
  const foreign = secrets.find(({ id, privateKey }) => siteKeyId(publicKeyOf(privateKey)) !== id);
  if (foreign === undefined) return secrets;
  throw new Fault('KEY_FILE_INVALID', `File: ${path}: the key under ${foreign.id} is another.`);
}

function unwrapKey(
  wrapping: Buffer,
  kdf: WrappedKeys['kdf'],
  { key, nonce, ct }: WrappedKeys['keys'][number],
): SiteSecret | null {
  const bytes = Buffer.from(ct, 'base64url');
  const decrypt = createDecipheriv(cipher, wrapping, Buffer.from(nonce, 'base64url'), { authTagLength: tagBytes });
  decrypt.setAAD(boundWith(kdf, key));
  decrypt.setAuthTag(bytes.subarray(keyBytes));
  const privateKey = decrypt.update(bytes.subarray(0, keyBytes));
  try {
    decrypt.final();
    return { id: key, privateKey };
  } catch {
    return null; // the tag does not fit
  }
}

function boundWith({ name, n, r, p, salt }: WrappedKeys['kdf'], key: string): Buffer {
  return Buffer.from(JSON.stringify(['ravao site key', version, name, n, r, p, salt, key]));
}

function digestOf(content: Omit<WrappedKeys, 'digest'>): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url');
}

function deriveKey(passphrase: string, { n, r, p, salt }: WrappedKeys['kdf']): Promise<Buffer> {
  // Twice what the table takes: OpenSSL counts its working blocks too.
  const options = { N: n, r, p, maxmem: 2 * scryptMemoryMax };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, Buffer.from(salt, 'base64url'), 32, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
