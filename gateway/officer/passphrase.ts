/** The health officer's passphrase: what may be one, and how it is brought into one form. */

/** A shorter one is guessed from a stolen disk. Five words are easier to remember than twelve odd characters. */
export const passphraseCharsMin = 12;

/** A longer one is a file that was named by mistake. */
export const passphraseCharsMax = 1000;

/** `aaaaaaaaaaaa` is long and no secret. */
export const differentCharsMin = 6;

/**
 * One form for one passphrase (Unicode's NFKC), for input methods for Vietnamese write `ế` as one character, two or three,
 * and a phone's keyboard puts other spaces than a desk's.
 */
export function normalisePassphrase(typed: string): string {
  return typed.normalize('NFKC');
}

/** What is wrong with a new passphrase, for the one who chose it; null where it will do. @param passphrase normalised. */
export function weaknessOf(passphrase: string): string | null {
  const characters = [...passphrase];
  if (characters.length < passphraseCharsMin)
    return `It has ${characters.length} characters; at least ${passphraseCharsMin}, better five words that do not belong together.`;
  if (characters.length > passphraseCharsMax) return `It has more than ${passphraseCharsMax} characters.`;
  if (new Set(characters).size < differentCharsMin)
    return `It has fewer than ${differentCharsMin} different characters.`;
  return null;
}
