/** COSE_Sign1 (RFC 9052 §4.2): the signed envelope of vaccine certificates. */
import { decode, encode, type TagDecoder } from 'cborg';
import type { Known } from './known.ts';
import { pick } from './nested.ts';
import { isSignedBy } from './signature.ts';

/** An envelope, opened and not yet believed. */
export interface Envelope {
  /** What was signed: maps are Maps, since claims have numbers for keys. */
  readonly payload: unknown;
  readonly payloadBytes: Uint8Array;
  /** `unknown-signer`: there is no key to check it with. */
  readonly signature: 'good' | 'bad' | 'unknown-signer';
}

const header = { algorithm: 1, keyId: 4 } as const;

/** Tags that say what is known anyhow: times, COSE_Sign1 (18), CWT (61). Any other is an error. */
const untag: TagDecoder = (content) => content();
const options = {
  useMaps: true,
  rejectDuplicateMapKeys: true,
  tags: { 0: untag, 1: untag, 18: untag, 61: untag },
};

/** Opens an envelope and checks its signature against the signers that are known. Null where it is none. Never throws. */
export function openEnvelope(bytes: Uint8Array, { certificateSigners }: Known): Envelope | null {
  const parts = decodeCbor(bytes);
  if (!Array.isArray(parts) || parts.length !== 4) return null;
  const [protectedBytes, unprotected, payloadBytes, signature]: unknown[] = parts;
  if (!isBytes(protectedBytes) || !isBytes(payloadBytes) || !isBytes(signature)) return null;
  const protectedHeader = protectedBytes.length === 0 ? undefined : decodeCbor(protectedBytes);
  const payload = decodeCbor(payloadBytes);
  if (!(payload instanceof Map)) return null;
  const field = (name: number) => pick(protectedHeader, name) ?? pick(unprotected, name);
  const keyId = field(header.keyId);
  const key = isBytes(keyId) ? certificateSigners.get(Buffer.from(keyId).toString('base64')) : undefined;
  if (key === undefined) return { payload, payloadBytes, signature: 'unknown-signer' };
  // RFC 9052 §4.4: what is signed is the context, the protected header, no external data, and the payload.
  const signed = encode(['Signature1', protectedBytes, new Uint8Array(), payloadBytes]);
  const good = isSignedBy(key, field(header.algorithm), signed, signature);
  return { payload, payloadBytes, signature: good ? 'good' : 'bad' };
}

/** Undefined where it is no CBOR, or more deeply nested than the stack. */
function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, options);
  } catch {
    return undefined;
  }
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
