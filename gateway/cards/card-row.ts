/** What a row of the register says of any card, a person's or a guard's. */
import type { RevocationReason } from './registered-cards.ts';

/** The columns that both kinds have, with the card's revocation beside them. */
export interface CardRow {
  readonly id: Buffer;
  readonly number: number;
  readonly issuer: string;
  readonly issued_day: number;
  readonly expiry_day: number;
  readonly sealed_enc: string;
  readonly sealed_ct: string;
  readonly sealed_key: string;
  readonly printed_ms: number | null;
  readonly at_ms: number | null;
  readonly reason: RevocationReason | null;
}

/** Reads them. */
export function readCardRow(row: CardRow) {
  return {
    id: Uint8Array.from(row.id),
    number: row.number,
    issuer: row.issuer,
    issuedDay: row.issued_day,
    expiryDay: row.expiry_day,
    sealed: { enc: row.sealed_enc, ct: row.sealed_ct, key: row.sealed_key },
    printed: row.printed_ms !== null,
    revoked: row.at_ms === null || row.reason === null ? null : { atMs: row.at_ms, reason: row.reason },
  };
}
