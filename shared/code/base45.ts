/** Base45 (RFC 9285), strictly: what is not the one form of some bytes is not taken. */
import { decode } from 'base45';

const any = '[0-9A-Z $%*+\\-./:]';

/**
 * Groups of three letters up to 65535 (`FGW`), then perhaps one of two up to 255 (`U5`). The library looks at neither
 * alphabet nor range, and would make bytes of anything (RFC 9285 §6).
 */
const wellFormed = new RegExp(`^(?:${any}{2}[0-9A-V]|${any}[0-9A-F]W|[0-9A-F]GW)*(?:${any}[0-4]|[0-9A-U]5)?$`);

/** The bytes of a text; null where it is no base45. Spaces are part of it, so nothing is trimmed. */
export function decodeBase45(text: string): Uint8Array<ArrayBuffer> | null {
  return wellFormed.test(text) ? Uint8Array.from(decode(text)) : null;
}
