/** The cards of the register: the SQL of reading and writing them. */

import type { Database } from 'better-sqlite3';
import type { Card } from '../../shared/card.ts';
import { cardNumberOf } from '../../shared/card-number.ts';
import type { SealedIdentity } from '../../shared/entry.ts';
import { type CardRow, readCardRow } from './card-row.ts';
import { type ControlCardReader, type ControlCards, SqliteControlCards } from './control-cards.ts';
import { nextPlace, toRegisterFault } from './register-file.ts';

/** Why a card was revoked. */
export const revocationReasons = ['lost', 'stolen', 'error', 'other'] as const;
export type RevocationReason = (typeof revocationReasons)[number];

/** A card to register. Its short number follows from its id, and no other card has it. */
export interface NewCard extends Card {
  /** The digest of the person it belongs to, 32 bytes. */
  readonly person: Uint8Array;
  /** Who that is: sealed to the site's key, bound to the card. */
  readonly sealed: SealedIdentity;
}

/** A card of the register. */
export interface RegisteredCard extends NewCard {
  /** Nine digits, without the check digit. */
  readonly number: number;
  /** Whether a PDF with it was written to its end. */
  readonly printed: boolean;
  readonly revoked: { readonly atMs: number; readonly reason: RevocationReason } | null;
}

/** What both the commands that write and those that only look can ask. */
export interface RegisterReader extends Disposable {
  /** The guards' cards. */
  readonly control: ControlCardReader;
  /** The card of that short number (nine digits), or null. */
  find(number: number): RegisteredCard | null;
  /** The cards of a person, newest first. */
  ofPerson(person: Uint8Array): readonly RegisteredCard[];
  /** All cards, oldest first. */
  all(): Iterable<RegisteredCard>;
  /** The card that was issued last; null where none was. */
  last(): RegisteredCard | null;
}

/** The register, for one command at a time. What it is given is on disk when a method returns. */
export interface Register extends RegisterReader {
  readonly control: ControlCards;
  /** Registers all of them or none. */
  add(cards: readonly NewCard[]): void;
  /** Revokes a card that was not revoked before. Cannot be undone. */
  revoke(card: RegisteredCard, reason: RevocationReason, nowMs: number): void;
  /** Says anew whose a card is; nothing of what it said before stays. */
  reassign(card: RegisteredCard, person: Uint8Array, sealed: SealedIdentity): void;
  /** Forgets whose cards are. They stay known by their numbers, and revoked where they were. */
  forgetHolders(cards: readonly RegisteredCard[]): void;
  /** Remembers that cards were printed. @param ids their 12 bytes. */
  markPrinted(ids: readonly Uint8Array[], nowMs: number): void;
}

interface Row extends CardRow {
  readonly position: number;
  readonly kind: number;
  readonly person: Buffer;
}

/** So many cards are read at once. */
const rowsPerRead = 500;

const select = 'SELECT cards.*, at_ms, reason FROM cards LEFT JOIN revocations ON card = position';

/** A register over an open database. Disposing it disposes what was opened with it. */
export class SqliteRegister implements Register {
  readonly control: ControlCards;
  readonly #database: Database;
  readonly #path: string;
  readonly #opened: DisposableStack;

  constructor(database: Database, path: string, opened: DisposableStack) {
    this.#database = database;
    this.#path = path;
    this.#opened = opened;
    this.control = new SqliteControlCards({
      read: (run) => this.#work('read', run),
      change: (change) => this.#change(change),
    });
  }

  find(number: number): RegisteredCard | null {
    const row = this.#work('read', (db) => db.prepare<[number], Row>(`${select} WHERE number = ?`).get(number));
    return row === undefined ? null : toCard(row);
  }

  ofPerson(person: Uint8Array): readonly RegisteredCard[] {
    const sql = `${select} WHERE person = ? ORDER BY position DESC`;
    return this.#work('read', (db) => db.prepare<[Uint8Array], Row>(sql).all(person)).map(toCard);
  }

  *all(): Iterable<RegisteredCard> {
    // Piece by piece: whoever reads slowly must not keep another command from settling the log.
    const sql = `${select} WHERE position > ? ORDER BY position LIMIT ${rowsPerRead}`;
    for (let last = 0; ; ) {
      const rows = this.#work('read', (db) => db.prepare<[number], Row>(sql).all(last));
      for (const row of rows) yield toCard(row);
      if (rows.length < rowsPerRead) return;
      last = rows.at(-1)?.position ?? last;
    }
  }

  last(): RegisteredCard | null {
    const sql = `${select} ORDER BY position DESC LIMIT 1`;
    const row = this.#work('read', (db) => db.prepare<[], Row>(sql).get());
    return row === undefined ? null : toCard(row);
  }

  add(cards: readonly NewCard[]): void {
    this.#change((db) => {
      const insert = db.prepare(
        `INSERT INTO cards (id, number, issuer, issued_day, expiry_day, kind, person, sealed_enc, sealed_ct, sealed_key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      for (const { id, issuer, issuedDay, expiryDay, kind, person, sealed } of cards) {
        const { enc, ct, key } = sealed;
        insert.run(id, cardNumberOf(id), issuer, issuedDay, expiryDay, kind, person, enc, ct, key);
      }
    });
  }

  revoke(card: RegisteredCard, reason: RevocationReason, nowMs: number): void {
    this.#change((db) => {
      db.prepare(
        `INSERT INTO revocations (place, card, at_ms, reason)
         VALUES (${nextPlace}, (SELECT position FROM cards WHERE id = ?), ?, ?)`,
      ).run(card.id, nowMs, reason);
    });
  }

  reassign({ id }: RegisteredCard, person: Uint8Array, { enc, ct, key }: SealedIdentity): void {
    this.#change((db) => {
      const sql = 'UPDATE cards SET person = ?, sealed_enc = ?, sealed_ct = ?, sealed_key = ? WHERE id = ?';
      db.prepare(sql).run(person, enc, ct, key, id);
    });
  }

  forgetHolders(cards: readonly RegisteredCard[]): void {
    this.#change((db) => {
      const update = db.prepare(
        `UPDATE cards SET person = zeroblob(32), sealed_enc = '', sealed_ct = '', sealed_key = '' WHERE id = ?`,
      );
      for (const { id } of cards) update.run(id);
    });
  }

  markPrinted(ids: readonly Uint8Array[], nowMs: number): void {
    this.#change((db) => {
      const update = db.prepare('UPDATE cards SET printed_ms = ? WHERE id = ? AND printed_ms IS NULL');
      for (const id of ids) update.run(nowMs, id);
    });
  }

  [Symbol.dispose](): void {
    this.#opened.dispose();
  }

  #change(change: (database: Database) => void): void {
    this.#work('write', (database) => database.transaction(() => change(database)).immediate());
  }

  #work<T>(work: 'read' | 'write', run: (database: Database) => T): T {
    try {
      return run(this.#database);
    } catch (error) {
      throw toRegisterFault(error, work, this.#path);
    }
  }
}

/** Whether it was forgotten whose a card is. */
export function isForgotten({ sealed }: RegisteredCard): boolean {
  return sealed.enc === '';
}

function toCard(row: Row): RegisteredCard {
  return { ...readCardRow(row), kind: row.kind, person: Uint8Array.from(row.person) };
}
