/**
 * Pseudonyms and sealed identities: what lets a site count and trace people without any disk on the way telling a name.
 */
import { createHash, createHmac, createPrivateKey, type webcrypto } from 'node:crypto';
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { SealedIdentity } from './entry.ts';

/** Who a code says its holder is. Only what tracing needs; what a code does not say is absent. */
export interface Identity {
  readonly name?: string;
  /** The identifying number as printed: ID card, insurance card, passport, QID. */
  readonly number?: string;
  readonly birthYear?: number;
  readonly sex?: 'male' | 'female';
  readonly phone?: string;
}

/** A site's public key, ready to seal to. Make it once: {@link importSiteKey}. */
export interface SiteKey {
  /** 16 base64url characters of the key's SHA-256. */
  readonly id: string;
  readonly key: webcrypto.CryptoKey;
}

/** X25519-HKDF-SHA256, HKDF-SHA256, AES-128-GCM. Exported to be held against the vectors of RFC 9180. */
export const identitySuite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes128Gcm(),
});
const info = new TextEncoder().encode('ravao identity v1');

/** Plaintexts are padded with spaces to a multiple of this many bytes, so that a ciphertext's length tells little of a name's. */
const paddingBytes = 128;

/**
 * The pseudonym of a person at a site: HMAC-SHA256 under the site's subject key, base64url, cut to 22 characters
 * (132 bits). The same number gives the same subject at every kiosk of the site and nowhere else.
 */
export function subjectOf(subjectKey: Uint8Array, number: string): string {
  return createHmac('sha256', subjectKey).update(number, 'utf8').digest('base64url').slice(0, 22);
}

/** The id of a site key: 16 base64url characters of SHA-256 over its 32 raw bytes. */
export function siteKeyId(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('base64url').slice(0, 16);
}

/** Makes a site's X25519 key pair, as raw bytes (32 each). */
export async function generateSiteKey(): Promise<{ publicKey: Uint8Array; privateKey: Uint8Array }> {
  const pair = await identitySuite.kem.generateKeyPair();
  return {
    publicKey: new Uint8Array(await identitySuite.kem.serializePublicKey(pair.publicKey)),
    privateKey: new Uint8Array(await identitySuite.kem.serializePrivateKey(pair.privateKey)),
  };
}

/** Prepares a raw public key of 32 bytes for sealing. Throws where the bytes are no X25519 public key. */
export async function importSiteKey(publicKey: Uint8Array): Promise<SiteKey> {
  return { id: siteKeyId(publicKey), key: await identitySuite.kem.deserializePublicKey(toArrayBuffer(publicKey)) };
}

/** Seals identities to one site key. */
export interface IdentitySealer {
  /** As {@link sealIdentity}. */
  seal(identity: Identity, boundTo: string): Promise<SealedIdentity>;
}

/**
 * Makes a sealer that agrees on the key for the next identity while nobody waits, so that sealing is one encryption.
 * Each agreed key (RFC 9180 §5.1.1) seals one identity and no more.
 */
export function createSealer(site: SiteKey): IdentitySealer {
  const agree = () => identitySuite.createSenderContext({ recipientPublicKey: site.key, info });
  let next: ReturnType<typeof agree> | null = agree();
  return {
    async seal(identity, boundTo) {
      const agreed = next ?? agree();
      next = null;
      const context = await agreed;
      const ct = await context.seal(toPlaintext(identity), new TextEncoder().encode(boundTo));
      next ??= agree();
      return toSealed(site, context.enc, ct);
    },
  };
}

/**
 * Seals an identity to the site (HPKE base mode, RFC 9180 §6.1: X25519-HKDF-SHA256, HKDF-SHA256, AES-128-GCM).
 * @param boundTo the id of the entry it belongs to: authenticated with it, so it cannot be moved to another entry.
 */
export async function sealIdentity(site: SiteKey, identity: Identity, boundTo: string): Promise<SealedIdentity> {
  const sender = { recipientPublicKey: site.key, info };
  const { enc, ct } = await identitySuite.seal(sender, toPlaintext(identity), new TextEncoder().encode(boundTo));
  return toSealed(site, enc, ct);
}

function toPlaintext(identity: Identity): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(identity));
  const padded = new Uint8Array(Math.ceil(json.byteLength / paddingBytes) * paddingBytes).fill(0x20);
  padded.set(json);
  return padded;
}

function toSealed(site: SiteKey, enc: ArrayBuffer, ct: ArrayBuffer): SealedIdentity {
  return { enc: Buffer.from(enc).toString('base64url'), ct: Buffer.from(ct).toString('base64url'), key: site.id };
}

/** Opens identities that were sealed to one site key. */
export interface IdentityOpener {
  /** The id of that key: what a sealed identity names. */
  readonly id: string;
  /** Rejects where key, entry id or ciphertext do not fit. What comes out is as the kiosk said it: not checked. */
  open(sealed: SealedIdentity, boundTo: string): Promise<unknown>;
}

/** Makes an opener of a site's raw private key (32 bytes). Rejects where the bytes are no X25519 private key. */
export async function createOpener(privateKey: Uint8Array): Promise<IdentityOpener> {
  const recipientKey = await identitySuite.kem.deserializePrivateKey(toArrayBuffer(privateKey));
  return {
    id: siteKeyId(publicKeyOf(privateKey)),
    async open(sealed, boundTo) {
      const enc = toArrayBuffer(Buffer.from(sealed.enc, 'base64url'));
      const ct = Buffer.from(sealed.ct, 'base64url');
      const plain = await identitySuite.open({ recipientKey, enc, info }, ct, new TextEncoder().encode(boundTo));
      return JSON.parse(new TextDecoder().decode(plain));
    },
  };
}

/** Opens a sealed identity with the site's raw private key. Throws where key, entry id or ciphertext do not fit. */
export async function openIdentity(privateKey: Uint8Array, sealed: SealedIdentity, boundTo: string): Promise<Identity> {
  return (await (await createOpener(privateKey)).open(sealed, boundTo)) as Identity;
}

/** What stands before the 32 raw bytes of an X25519 private key in PKCS #8 (RFC 8410 §7). */
const x25519Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The public key (32 raw bytes) that belongs to a site's private key (32 raw bytes). */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const der = Buffer.concat([x25519Prefix, privateKey]);
  const { x = '' } = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
  der.fill(0);
  return Buffer.from(x, 'base64url');
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
