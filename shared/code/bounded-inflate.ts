/** Unpacking what a stranger packed. */
import { inflateRawSync, inflateSync } from 'node:zlib';

/** More than any certificate holds; a code of 8 KiB can be made to unpack to a thousand times as much. */
export const inflatedBytesMax = 64 * 1024;

/** What zlib (RFC 1950) or bare DEFLATE (RFC 1951) packed; null where it is damaged or unpacks to too much. */
export function inflate(bytes: Uint8Array, form: 'zlib' | 'deflate'): Uint8Array | null {
  try {
    const options = { maxOutputLength: inflatedBytesMax };
    return form === 'zlib' ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
  } catch {
    return null;
  }
}
