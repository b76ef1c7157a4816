import type { IdentityOpener } from '../../shared/identity.ts';
import { askAt, readFrom } from '../officer/passphrase-source.ts';
import { openIdentities, type Unopened } from '../officer/site-keys.ts';
import type { CardsContext } from './command.ts';

/**
 * Openers of names, by the id of the key that they were sealed to; the passphrase is asked for where keys are wrapped.
 * Throws the Faults of opening the keys.
 * @param purpose what for, for the audit of attempts.
 * @param passphraseFile holds the passphrase; undefined: it is asked for at the terminal.
 */
export async function openNames(
  purpose: string,
  passphraseFile: string | undefined,
  { dataDir, clock, signal, desk, warn }: CardsContext,
): Promise<ReadonlyMap<string, IdentityOpener> | Unopened> {
  const passphrase = passphraseFile === undefined ? askAt(() => desk.open()) : readFrom(passphraseFile);
  try {
    return await openIdentities(purpose, { dataDir, keyFile: null, passphrase, clock, signal, warn });
  } finally {
    desk[Symbol.dispose]();
  }
}
