import { createPublicKey } from 'node:crypto';
import type { CardIssuer, KnownCards } from '../shared/code/known.ts';
import type { IssuedRun, RulesHead } from '../shared/rules.ts';
import type { ItemTable } from './item-table.ts';

/** A short number is a card id's first 32 bits modulo this. */
const shortNumbers = 1_000_000_000;

/** Where the cards' rules lie now. */
export interface CardTables {
  /** The site's own first. */
  readonly issuers: ReadonlyMap<string, CardIssuer>;
  /** Card ids (12 bytes) that are refused if any of these has them. */
  readonly revoked: readonly ItemTable[];
  /** Short numbers (uint32, big-endian) that the site gave out. */
  readonly issued: ItemTable;
  /** Under which of its keys, from which of these numbers on, in order. Empty: all under that of its own issuer. */
  readonly runs: readonly IssuedRun[];
}

/** Issuers by their key id, in the order of the head. */
export function readIssuers({ issuers }: Pick<RulesHead, 'issuers'>): ReadonlyMap<string, CardIssuer> {
  return new Map(
    issuers.map(({ id, name, publicKey, own = false }) => [id, { id, name, publicKey: importKey(publicKey), own }]),
  );
}

/** RFC 8037: an Ed25519 key as a JSON Web Key. */
function importKey(publicKey: string) {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
}

/** What a kiosk knows of cards, always as its tables are at the moment of asking. */
export function knownCardsOf(tables: () => CardTables): KnownCards {
  const beginning = new DataView(new ArrayBuffer(4));
  const beginningBytes = new Uint8Array(beginning.buffer);
  /** Where the short number stands among those given out; null where it does not. */
  const placeOf = (number: number) => {
    if (!Number.isInteger(number) || number < 0 || number >= shortNumbers) return null;
    beginning.setUint32(0, number);
    return tables().issued.placeOf(beginningBytes);
  };
  const hasRevoked = (number: number) => {
    // All beginnings of ids that give this number: four or five.
    for (let bits = number; bits < 2 ** 32; bits += shortNumbers) {
      beginning.setUint32(0, bits);
      if (tables().revoked.some((table) => table.hasBeginning(beginningBytes))) return true;
    }
    return false;
  };
  return {
    get issuers() {
      return tables().issuers;
    },
    isRetired(issuer) {
      const { issuers, runs } = tables();
      return !issuers.has(issuer) && runs.some((run) => run.issuer === issuer);
    },
    isRevoked: (cardId) => tables().revoked.some((table) => table.has(cardId)),
    issuerOfNumber(number) {
      const { issuers, runs } = tables();
      const place = placeOf(number);
      if (place === null || hasRevoked(number)) return null;
      const [own = null] = issuers.keys();
      const issuer = runs.findLast(({ from }) => from <= place)?.issuer ?? own;
      // Cards of a key that is not taken any more are not taken by their number either.
      return issuer !== null && issuers.has(issuer) ? issuer : null;
    },
    isNumberRevoked: (number) => placeOf(number) !== null && hasRevoked(number),
  };
}
