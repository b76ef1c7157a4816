/** The guards' cards of the register: the SQL of reading and writing them. Each method throws the register's Faults. */

import type { Database } from 'better-sqlite3';
import { cardNumberOf } from '../../shared/card-number.ts';
import type { ControlAction, ControlCard } from '../../shared/control-card.ts';
import type { SealedIdentity } from '../../shared/entry.ts';
import { type CardRow, readCardRow } from './card-row.ts';
import { hasControlCards, nextPlace } from './register-file.ts';
import type { RevocationReason } from './registered-cards.ts';

/** A guard's card to register. */
export interface NewControlCard extends Omit<ControlCard, 'action' | 'scope'> {
  readonly action: ControlAction;
  /** The one kiosk that takes it; null: all. */
  readonly kiosk: string | null;
  /** The digest of whom it is for, 32 bytes. */
  readonly guard: Uint8Array;
  /** For whom: sealed to the site's key, bound to the card. */
  readonly sealed: SealedIdentity;
}

/** A guard's card of the register. */
export interface RegisteredControlCard extends NewControlCard {
  /** Nine digits, without the check digit. No other card has it, of whatever kind. */
  readonly number: number;
  /** Whether a PDF with it was written to its end. */
  readonly printed: boolean;
  readonly revoked: { readonly atMs: number; readonly reason: RevocationReason } | null;
}

/** What every command can ask. */
export interface ControlCardReader {
  /** The card of that short number (nine digits), or null. */
  find(number: number): RegisteredControlCard | null;
  /** The cards of a guard, newest first. */
  ofGuard(guard: Uint8Array): readonly RegisteredControlCard[];
  /** All of them, oldest first. */
  all(): readonly RegisteredControlCard[];
}

/** For one command at a time. What it is given is on disk when a method returns. */
export interface ControlCards extends ControlCardReader {
  /** Registers all of them or none. */
  add(cards: readonly NewControlCard[]): void;
  /** Revokes a card that was not revoked before. Cannot be undone. */
  revoke(card: RegisteredControlCard, reason: RevocationReason, nowMs: number): void;
  /** Remembers that cards were printed. @param ids their 12 bytes. */
  markPrinted(ids: readonly Uint8Array[], nowMs: number): void;
}

interface Row extends CardRow {
  readonly action: ControlAction;
  readonly kiosk: string | null;
  readonly guard: Buffer;
}

/** How the register works on its database. */
interface Access {
  read<T>(run: (database: Database) => T): T;
  change(change: (database: Database) => void): void;
}

const select =
  'SELECT control_cards.*, at_ms, reason FROM control_cards LEFT JOIN control_revocations ON card = position';

/** The guards' cards of an open register. */
export class SqliteControlCards implements ControlCards {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  find(number: number): RegisteredControlCard | null {
    return this.#select('WHERE number = ?', number)[0] ?? null;
  }

  ofGuard(guard: Uint8Array): readonly RegisteredControlCard[] {
    return this.#select('WHERE guard = ? ORDER BY position DESC', guard);
  }

  all(): readonly RegisteredControlCard[] {
    return this.#select('ORDER BY position');
  }

  add(cards: readonly NewControlCard[]): void {
    this.#access.change((database) => {
      const insert = database.prepare(
        `INSERT INTO control_cards (id, number, issuer, issued_day, expiry_day, action, kiosk, guard,
                                    sealed_enc, sealed_ct, sealed_key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      for (const { id, issuer, issuedDay, expiryDay, action, kiosk, guard, sealed } of cards) {
        const { enc, ct, key } = sealed;
        insert.run(id, cardNumberOf(id), issuer, issuedDay, expiryDay, action, kiosk, guard, enc, ct, key);
      }
    });
  }

  revoke(card: RegisteredControlCard, reason: RevocationReason, nowMs: number): void {
    this.#access.change((database) => {
      database
        .prepare(
          `INSERT INTO control_revocations (place, card, at_ms, reason)
           VALUES (${nextPlace}, (SELECT position FROM control_cards WHERE id = ?), ?, ?)`,
        )
        .run(card.id, nowMs, reason);
    });
  }

  markPrinted(ids: readonly Uint8Array[], nowMs: number): void {
    this.#access.change((database) => {
      const update = database.prepare('UPDATE control_cards SET printed_ms = ? WHERE id = ? AND printed_ms IS NULL');
      for (const id of ids) update.run(nowMs, id);
    });
  }

  /** Nothing where the register is of a version that knew no such cards. */
  #select(where: string, ...values: readonly unknown[]): readonly RegisteredControlCard[] {
    return this.#access.read((database) => {
      if (!hasControlCards(database)) return [];
      return database
        .prepare<unknown[], Row>(`${select} ${where}`)
        .all(...values)
        .map(toCard);
    });
  }
}

function toCard(row: Row): RegisteredControlCard {
  return { ...readCardRow(row), action: row.action, kiosk: row.kiosk, guard: Uint8Array.from(row.guard) };
}
