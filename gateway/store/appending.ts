/** The writing half of the SQLite store: what becomes of a group of arrivals, inside one transaction. */
import { strict as assert } from 'node:assert';
import type { Database, Transaction } from 'better-sqlite3';
import { parse as parseUuid } from 'uuid';
import { quarantineDigest, toDetail } from './quarantined.ts';
import { Runs } from './runs.ts';
import type { Arrival, QuarantineDraft, QuarantineReason, Store, StoreLimits, Verdict } from './store.ts';
import { TraceIndexer } from './trace-index.ts';
import { Traits } from './traits.ts';

/** The ids of this many streams are remembered; then all are forgotten and looked up again. */
const streamsRememberedMax = 10_000;

const stored: Verdict = Object.freeze({ type: 'stored' });
const duplicate: Verdict = Object.freeze({ type: 'duplicate' });

type EntryArrival = Extract<Arrival, { type: 'entry' }>;

/** The columns of `entries`, in their order; an uncertain time has two more. */
type InsertedRow = [
  position: number,
  id: string,
  stream: number,
  seq: number,
  receivedMs: number,
  at: string,
  subject: string | null,
  body: Uint8Array,
  trait: number,
  bestMs: number,
];

/** Prepared statements of one connection, and what is remembered of the tables. */
export class Appender {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #limits: StoreLimits;
  readonly #streams = new Map<string, number>();
  readonly #runs: Runs;
  readonly #traits: Traits;
  readonly #indexer: TraceIndexer;
  readonly #transact: Transaction<(work: () => unknown) => unknown>;
  /** The highest position given to an entry. */
  #position: number;

  constructor(database: Database, limits: StoreLimits) {
    this.#statements = prepare(database);
    this.#limits = limits;
    this.#runs = new Runs(database);
    this.#traits = new Traits(database);
    this.#indexer = new TraceIndexer(database, this.#traits, limits.entriesPerSegment);
    this.#position = this.#statements.lastPosition.get() ?? 0;
    this.#transact = database.transaction((work) => work());
  }

  /** Keeps a group in one commit. Throws what SQLite throws; then nothing of the group is kept. */
  append(group: readonly Arrival[]): Verdict[] {
    return this.#commit(() => {
      const verdicts = group.map((arrival) => this.#keep(arrival));
      this.#runs.flush();
      // SQLite counts a position as given though its entry was a duplicate; the next start would leave it out.
      if (this.#statements.lastPosition.get() !== this.#position) this.#statements.setLastPosition.run(this.#position);
      return verdicts;
    });
  }

  /** As `Store.markForwarded`. */
  markForwarded(...[upstream, position, rejected, nowMs]: Parameters<Store['markForwarded']>): void {
    this.#commit(() => this.#move(upstream, position, rejected, nowMs));
  }

  /** As `Store.indexSome`. */
  indexSome(): boolean {
    return this.#indexer.work(this.#position);
  }

  #commit<T>(work: () => T): T {
    const before = this.#position;
    try {
      return this.#transact.immediate(work) as T;
    } catch (error) {
      // What is remembered must be rolled back as well.
      this.#position = before;
      this.#streams.clear();
      this.#runs.forget();
      this.#traits.forget();
      throw error;
    }
  }

  #keep(arrival: Arrival): Verdict {
    return arrival.type === 'entry' ? this.#keepEntry(arrival) : this.#quarantine(arrival.quarantined);
  }

  #keepEntry(arrival: EntryArrival): Verdict {
    const { entry, body, receivedMs } = arrival;
    const stream = this.#stream(entry.kiosk, entry.epoch);
    const position = this.#position + 1;
    const { seq } = entry;
    const isFree = !this.#runs.has(stream, seq);
    if (isFree && this.#insert(position, stream, arrival)) {
      this.#position = position;
      this.#runs.add(stream, seq);
      return stored;
    }
    const same = this.#statements.findById.get(parseUuid(entry.id));
    if (same?.stream === stream && same.seq === seq) return duplicate;
    const [reason, detail]: [QuarantineReason, string] =
      same === undefined
        ? ['triple-reused', `seq ${seq} of epoch ${entry.epoch} is an entry with another id than ${entry.id}`]
        : [
            'id-reused',
            `${entry.id} is the entry with seq ${same.seq} of another place than seq ${seq} of epoch ${entry.epoch}`,
          ];
    const claimed = { epoch: entry.epoch.toLowerCase(), seq };
    return this.#quarantine({ kiosk: entry.kiosk, reason, detail, raw: body, claimed, receivedMs });
  }

  /** Whether its id was free. */
  #insert(position: number, stream: number, { entry, body, receivedMs }: EntryArrival): boolean {
    const { id, seq, at, subject, time } = entry;
    const trait = this.#traits.numberOf(entry);
    const { bestMs } = time;
    const fromMs = time.fromMs === bestMs ? null : time.fromMs;
    const toMs = time.toMs === bestMs ? null : time.toMs;
    const { insert, insertUncertain } = this.#statements;
    if (fromMs === null && toMs === null) {
      return insert.run(position, id, stream, seq, receivedMs, at, subject, body, trait, bestMs).changes === 1;
    }
    const { changes } = insertUncertain.run(
      position,
      id,
      stream,
      seq,
      receivedMs,
      at,
      subject,
      body,
      trait,
      bestMs,
      fromMs,
      toMs,
    );
    return changes === 1;
  }

  #quarantine(draft: QuarantineDraft): Verdict {
    const { kiosk, reason, detail, raw, claimed, receivedMs } = draft;
    const digest = quarantineDigest(draft, null);
    const { findQuarantined, use, countUse, quarantine } = this.#statements;
    const kept: Verdict = { type: 'quarantined', reason, detail };
    if (findQuarantined.get(digest) !== undefined) return kept;
    const { items, bytes } = use.get(kiosk) ?? { items: 0, bytes: 0 };
    const { quarantineItemsPerKioskMax, quarantineBytesPerKioskMax } = this.#limits;
    if (items + 1 > quarantineItemsPerKioskMax || bytes + raw.byteLength > quarantineBytesPerKioskMax) {
      return { type: 'unkept', reason, detail };
    }
    countUse.run(kiosk, raw.byteLength);
    const stream = claimed === null ? null : this.#stream(kiosk, claimed.epoch);
    quarantine.run(digest, kiosk, reason, detail, receivedMs, raw, stream, claimed?.seq ?? null);
    return kept;
  }

  #move(...[upstream, position, rejected, nowMs]: Parameters<Store['markForwarded']>): void {
    const { place, setPlace, findRejected, quarantineEntry } = this.#statements;
    const before = place.get(upstream) ?? 0;
    assert(position >= before, `upstream ${upstream} would go back from ${before} to ${position}`);
    assert(position <= this.#position, `upstream ${upstream} would go to ${position}, beyond ${this.#position}`);
    for (const { id, reason } of rejected) {
      const entry = isUuid(id) ? findRejected.get(parseUuid(id), before, position) : undefined;
      if (entry === undefined) continue;
      const item = { kiosk: entry.kiosk, reason: 'upstream-refused' as const, raw: Buffer.from(entry.body) };
      const digest = quarantineDigest(item, upstream);
      quarantineEntry.run(digest, entry.kiosk, item.reason, toDetail(reason), nowMs, entry.position, upstream);
    }
    setPlace.run(upstream, position);
  }

  #stream(kiosk: string, epoch: string): number {
    const name = `${kiosk}/${epoch}`;
    const remembered = this.#streams.get(name);
    if (remembered !== undefined) return remembered;
    const bytes = parseUuid(epoch);
    const { findStream, insertStream } = this.#statements;
    const stream = findStream.get(kiosk, bytes) ?? Number(insertStream.run(kiosk, bytes).lastInsertRowid);
    if (this.#streams.size >= streamsRememberedMax) {
      this.#streams.clear();
      this.#runs.flush();
      this.#runs.forget();
    }
    this.#streams.set(name, stream);
    return stream;
  }
}

function isUuid(text: string): boolean {
  try {
    parseUuid(text);
    return true;
  } catch {
    return false;
  }
}

function prepare(database: Database) {
  return {
    lastPosition: database.prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'entries'`).pluck(),
    setLastPosition: database.prepare<[number]>(`UPDATE sqlite_sequence SET seq = ? WHERE name = 'entries'`),
    findStream: database
      .prepare<[string, Uint8Array], number>('SELECT id FROM streams WHERE kiosk = ? AND epoch = ?')
      .pluck(),
    insertStream: database.prepare<[string, Uint8Array]>('INSERT INTO streams (kiosk, epoch) VALUES (?, ?)'),
    // The body's bytes are text already: decoding and encoding it again would be half of an insert's time.
    insert: database.prepare<InsertedRow>(
      `INSERT INTO entries (position, id, stream, seq, received_ms, at, subject, body, traits, best_ms)
       VALUES (?, unhex(?, '-'), ?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?)
       ON CONFLICT DO NOTHING`,
    ),
    insertUncertain: database.prepare<[...InsertedRow, fromMs: number | null, toMs: number | null]>(
      `INSERT INTO entries (position, id, stream, seq, received_ms, at, subject, body, traits, best_ms, from_ms, to_ms)
       VALUES (?, unhex(?, '-'), ?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    ),
    findById: database.prepare<[Uint8Array], { stream: number; seq: number }>(
      'SELECT stream, seq FROM entries WHERE id = ?',
    ),
    findQuarantined: database.prepare<[Uint8Array], number>('SELECT 1 FROM quarantine WHERE digest = ?').pluck(),
    use: database.prepare<[string], { items: number; bytes: number }>(
      'SELECT items, bytes FROM quarantine_use WHERE kiosk = ?',
    ),
    countUse: database.prepare<[string, number]>(
      `INSERT INTO quarantine_use (kiosk, items, bytes) VALUES (?, 1, ?)
       ON CONFLICT DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes`,
    ),
    quarantine: database.prepare<
      [Uint8Array, string, string, string, number, Uint8Array, number | null, number | null]
    >(
      `INSERT INTO quarantine (digest, kiosk, reason, detail, received_ms, raw, stream, seq)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    place: database.prepare<[string], number>('SELECT place FROM upstreams WHERE name = ?').pluck(),
    setPlace: database.prepare<[string, number]>(
      'INSERT INTO upstreams (name, place) VALUES (?, ?) ON CONFLICT DO UPDATE SET place = excluded.place',
    ),
    findRejected: database.prepare<[Uint8Array, number, number], { position: number; kiosk: string; body: string }>(
      `SELECT entries.position, streams.kiosk, entries.body FROM entries JOIN streams ON streams.id = entries.stream
       WHERE entries.id = ? AND entries.position > ? AND entries.position <= ?`,
    ),
    quarantineEntry: database.prepare<[Uint8Array, string, string, string, number, number, string]>(
      `INSERT INTO quarantine (digest, kiosk, reason, detail, received_ms, entry, upstream) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    ),
  };
}
