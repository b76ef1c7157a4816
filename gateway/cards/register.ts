/**
 * The register of printed cards: which were issued, to whom (sealed), and which were revoked. The `cards` commands write
 * it, one at a time; the gateway reads it meanwhile. It tells nobody's name.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { cardIdBytes } from '../../shared/card.ts';
import { Fault } from '../../shared/fault.ts';
import type { IssuedRun } from '../../shared/rules.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { hasIssuer, readIssuers, readOwnIssuerIds } from '../trust/issuer.ts';
import type { CardLists } from './card-lists.ts';
import {
  closeRegister,
  createRegisterFile,
  hasControlCards,
  hasRegister,
  lockRegister,
  lookIntoDataDir,
  nextPlace,
  openRegisterForReading,
  openRegisterForWriting,
  registerPath,
  toRegisterFault,
} from './register-file.ts';
import { type Register, type RegisterReader, SqliteRegister } from './registered-cards.ts';

/**
 * Opens the register of a data directory for writing and makes it where no card can have been issued yet. Throws the
 * Faults REGISTER_BUSY, REGISTER_CORRUPT, REGISTER_MISSING, REGISTER_READ_FAILED, REGISTER_SCHEMA_NEWER and
 * REGISTER_WRITE_FAILED.
 * @param timeoutMs how long to wait for another command, blocking everything here; 5 s unless told otherwise.
 */
export function openRegister(dataDir: string, timeoutMs?: number): Register {
  const path = registerPath(dataDir);
  using opening = new DisposableStack();
  try {
    makeDurableFolder(dataDir);
  } catch (error) {
    throw toRegisterFault(error, 'write', dataDir);
  }
  opening.use(lockRegister(dataDir, timeoutMs));
  if (!hasRegister(path)) {
    refuseToForget(dataDir);
    createRegisterFile(path);
  }
  const database = opening.adopt(openRegisterForWriting(path), closeRegister);
  return new SqliteRegister(database, path, opening.move());
}

/** Opens the register for looking, also while a command writes. Null where there is none yet. Throws as {@link openRegister}, and DATA_DIR_UNUSABLE. */
export function openRegisterReader(dataDir: string): RegisterReader | null {
  lookIntoDataDir(dataDir);
  const path = registerPath(dataDir);
  if (!hasRegister(path)) {
    refuseToForget(dataDir);
    return null;
  }
  const opened = new DisposableStack();
  return new SqliteRegister(
    opened.adopt(openRegisterForReading(path), (database) => database.close()),
    path,
    opened,
  );
}

/** Throws REGISTER_MISSING where the key is here that cards were signed with: revoked cards must not be forgotten. */
function refuseToForget(dataDir: string): void {
  if (hasIssuer(join(dataDir, 'trust'))) throw new Fault('REGISTER_MISSING', `File: ${registerPath(dataDir)}`);
}

/**
 * The lists that kiosks get, read from the register and the trust folder each time, while commands change both. Where no
 * card was ever issued the lists are empty. Each call throws a Fault where it cannot be answered: REGISTER_BUSY,
 * REGISTER_CORRUPT, REGISTER_MISSING, REGISTER_READ_FAILED, REGISTER_SCHEMA_NEWER; `issuers` also ISSUER_DAMAGED and
 * ISSUER_FILE_INVALID. A later call may succeed.
 */
export function openCardLists(dataDir: string): CardLists & Disposable {
  return new RegisterLists(dataDir);
}

class RegisterLists implements CardLists, Disposable {
  readonly #dataDir: string;
  readonly #path: string;
  #open: { readonly database: Database; readonly inode: number } | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#path = registerPath(dataDir);
  }

  counts(): { readonly revoked: number; readonly issued: number } {
    const none = { revoked: 0, issued: 0 };
    return this.#read((database) => database.prepare<[], typeof none>(countsSql(database)).get()) ?? none;
  }

  read(list: 'revoked' | 'issued', from: number, count: number): Uint8Array {
    return this.#read(list === 'revoked' ? readRevoked(from, count) : readIssued(from, count)) ?? new Uint8Array();
  }

  issuedRuns(): readonly IssuedRun[] {
    return this.#read(findRuns) ?? [];
  }

  issuers() {
    const folder = join(this.#dataDir, 'trust');
    const own = readOwnIssuerIds(folder);
    return readIssuers(folder).map((issuer) => (own.includes(issuer.id) ? { ...issuer, own: true } : issuer));
  }

  [Symbol.dispose](): void {
    this.#open?.database.close();
    this.#open = null;
  }

  /** Null where there is no register yet. After any error the file is opened anew the next time. */
  #read<T>(run: (database: Database) => T): T | null {
    try {
      const database = this.#current();
      return database === null ? null : run(database);
    } catch (error) {
      this[Symbol.dispose]();
      throw toRegisterFault(error, 'read', this.#path);
    }
  }

  #current(): Database | null {
    const inode = statSync(this.#path, { throwIfNoEntry: false })?.ino;
    // A backup was put in its place, or it was taken away.
    if (this.#open !== null && this.#open.inode !== inode) this[Symbol.dispose]();
    if (this.#open === null && !hasRegister(this.#path)) {
      refuseToForget(this.#dataDir);
      return null;
    }
    this.#open ??= { database: openRegisterForReading(this.#path), inode: inode ?? 0 };
    return this.#open.database;
  }
}

/**
 * What one key has signed lies in one piece, as the register's lock lets one command issue at a time and each takes the
 * newest key. So the places where the next key begins are found by halving, whatever the register's length.
 */
function findRuns(database: Database): readonly IssuedRun[] {
  const issuerAt = database.prepare<[number], string>('SELECT issuer FROM cards WHERE position = ?').pluck();
  const last = database.prepare<[], number>('SELECT coalesce(max(position), 0) FROM cards').pluck().get() ?? 0;
  const runs: IssuedRun[] = [];
  const from = (position: number) => runs.push({ from: position - 1, issuer: issuerAt.get(position) ?? '' });
  const halve = (low: number, high: number): void => {
    if (issuerAt.get(low) === issuerAt.get(high)) return;
    if (high - low === 1) return void from(high);
    const middle = Math.floor((low + high) / 2);
    halve(low, middle);
    halve(middle, high);
  };
  if (last > 0) from(1);
  if (last > 1) halve(1, last);
  return runs;
}

function countsSql(database: Database): string {
  const places = hasControlCards(database) ? nextPlace : '(SELECT coalesce(max(place) + 1, 0) FROM revocations)';
  return `SELECT ${places} AS revoked, (SELECT coalesce(max(position), 0) FROM cards) AS issued`;
}

/** Cards of people and of guards are one list, in the order in which they were revoked. */
function revokedSql(database: Database): string {
  const ofPeople =
    'SELECT place, id FROM revocations JOIN cards ON position = card WHERE place >= :from AND place < :to';
  const ofGuards = ofPeople.replace('revocations JOIN cards', 'control_revocations JOIN control_cards');
  const both = hasControlCards(database) ? `${ofPeople} UNION ALL ${ofGuards}` : ofPeople;
  return `SELECT id FROM (${both}) ORDER BY place`;
}

function readRevoked(from: number, count: number) {
  return (database: Database) => {
    const ids = database
      .prepare<[{ from: number; to: number }], Buffer>(revokedSql(database))
      .pluck()
      .all({ from, to: from + count });
    const bytes = new Uint8Array(ids.length * cardIdBytes);
    ids.forEach((id, index) => void bytes.set(id, index * cardIdBytes));
    return bytes;
  };
}

function readIssued(from: number, count: number) {
  const sql = 'SELECT number FROM cards WHERE position > ? AND position <= ? ORDER BY position';
  return (database: Database) => {
    const numbers = database
      .prepare<[number, number], number>(sql)
      .pluck()
      .all(from, from + count);
    const bytes = new DataView(new ArrayBuffer(numbers.length * 4));
    numbers.forEach((number, index) => void bytes.setUint32(index * 4, number));
    return new Uint8Array(bytes.buffer);
  };
}
