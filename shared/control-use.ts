/** What a guard's card leaves behind in an entry, so that its use reaches the site's audit. Unknown fields of an entry are kept. */
import type { ControlAction } from './control-card.ts';

/** The kind of an entry that says what was done to a gate. Nobody passed: it is no scan of a person. */
export const controlKind = 'control';

/** The kind of an entry of somebody whom a guard let pass without a code: a person, whom nobody knows. */
export const visitorKind = 'visitor';

/** The field `control` of an entry. */
export interface ControlMark {
  /** The card's number, ten digits; null where nothing proves which card it was. */
  readonly card: string | null;
  readonly action: ControlAction | null;
}

/** How the field begins in an entry's JSON. No text inside of an entry can hold this, as its quotation marks are escaped. */
export const controlMark = '"control":{';

/** Whether an entry is of a person at a gate, and not of what a guard did to it: what counts, reports and traces ask. */
export function isPassage({ code }: { readonly code: { readonly kind: string } }): boolean {
  return code.kind !== controlKind;
}
