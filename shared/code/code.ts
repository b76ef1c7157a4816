import type { Identity } from '../identity.ts';
import type { Known } from './known.ts';

/** What is odd about a code without making it unacceptable. Goes into the entry; never holds personal data. */
export type Warning =
  | 'unknown-province'
  | 'birth-year-mismatch'
  | 'sex-mismatch'
  | 'birth-date-malformed'
  | 'sex-malformed'
  | 'name-missing'
  | 'name-cut'
  | 'issue-date-malformed'
  | 'old-number-malformed'
  /** An expired card could not be told: the clock is not synchronised, or only the number was typed. */
  | 'expiry-unchecked'
  /** Not scanned: anybody could type it. */
  | 'number-typed';

/** Why a text is no personal code. The reason code of the refused entry. */
export type UnknownReason =
  /** Nothing here knows it. */
  | 'unknown-code'
  /** Nothing but white space. */
  | 'empty-code'
  /** Looks like an ID card, but ends early: the scanner or the print cut it. */
  | 'id-card-incomplete'
  /** Looks like an ID card, but its number is not one. */
  | 'id-card-number-invalid'
  /** A printed card whose signature is not its issuer's. */
  | 'card-forged'
  | 'card-expired'
  | 'card-revoked'
  /** A printed card of a site, commune or province that this site does not accept. */
  | 'card-issuer-unknown'
  /** Begins like a printed card, but is none, or one of a later version. */
  | 'card-malformed'
  /** Typed as a card's number is printed, but no card has it, or a digit is wrong. */
  | 'card-number-unknown';

/** A personal code, understood. */
export interface Code {
  readonly type: 'code';
  /** The format's name; goes into the entry. */
  readonly kind: string;
  /** Whether a signature proved it genuine. */
  readonly verified: boolean;
  /** The strongest identifying number: what the subject is computed from. */
  readonly number: string;
  /** Who it says its holder is; sealed before it touches a disk. */
  readonly identity: Identity;
  readonly warnings: readonly Warning[];
  /** Fields after those the format defines, kept aside as they came; they are neither stored nor logged. */
  readonly extras: readonly string[];
}

/** A text that is no personal code, or one that cannot be used. */
export interface UnknownCode {
  readonly type: 'unknown';
  readonly reason: UnknownReason;
}

/** One format of personal codes. */
export interface Format {
  readonly kind: string;
  /** The code; or why a text that is clearly of this format cannot be used; or null: not this format. Never throws. */
  read(text: string, known: Known): Code | UnknownCode | null;
}
