/** What was held in a span of time, counted: for the notice of an incident. */
import { isPassage } from '../../shared/control-use.ts';
import type { Entry } from '../../shared/entry.ts';
import { vietnamDayOf } from '../../shared/time.ts';
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
  /** Of these, so many were refused. */
  readonly refused: number;
  readonly withIdentity: number;
}

/** What the store held. */
export interface IncidentFacts {
  /** All of them; each is a passage, a refusal or a use of a guard's card. */
  readonly entries: number;
  readonly passages: number;
  readonly refused: number;
  /** Uses of guards' cards: nobody passed with them, and they name nobody. */
  readonly controlUses: number;
  readonly withIdentity: number;
  /** Different pseudonyms of people who passed or were refused, and how many of these entries have none. */
  readonly persons: number;
  readonly withoutSubject: number;
  readonly quarantined: number;
  /** Milliseconds since the Unix epoch; null where there is nothing. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
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
  const total = { entries: 0, passages: 0, refused: 0, controlUses: 0, withIdentity: 0, withoutSubject: 0 };
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const stored of store.entries()) {
    const atMs = Date.parse(stored.at);
    if (atMs < span.fromMs || atMs >= span.toMs) continue;
    const entry = readEntry(stored);
    const { gate, code, identity } = entry;
    const day = vietnamDayOf(atMs);
    const key = JSON.stringify([day, gate, code.kind]);
    const count = counts.get(key) ?? { day, gate, kind: code.kind, entries: 0, refused: 0, withIdentity: 0 };
    counts.set(key, count);
    const kind = kindOf(entry);
    total[kind]++;
    if (kind === 'refused') count.refused++;
    for (const one of [count, total]) {
      one.entries++;
      if (identity !== null) one.withIdentity++;
    }
    if (stored.subject !== null) subjects.add(stored.subject);
    else if (kind !== 'controlUses') total.withoutSubject++;
    if (identity !== null) keys.add(identity.key);
    kiosks.add(stored.kiosk);
    firstMs = Math.min(firstMs, atMs);
    lastMs = Math.max(lastMs, atMs);
  }
  const moment = (ms: number) => (Number.isFinite(ms) ? ms : null);
  return {
    ...total,
    persons: subjects.size,
    quarantined: await countQuarantined(store, span),
    firstMs: moment(firstMs),
    lastMs: moment(lastMs),
    kiosks: [...kiosks].sort(),
    keys: [...keys].sort(),
    counts: [...counts.values()].sort(
      (a, b) => compare(a.day, b.day) || compare(a.gate, b.gate) || compare(a.kind, b.kind),
    ),
    subjects: [...subjects].sort(),
  };
}

function kindOf(entry: Entry): 'passages' | 'refused' | 'controlUses' {
  if (!isPassage(entry)) return 'controlUses';
  return entry.outcome === 'admitted' ? 'passages' : 'refused';
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
