/** Entries as the index of tracing sees them, read by position. */
import type { Database } from 'better-sqlite3';
import type { Entry } from '../../shared/entry.ts';
import type { EntryTime } from '../../shared/ports.ts';
import type { Trace } from './trace-block.ts';
import type { Trait } from './traces.ts';

type Row = [
  position: number,
  subject: string | null,
  trait: number | null,
  bestMs: number | null,
  fromMs: number | null,
  toMs: number | null,
  at: string,
  body: string,
];

/** What gives traits their numbers. */
interface TraitNumbers {
  numberOf(trait: Trait): number;
}

/** Reads entries after one position and up to another, oldest first. */
export class TraceRows {
  readonly #page: ReturnType<typeof preparePage>;
  readonly #traits: TraitNumbers;

  /** @param traits for entries older than the table of traits. */
  constructor(database: Database, traits: TraitNumbers) {
    this.#page = preparePage(database);
    this.#traits = traits;
  }

  read(after: number, upTo: number, rowsMax: number): Trace[] {
    return this.#page.all(after, upTo, rowsMax).map(([position, subject, trait, bestMs, fromMs, toMs, at, body]) => ({
      position,
      subject,
      trait: trait ?? this.#traits.numberOf(readTrait(body)),
      ...toTime(bestMs, fromMs, toMs, at),
    }));
  }
}

/** The times of an entry from its columns; `at` is looked at only where `bestMs` is null. */
export function toTime(bestMs: number | null, fromMs: number | null, toMs: number | null, at: string): EntryTime {
  const best = bestMs ?? Date.parse(at);
  return { bestMs: best, fromMs: fromMs ?? best, toMs: toMs ?? best };
}

function readTrait(body: string): Trait {
  const { gate, direction, outcome, code } = JSON.parse(body) as Entry; // the intake has validated what the store holds
  return { gate, direction, outcome, kind: code.kind };
}

function preparePage(database: Database) {
  return database
    .prepare<[number, number, number], Row>(
      `SELECT position, subject, traits, best_ms, from_ms, to_ms, iif(best_ms IS NULL, at, ''), iif(traits IS NULL, body, '')
       FROM entries WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
    )
    .raw();
}
