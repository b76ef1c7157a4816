import type { CardLists } from '../../gateway/cards/card-lists.ts';
import { type CardListName, itemBytesOf } from '../../shared/rules.ts';

/** A made-up issuer; nobody has its private key. */
const issuer = { id: '66687aad', name: 'bench', publicKey: 'A'.repeat(43) };

/** A register of any length that takes no memory: its items follow from their places. */
export class MadeCardLists implements CardLists {
  readonly #counts: { revoked: number; issued: number };

  constructor(count: number) {
    this.#counts = { revoked: count, issued: count };
  }

  counts(): { readonly revoked: number; readonly issued: number } {
    return this.#counts;
  }

  read(list: CardListName, from: number, count: number): Uint8Array {
    const end = Math.min(this.#counts[list], from + count);
    const itemBytes = itemBytesOf[list];
    const view = new DataView(new ArrayBuffer(Math.max(0, end - from) * itemBytes));
    for (let place = from; place < end; place++) writeItem(list, place, view, (place - from) * itemBytes);
    return new Uint8Array(view.buffer);
  }

  issuedRuns() {
    return [];
  }

  issuers() {
    return [issuer];
  }

  /** Revokes one card more. */
  revoke(): void {
    this.#counts.revoked++;
  }
}

/** What stands in a list at a place: different at all places, and spread evenly. */
export function itemOf(list: CardListName, place: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(itemBytesOf[list]));
  writeItem(list, place, view, 0);
  return new Uint8Array(view.buffer);
}

function writeItem(list: CardListName, place: number, view: DataView, at: number): void {
  const number = mixed(place) >>> 0;
  view.setUint32(at, list === 'issued' ? number % 1_000_000_000 : number);
  if (list === 'revoked') view.setUint32(at + 8, place);
}

/** A permutation of the 32-bit numbers (MurmurHash3's finaliser). */
function mixed(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
