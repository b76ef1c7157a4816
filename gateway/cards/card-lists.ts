import type { IssuedRun } from '../../shared/rules.ts';

/** Two lists that only grow, in the order they grew. Kiosks hold copies. */
export interface CardLists {
  /** How long each list is now, in items. */
  counts(): { readonly revoked: number; readonly issued: number };
  /** Items `from` (from 0) up to `from + count` or the end, back to back: `revoked` 12 bytes each (card id), `issued` 4 bytes each (uint32 BE short number). */
  read(list: 'revoked' | 'issued', from: number, count: number): Uint8Array;
  /** From which item of `issued` on which issuer's key signed the cards, in order; the first from 0. None where no card was issued. */
  issuedRuns(): readonly IssuedRun[];
  /** The issuers kiosks accept, own first and marked: key id, name, raw public key base64url. */
  issuers(): readonly {
    readonly id: string;
    readonly name: string;
    readonly publicKey: string;
    readonly own?: boolean;
  }[];
}
