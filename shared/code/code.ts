import type { ControlAction } from '../control-card.ts';
import type { ControlMark } from '../control-use.ts';
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
  | 'name-malformed'
  | 'name-cut'
  | 'issue-date-malformed'
  | 'old-number-malformed'
  /** An insurance card's text ends early, after all that is needed. */
  | 'end-missing'
  | 'valid-dates-malformed'
  | 'not-yet-valid'
  | 'expired'
  /** Whether it has expired cannot be told: the clock is not synchronised, or only a number was typed. */
  | 'expiry-unchecked'
  /** The code hides the number; what stands for the person is another one in it. */
  | 'number-masked'
  /** Somebody else declared for the holder, so the number may be theirs. */
  | 'declared-by-another'
  /** It bears a signature whose key is not known here. */
  | 'signature-unverified'
  /** Not scanned: anybody could type it. */
  | 'number-typed';

/** Why a text is no personal code. The reason code of the refused entry. What people are told: `refusal-texts.ts`. */
export type UnknownReason =
  /** Nothing here knows it. */
  | 'unknown-code'
  /** Nothing but white space. */
  | 'empty-code'
  /** Looks like an ID card, but ends early: the scanner or the print cut it. */
  | 'id-card-incomplete'
  /** Looks like an ID card, but its number is not one. */
  | 'id-card-number-invalid'
  | 'insurance-card-incomplete'
  | 'insurance-card-number-invalid'
  /** A national personal code that ends early. */
  | 'personal-code-incomplete'
  /** A national personal code without anything that identifies: the number is masked or none, and there is no QID. */
  | 'personal-code-number-hidden'
  | 'hcmc-result-incomplete'
  /** Signed in the name of a known signer, but not by it, or changed since. */
  | 'certificate-forged'
  | 'certificate-malformed'
  /** One of several codes that make up a SMART Health Card. */
  | 'health-card-in-parts'
  | 'health-card-malformed'
  /** A place's poster, which people scan with their phones. */
  | 'site-poster'
  | 'web-address'
  | 'payment-code'
  | 'wifi-code'
  /** A visiting card or a calendar entry, or a line of one. */
  | 'contact-code'
  /** Makes a phone call, write or open something. */
  | 'phone-action'
  | 'retail-barcode'
  /** Begins like a guard's control card, but is none, or one of a later version. */
  | 'control-code'
  /** A control card of another site, also of one whose cards are taken here, for persons; or by a key of this site that is believed no more. */
  | 'control-foreign'
  /** A control card whose signature is not this site's. */
  | 'control-forged'
  | 'control-revoked'
  | 'control-expired'
  /** A control card for another kiosk of this site. */
  | 'control-elsewhere'
  /** A printed card whose signature is not its issuer's. */
  /** What enrols a new kiosk, shown to one that is enrolled. */
  | 'invitation'
  | 'card-forged'
  | 'card-expired'
  | 'card-revoked'
  /** A printed card of a site, commune or province that this site does not accept. */
  | 'card-issuer-unknown'
  /** A printed card that names a key of this site which is not believed any more. */
  | 'card-issuer-retired'
  /** Begins like a printed card, but is none, or one of a later version. */
  | 'card-malformed'
  /** Typed as a card's number is printed, but no card has it, or a digit is wrong. */
  | 'card-number-unknown';

/** What was wrong with a reading that holds no text. */
export type DiscardedReason = 'scanner-not-utf8' | 'code-too-long';

/** Why the gate takes nobody, whatever they show. */
export type GateReason = 'gate-closed';

/** A personal code, understood. */
export interface Code {
  readonly type: 'code';
  /** The format's name; goes into the entry. */
  readonly kind: string;
  /** Whether a signature proved it genuine. */
  readonly verified: boolean;
  /**
   * The strongest identifying number: what the subject is computed from. One kind of number is written in one way, by
   * whatever code it comes: an ID number as its twelve digits, so that an ID card and a full national personal code of
   * one person give one subject; every other kind after a prefix (`bhxh:`, `cmnd:`, `doc:`, `qid:`, `hcmc:`, `uvci:`,
   * `sha256:`, `RV1:`), so that no two kinds can meet. shared/README.md lists them.
   */
  readonly number: string;
  /** Who it says its holder is; sealed before it touches a disk. */
  readonly identity: Identity;
  /** The last day on which it is valid, in Viet Nam, `yyyy-MM-dd`; absent where it has no end. */
  readonly expires?: string;
  readonly warnings: readonly Warning[];
  /** Fields after those the format defines, kept aside as they came; they are neither stored nor logged. */
  readonly extras: readonly string[];
}

/** A text that is no personal code, or one that cannot be used. */
export interface UnknownCode {
  readonly type: 'unknown';
  readonly reason: UnknownReason;
  /** Which of the site's control cards it is, where it is one that is not taken. */
  readonly control?: ControlMark;
}

/** A guard's control card that is genuine and holds here and now. */
export interface ControlCode {
  readonly type: 'control';
  readonly action: ControlAction;
  /** Its number, ten digits. */
  readonly card: string;
  /** Whether it is for this kiosk alone. */
  readonly scoped: boolean;
  readonly warnings: readonly Warning[];
}

/** One format of codes: personal ones, or some that are none and have a reason of their own. */
export interface Format {
  readonly kind: string;
  /**
   * The code; or why a text that is clearly of this format cannot be used; or null: not this format. Never throws, and
   * never claims a text that another format claims.
   */
  read(text: string, known: Known): Code | ControlCode | UnknownCode | null;
}

/** A text that a format claims and that cannot be used. */
export function refuse(reason: UnknownReason): UnknownCode {
  return { type: 'unknown', reason };
}
