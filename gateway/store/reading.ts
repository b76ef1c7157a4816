/** The reading half of the SQLite store. Every reading is one short statement: an open one would keep the log growing. */
import type { Database } from 'better-sqlite3';
import { parse as parseUuid, stringify } from 'uuid';
import { controlKind, controlMark, visitorKind } from '../../shared/control-use.ts';
import { correctionOf } from '../time-bounds.ts';
import { findDamage } from './connection.ts';
import { Corrections } from './corrections.ts';
import { findGaps } from './gaps.ts';
import { oneRow } from './one-row.ts';
import { Removed } from './removed.ts';
import { findFalseRuns, type Run } from './runs.ts';
import {
  type Gap,
  gapsMax,
  type Place,
  type QuarantineItem,
  type QuarantineReason,
  type Removals,
  type StoredEntry,
  type StoreReport,
  type UpstreamProgress,
} from './store.ts';
import { findFalseTraces } from './trace-index.ts';
import { TraceReading } from './trace-reading.ts';
import { toTime } from './trace-rows.ts';

/** Entries read at once; at 4 KiB each that is 2 MiB. */
const entriesPerPageMax = 500;

/** Things in quarantine read at once: their size is only bounded by what the broker lets through. */
const quarantinedPerPageMax = 50;

/** Runs read at once while looking for gaps. */
const runsPerPageMax = 10_000;

interface EntryRow {
  position: number;
  id: Buffer;
  kiosk: string;
  at: string;
  subject: string | null;
  body: string;
  bestMs: number | null;
  fromMs: number | null;
  toMs: number | null;
}

interface QuarantineRow {
  position: number;
  kiosk: string;
  reason: QuarantineReason;
  detail: string;
  raw: Buffer | string;
  receivedMs: number;
  upstream: string | null;
}

/** Prepared statements of one connection. Throws what SQLite throws. */
export class Reading {
  readonly traces: TraceReading;
  readonly corrections: Corrections;
  readonly #database: Database;
  readonly #removed: Removed;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(database: Database) {
    this.#database = database;
    this.#removed = new Removed(database);
    this.#statements = prepare(database);
    this.traces = new TraceReading(database);
    this.corrections = new Corrections(database);
  }

  /** The highest position given to an entry; 0 before the first. */
  lastEntry(): number {
    return this.#statements.last.get('entries') ?? 0;
  }

  /** The highest position given in quarantine; 0 before the first. */
  lastQuarantined(): number {
    return this.#statements.last.get('quarantine') ?? 0;
  }

  /** The entries after one position and up to another; a page of them. */
  entriesPage(after: number, upTo: number, entriesMax = entriesPerPageMax): StoredEntry[] {
    const rows = this.#statements.entries.all(after, upTo, Math.min(entriesMax, entriesPerPageMax));
    return rows.map(({ id, bestMs, fromMs, toMs, ...row }) => {
      const corrected = correctionOf(row.at, toTime(bestMs, fromMs, toMs, row.at));
      return { ...row, id: stringify(id), ...(corrected === null ? {} : { corrected }) };
    });
  }

  /** Whether an entry has this id. */
  isKnown(id: string): boolean {
    return this.#statements.known.get(parseUuid(id)) !== undefined;
  }

  /** Whether the entry of this place was deleted. */
  isRemoved({ kiosk, epoch, seq }: Place): boolean {
    const stream = this.#statements.stream.get(kiosk, parseUuid(epoch));
    return stream !== undefined && this.#removed.has(stream, seq);
  }

  /** What is in quarantine after one position and up to another; a page of it. */
  quarantinePage(after: number, upTo: number): QuarantineItem[] {
    const rows = this.#statements.quarantine.all(after, upTo, quarantinedPerPageMax);
    return rows.map((row) => ({ ...row, raw: typeof row.raw === 'string' ? Buffer.from(row.raw) : row.raw }));
  }

  /** The next entries for an upstream: see `Store.readNext`. */
  nextFor(upstream: string, limits: { entriesMax: number; bytesMax: number }): StoredEntry[] {
    const after = this.#statements.place.get(upstream) ?? 0;
    const page = this.entriesPage(after, Number.MAX_SAFE_INTEGER, limits.entriesMax);
    let bytes = 0;
    for (const [index, { body }] of page.entries()) {
      bytes += Buffer.byteLength(body);
      if (bytes > limits.bytesMax) return page.slice(0, Math.max(1, index));
    }
    return page;
  }

  /** The entries that bear a guard's card: see `Store.findControls`. */
  controls(after: number, positionsMax: number): { entries: StoredEntry[]; lookedTo: number } {
    const lookedTo = Math.min(after + positionsMax, this.lastEntry());
    const rows = this.#statements.controls.all(after, lookedTo, controlMark);
    return { entries: rows.map((row) => ({ ...row, id: stringify(row.id) })), lookedTo };
  }

  /** Everything that `check` tells. */
  report(): StoreReport {
    const { countEntries, countQuarantined } = this.#statements;
    return {
      damage: [
        ...findDamage(this.#database, 'integrity_check'),
        ...findFalseRuns(this.#database),
        ...findFalseTraces(this.#database),
      ],
      entries: oneRow(countEntries),
      quarantined: oneRow(countQuarantined),
      gaps: [...this.#gaps().take(gapsMax)],
      upstreams: this.progress(),
      purged: this.#removals('purged'),
      erased: { entries: this.#removals('erased').entries, quarantined: this.#removals('erased').quarantined },
    };
  }

  #removals(why: 'purged' | 'erased') {
    return this.#statements.removals.get(why) ?? { entries: 0, quarantined: 0, untilMs: null };
  }

  /** How far each upstream is. */
  progress(): UpstreamProgress[] {
    const { upstreams, countBehind } = this.#statements;
    return upstreams.all().map((one) => ({ ...one, waiting: oneRow(countBehind, one.place) }));
  }

  *#gaps(): Generator<Gap> {
    for (const { id, kiosk, epoch } of this.#statements.streams.all()) {
      for (const run of findGaps(this.#runs(id))) yield { kiosk, epoch: stringify(epoch), ...run };
    }
  }

  *#runs(stream: number): Generator<Run> {
    let after = 0;
    for (;;) {
      const page = this.#statements.runs.all({ stream, after, max: runsPerPageMax });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < runsPerPageMax) return;
      after = last.first;
    }
  }
}

/** Guards' cards, taken or refused, are of few kinds: the bodies of all others need not be looked through. */
const controlTraits = `SELECT id FROM traits WHERE kind IN ('${controlKind}', '${visitorKind}', 'unknown')`;

function prepare(database: Database) {
  return {
    last: database.prepare<[string], number>('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck(),
    entries: database.prepare<[number, number, number], EntryRow>(
      `SELECT position, entries.id, kiosk, at, subject, body, best_ms AS bestMs, from_ms AS fromMs, to_ms AS toMs
       FROM entries JOIN streams ON streams.id = stream
       WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
    ),
    controls: database.prepare<[number, number, string], EntryRow>(
      `SELECT position, entries.id, kiosk, at, subject, body FROM entries JOIN streams ON streams.id = stream
       WHERE position > ? AND position <= ? AND (traits IS NULL OR traits IN (${controlTraits})) AND instr(body, ?) > 0
       ORDER BY position`,
    ),
    known: database.prepare<[Uint8Array], number>('SELECT 1 FROM entries WHERE id = ?').pluck(),
    quarantine: database.prepare<[number, number, number], QuarantineRow>(
      `SELECT quarantine.position, kiosk, reason, detail, coalesce(raw, body) AS raw,
              quarantine.received_ms AS receivedMs, upstream
       FROM quarantine LEFT JOIN entries ON entries.position = quarantine.entry
       WHERE quarantine.position > ? AND quarantine.position <= ? ORDER BY quarantine.position LIMIT ?`,
    ),
    place: database.prepare<[string], number>('SELECT place FROM upstreams WHERE name = ?').pluck(),
    upstreams: database.prepare<[], { upstream: string; place: number }>(
      'SELECT name AS upstream, place FROM upstreams ORDER BY name',
    ),
    countEntries: database.prepare<[], number>('SELECT count(*) FROM entries').pluck(),
    countBehind: database.prepare<[number], number>('SELECT count(*) FROM entries WHERE position > ?').pluck(),
    removals: database.prepare<[string], Removals & { untilMs: number | null }>(
      'SELECT entries, quarantined, until_ms AS untilMs FROM removals WHERE why = ?',
    ),
    stream: database
      .prepare<[string, Uint8Array], number>('SELECT id FROM streams WHERE kiosk = ? AND epoch = ?')
      .pluck(),
    countQuarantined: database.prepare<[], number>('SELECT count(*) FROM quarantine').pluck(),
    streams: database.prepare<[], { id: number; kiosk: string; epoch: Buffer }>(
      'SELECT id, kiosk, epoch FROM streams ORDER BY id',
    ),
    // All come in order from their indexes, so the union is a merge that stops at the limit. What is or was in
    // quarantine counts too; where it has the number that a run begins with, the run comes first.
    runs: database.prepare<[{ stream: number; after: number; max: number }], Run>(
      `SELECT first, last FROM runs WHERE stream = :stream AND first > :after
       UNION SELECT seq, seq FROM quarantine WHERE stream = :stream AND seq > :after
       UNION SELECT seq, seq FROM removed_claims WHERE stream = :stream AND seq > :after
       ORDER BY first, last DESC LIMIT :max`,
    ),
  };
}
