/** Base45 (RFC 9285), strictly: what is not the one form of some bytes is not taken. */
import { decode, encode } from 'base45';

/** The bytes of a text; null where it is no base45. Spaces are part of it, so nothing is trimmed. */
export function decodeBase45(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[0-9A-Z $%*+\-./:]*$/.test(text)) return null;
  // The library takes groups above their range (RFC 9285 §6), which then do not come back as they were.
  const bytes = Uint8Array.from(decode(text));
  return encode(bytes) === text ? bytes : null;
}
