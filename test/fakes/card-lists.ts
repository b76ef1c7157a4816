import { generateKeyPairSync } from 'node:crypto';
import type { CardLists } from '../../gateway/cards/card-lists.ts';
import { type IssuedRun, issuerIdOf, itemBytesOf } from '../../shared/rules.ts';

/** A register in memory that a test writes into. */
export class MemoryCardLists implements CardLists {
  readonly #lists: Record<'revoked' | 'issued', Uint8Array> = { revoked: new Uint8Array(0), issued: new Uint8Array(0) };
  named: { readonly id: string; readonly name: string; readonly publicKey: string }[] = [];
  /** Which issuer's key signed what, from which issued number on. */
  runs: IssuedRun[] = [];
  /** What reading throws, while there is something. */
  trouble: Error | null = null;

  counts(): { readonly revoked: number; readonly issued: number } {
    if (this.trouble !== null) throw this.trouble;
    return {
      revoked: this.#lists.revoked.length / itemBytesOf.revoked,
      issued: this.#lists.issued.length / itemBytesOf.issued,
    };
  }

  read(list: 'revoked' | 'issued', from: number, count: number): Uint8Array {
    const itemBytes = itemBytesOf[list];
    return this.#lists[list].slice(from * itemBytes, (from + count) * itemBytes);
  }

  issuedRuns() {
    return this.runs;
  }

  issuers() {
    return this.named;
  }

  add(list: 'revoked' | 'issued', ...items: readonly Uint8Array[]): void {
    this.#lists[list] = Buffer.concat([this.#lists[list], ...items]);
  }

  /** Puts another list in the place of one. */
  replace(list: 'revoked' | 'issued', ...items: readonly Uint8Array[]): void {
    this.#lists[list] = Buffer.concat(items);
  }
}

/** A made-up issuer. */
export function makeIssuer(name = 'Nhà máy A') {
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return { id: issuerIdOf(x), name, publicKey: x };
}

/** The card id whose first 32 bits are `number` (so that is its short number, below a thousand million). */
export function cardId(number: number, rest = 0): Uint8Array {
  const id = Buffer.alloc(itemBytesOf.revoked);
  id.writeUInt32BE(number, 0);
  id.writeUInt32BE(rest, 8);
  return id;
}

/** A short number as the register lists it. */
export function shortNumber(number: number): Uint8Array {
  const item = Buffer.alloc(itemBytesOf.issued);
  item.writeUInt32BE(number);
  return item;
}
