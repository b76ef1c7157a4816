/** Whether bytes that could not be understood name a person or an entry all the same. */

/** Whether raw bytes hold one of these words (pseudonyms, ids), as text or as a JSON value that is written with escapes. */
export function mentions(raw: Uint8Array, words: Iterable<string>): boolean {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const text = bytes.toString('latin1');
  const parsed = text.includes('\\') ? parse(bytes) : '';
  const lower = text.toLowerCase();
  for (const word of words) {
    if (text.includes(word) || parsed.includes(word) || lower.includes(word.toLowerCase())) return true;
  }
  return false;
}

/** The same JSON without needless escapes; empty where it is none. */
function parse(bytes: Buffer): string {
  try {
    return JSON.stringify(JSON.parse(bytes.toString('utf8')));
  } catch {
    return '';
  }
}
