/** What a kiosk knows when it reads a code: the time, whose cards count, and who signs certificates. */
import type { KeyObject } from 'node:crypto';

/** Who may sign printed cards. */
export interface CardIssuer {
  /** The key id that its cards carry: 8 lower-case hex digits, the first 4 bytes of SHA-256 over the raw public key (32 bytes). */
  readonly id: string;
  /** As people call it: a site, a commune, a province. */
  readonly name: string;
  /** Ed25519. */
  readonly publicKey: KeyObject;
  /** Whether it is this site: only its own cards control a gate. Absent: it is not. */
  readonly own?: boolean;
}

/** What a kiosk knows of printed cards, without a network. */
export interface KnownCards {
  /** By key id. */
  readonly issuers: ReadonlyMap<string, CardIssuer>;
  /** Whether this site once issued cards with the key of that id and takes them no more. Absent: that is not known of any. */
  isRetired?(issuer: string): boolean;
  /** Whether a card was revoked. @param cardId 12 bytes. */
  isRevoked(cardId: Uint8Array): boolean;
  /** The key id of the issuer whose card has this short number and is not revoked; null where none has. @param number the nine digits before the check digit, as a number. */
  issuerOfNumber(number: number): string | null;
  /** Whether a card of this short number was given out and revoked. */
  isNumberRevoked(number: number): boolean;
}

/** What a kiosk knows when it reads a code. */
export interface Known {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Whether that time can be trusted; if not, nothing is refused for being expired, and a warning says so. */
  readonly clockSynced: boolean;
  readonly cards: KnownCards;
  /** This kiosk's id; without one, no control card of a single kiosk is taken. */
  readonly kiosk?: string;
  /** Who signs vaccine certificates: public keys by key id (standard base64 of the 8 bytes). Empty: none is checked. */
  readonly certificateSigners: ReadonlyMap<string, KeyObject>;
}

/** Knows nobody and nothing: every signature is unverified, every card foreign. */
export const nothingKnown: Known = {
  nowMs: 0,
  clockSynced: false,
  cards: { issuers: new Map(), isRevoked: () => false, issuerOfNumber: () => null, isNumberRevoked: () => false },
  certificateSigners: new Map(),
};
