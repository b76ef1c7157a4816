import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Row } from './rows.ts';

/** What is the least that anybody who keeps entries does: one table with two unique keys, WAL, synchronous FULL. */
export class BareTable implements Disposable {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement<[string, string, string, number, string]>;

  constructor(dir: string) {
    this.#db = new Database(join(dir, 'bare.db'));
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = FULL');
    this.#db.exec(
      'CREATE TABLE entries (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kiosk TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (kiosk, epoch, seq)) STRICT',
    );
    this.#insert = this.#db.prepare('INSERT INTO entries (id, kiosk, epoch, seq, body) VALUES (?, ?, ?, ?, ?)');
  }

  /** Inserts rows in one commit. */
  append(rows: readonly Row[]): void {
    this.#db.transaction(() => {
      for (const { id, kiosk, epoch, seq, body } of rows) this.#insert.run(id, kiosk, epoch, seq, body);
    })();
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
