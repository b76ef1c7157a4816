/**
 * The kiosk's custody: every entry that the gateway has not acknowledged, in one SQLite file. The green light follows
 * `append()`, so what it returns is on disk (fsync) and stays there until `forget()`.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { v4 as uuidv4 } from 'uuid';
import { type Direction, type EntryDraft, encodeEntry, entryBytesMax } from '../shared/entry.ts';
import { Fault } from '../shared/fault.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import type { GateControl } from './control.ts';
import { FreeSpace, freeBytesOf } from './free-space.ts';
import {
  claimOutbox,
  createOutboxFile,
  emptyLog,
  inspectOutbox,
  readGate,
  translating,
  writeGate,
} from './outbox-database.ts';
import { examineOutboxFile, prepareDataDir, settleOutboxFile } from './outbox-file.ts';
import { levelOf, type OutboxLevel, type OutboxLimits, outboxLimits } from './outbox-limits.ts';
import { IdleLog } from './outbox-log.ts';

/** The outbox's file in the kiosk's data directory. */
export const outboxFileName = 'outbox.db';

/** Where a person went last at this kiosk, and when by its wall clock (milliseconds since the Unix epoch). */
export interface Passage {
  readonly direction: Direction;
  readonly atMs: number;
}

/** A passage to be remembered: only toggle gates need it. */
export interface Presence extends Passage {
  readonly subject: string;
}

/** An unsent entry: its place and its JSON, byte for byte as it is to travel. */
export interface OutboxRow {
  readonly seq: number;
  readonly body: string;
}

export interface Outbox extends AsyncDisposable {
  /** The UUID of this file; `seq` counts within it. */
  readonly epoch: string;
  readonly entriesMax: number;

  /**
   * Commits an entry (fsync) and, where given, where its subject went, or how a guard has set the gate. Throws the Fault OUTBOX_FULL or
   * OUTBOX_WRITE_FAILED; then nothing was kept and no `seq` was used, and the next call may succeed.
   */
  append(
    draft: EntryDraft,
    presence?: Presence | null,
    gate?: GateControl | null,
  ): OutboxRow & { readonly epoch: string };

  /** How guards have set the gate; null where none has. */
  gate(): GateControl | null;

  /** The subject's last remembered passage. */
  lastDirection(subject: string): Passage | null;

  /** The oldest unsent entries after `afterSeq`, ascending, at most `limit`. */
  peek(afterSeq: number, limit: number): readonly OutboxRow[];

  /**
   * Deletes entries in one commit (fsync). Only for those that the gateway has acknowledged. What is not there is
   * passed over. Throws the Fault OUTBOX_FULL or OUTBOX_WRITE_FAILED; then all of them are still there.
   */
  forget(seqs: readonly number[]): void;

  /** Unsent entries. Costs nothing. */
  depth(): number;

  /** The `at` of the oldest unsent entry, milliseconds since the Unix epoch. */
  oldestAtMs(): number | null;

  level(): OutboxLevel;
}

export interface OutboxOptions {
  /** The kiosk's data directory; made (0700) where it is missing. */
  readonly dir: string;
  /** The kiosk's id: an outbox belongs to one. */
  readonly kiosk: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Free bytes of the file system that `dir` is on. */
  readonly freeBytes?: () => number;
  readonly limits?: Partial<OutboxLimits>;
}

/**
 * Opens a kiosk's outbox, or makes one where there is none. Never replaces or deletes one: throws the Fault
 * OUTBOX_CORRUPT, OUTBOX_SCHEMA_NEWER, OUTBOX_FOREIGN (made for another kiosk), DATA_DIR_IN_USE or DATA_DIR_UNUSABLE.
 */
export function openOutbox(options: OutboxOptions): Outbox {
  const limits = { ...outboxLimits, ...options.limits };
  const path = join(options.dir, outboxFileName);
  prepareDataDir(options.dir);
  const created = examineOutboxFile(path) === 'absent';
  if (created) createOutboxFile(path, options.kiosk, uuidv4({ random: options.chance.bytes(16) }));
  else settleOutboxFile(path);
  inspectOutbox(path, options.kiosk);
  const { db, epoch, lastSeq } = claimOutbox(path);
  try {
    const pageBytes = db.pragma('page_size', { simple: true }) as number;
    db.pragma(`max_page_count = ${Math.floor(limits.fileBytesMax / pageBytes)}`);
    const freeBytes = options.freeBytes ?? (() => freeBytesOf(options.dir));
    const space = new FreeSpace(freeBytes, options.clock, limits.freeBytesEveryMs);
    const empty = () => emptyLog(db, path);
    const idleLog = new IdleLog({ empty, clock: options.clock, log: options.log, afterMs: limits.emptyLogAfterMs });
    const outbox = new SqliteOutbox({ db, path, kiosk: options.kiosk, epoch, lastSeq, limits, space, idleLog });
    options.log.info(created ? 'outbox.created' : 'outbox.opened', { path, epoch, lastSeq, depth: outbox.depth() });
    return outbox;
  } catch (error) {
    db.close();
    throw error;
  }
}

interface OpenParts {
  readonly db: Database.Database;
  readonly path: string;
  readonly kiosk: string;
  readonly epoch: string;
  readonly lastSeq: number;
  readonly limits: OutboxLimits;
  readonly space: FreeSpace;
  readonly idleLog: IdleLog;
}

/** What goes into the same commit as an entry. */
interface Beside {
  readonly presence: Presence | null;
  readonly gate: GateControl | null;
}

class SqliteOutbox implements Outbox {
  readonly epoch: string;
  readonly entriesMax: number;
  readonly #parts: OpenParts;
  readonly #statements: ReturnType<typeof prepareStatements>;
  #lastSeq: number;
  #depth: number;

  constructor(parts: OpenParts) {
    this.#parts = parts;
    this.epoch = parts.epoch;
    this.entriesMax = parts.limits.entriesMax;
    this.#statements = prepareStatements(parts.db);
    this.#lastSeq = parts.lastSeq;
    this.#depth = this.#statements.depth.get() ?? 0;
    parts.idleLog.written(this.#depth === 0);
  }

  append(
    draft: EntryDraft,
    presence: Presence | null = null,
    gate: GateControl | null = null,
  ): OutboxRow & { readonly epoch: string } {
    const { path, kiosk, limits, space } = this.#parts;
    const { epoch } = this;
    const seq = this.#lastSeq + 1;
    const body = encodeEntry(draft, { kiosk, epoch, seq });
    // The gateway would quarantine a longer one; the settings bound everything that goes into an entry.
    assert(Buffer.byteLength(body) <= entryBytesMax, `entry ${draft.id} is longer than ${entryBytesMax} bytes`);
    const free = space.bytes();
    if (levelOf(this.#depth, free, limits) === 'full') {
      throw new Fault('OUTBOX_FULL', `${path}: ${this.#depth} entries, ${free} bytes free on the disk.`);
    }
    this.#do('write', () =>
      this.#statements.append({ seq, body }, Date.parse(draft.at), { presence, gate }, limits.presencesMax),
    );
    this.#lastSeq = seq;
    this.#depth += 1;
    this.#parts.idleLog.written(false);
    return { seq, epoch, body };
  }

  gate(): GateControl | null {
    return this.#do('read', () => readGate(this.#parts.db));
  }

  lastDirection(subject: string): Passage | null {
    return this.#do('read', () => this.#statements.presence.get(subject)) ?? null;
  }

  peek(afterSeq: number, limit: number): readonly OutboxRow[] {
    return this.#do('read', () => this.#statements.page.all(afterSeq, limit));
  }

  forget(seqs: readonly number[]): void {
    this.#depth -= this.#do('write', () => this.#statements.remove(seqs));
    assert(this.#depth >= 0);
    this.#parts.idleLog.written(this.#depth === 0);
  }

  depth(): number {
    return this.#depth;
  }

  oldestAtMs(): number | null {
    return this.#do('read', () => this.#statements.oldest.get()) ?? null;
  }

  level(): OutboxLevel {
    return levelOf(this.#depth, this.#parts.space.bytes(), this.#parts.limits);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.idleLog[Symbol.dispose]();
    // The last connection to close copies the write-ahead log back and removes it.
    this.#parts.db.close();
  }

  #do<T>(doing: 'read' | 'write', action: () => T): T {
    return translating(doing, this.#parts.path, action);
  }
}

function prepareStatements(db: Database.Database) {
  const count = db.prepare<[number]>('UPDATE meta SET last_seq = ?');
  const insert = db.prepare<[number, number, string]>('INSERT INTO entries VALUES (?, ?, ?)');
  const remember = db.prepare<[number, string, string, number]>('INSERT OR REPLACE INTO presences VALUES (?, ?, ?, ?)');
  const forgetOld = db.prepare<[number]>('DELETE FROM presences WHERE seq <= ?');
  const remove = db.prepare<[number]>('DELETE FROM entries WHERE seq = ?');
  return {
    append: db.transaction(
      ({ seq, body }: OutboxRow, atMs: number, { presence, gate }: Beside, presencesMax: number) => {
        count.run(seq);
        insert.run(seq, atMs, body);
        if (presence !== null) remember.run(seq, presence.subject, presence.direction, presence.atMs);
        forgetOld.run(seq - presencesMax);
        if (gate !== null) writeGate(db, gate);
      },
    ).immediate,
    /** Returns how many were there. */
    remove: db.transaction((seqs: readonly number[]) =>
      seqs.reduce((removed, seq) => removed + remove.run(seq).changes, 0),
    ).immediate,
    depth: db.prepare<[], number>('SELECT count(*) FROM entries').pluck(),
    presence: db.prepare<[string], Passage>('SELECT direction, at_ms AS atMs FROM presences WHERE subject = ?'),
    page: db.prepare<[number, number], OutboxRow>('SELECT seq, body FROM entries WHERE seq > ? ORDER BY seq LIMIT ?'),
    oldest: db.prepare<[], number>('SELECT at_ms FROM entries ORDER BY seq LIMIT 1').pluck(),
  };
}
