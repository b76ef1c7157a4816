/** What was held in a span of time, counted: for the notice of an incident. */
import type { Entry } from '../../shared/entry.ts';
import { formatMoment } from '../moment.ts';
import type { StoredEntry, StoreReader } from '../store/store.ts';

/** Between two moments, milliseconds since the Unix epoch: from `fromMs` up to but not including `toMs`. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A line of the table: how many of what, on which day (of Viet Nam), where. */
export interface Count {
  readonly day: string;
  readonly gate: string;
  readonly kind: string;
  readonly entries: number;
  readonly withIdentity: number;
}

/** What the store held. */
export interface IncidentFacts {
  readonly entries: number;
  readonly withIdentity: number;
  /** Different pseudonyms, and entries that have none. */
  readonly persons: number;
  readonly withoutSubject: number;
  readonly quarantined: number;
  /** ISO 8601 in Viet Nam; null where there is nothing. */
  readonly first: string | null;
  readonly last: string | null;
  readonly kiosks: readonly string[];
  /** The keys that identities were sealed to. */
  readonly keys: readonly string[];
  readonly counts: readonly Count[];
  readonly subjects: readonly string[];
}

/** Counts entries by the time that their kiosks gave them. Reads all of them. */
export async function gatherFacts(store: StoreReader, span: Span): Promise<IncidentFacts> {
  const counts = new Map<string, { -readonly [Key in keyof Count]: Count[Key] }>();
  const subjects = new Set<string>();
  const kiosks = new Set<string>();
  const keys = new Set<string>();
  const total = { entries: 0, withIdentity: 0, withoutSubject: 0 };
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const stored of store.entries()) {
    const atMs = Date.parse(stored.at);
    if (atMs < span.fromMs || atMs >= span.toMs) continue;
    const { gate, code, identity } = readEntry(stored);
    const day = formatMoment(atMs).slice(0, 10);
    const key = JSON.stringify([day, gate, code.kind]);
    const count = counts.get(key) ?? { day, gate, kind: code.kind, entries: 0, withIdentity: 0 };
    counts.set(key, count);
    for (const one of [count, total]) {
      one.entries++;
      if (identity !== null) one.withIdentity++;
    }
    if (stored.subject === null) total.withoutSubject++;
    else subjects.add(stored.subject);
    if (identity !== null) keys.add(identity.key);
    kiosks.add(stored.kiosk);
    firstMs = Math.min(firstMs, atMs);
    lastMs = Math.max(lastMs, atMs);
  }
  const moment = (ms: number) => (Number.isFinite(ms) ? formatMoment(ms) : null);
  return {
    ...total,
    persons: subjects.size,
    quarantined: await countQuarantined(store, span),
    first: moment(firstMs),
    last: moment(lastMs),
    kiosks: [...kiosks].sort(),
    keys: [...keys].sort(),
    counts: [...counts.values()].sort(
      (a, b) => compare(a.day, b.day) || compare(a.gate, b.gate) || compare(a.kind, b.kind),
    ),
    subjects: [...subjects].sort(),
  };
}

function readEntry({ body }: StoredEntry): Entry {
  return JSON.parse(body) as Entry; // the intake has validated what the store holds
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function countQuarantined(store: StoreReader, span: Span): Promise<number> {
  let count = 0;
  for await (const { receivedMs } of store.quarantine()) {
    if (receivedMs >= span.fromMs && receivedMs < span.toMs) count++;
  }
  return count;
}
