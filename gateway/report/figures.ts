/** What a report counts. Whoever passed does not come into it: gates, hours, kinds of code, and how many. */
import { isPassage } from '../../shared/control-use.ts';
import type { Entry } from '../../shared/entry.ts';
import type { EntryTime } from '../../shared/ports.ts';
import type { StoredEntry } from '../store/store.ts';
import { isWithin, type Period, placeIn } from './period.ts';

/** People let in, let out, and refused. */
export interface Count {
  in: number;
  out: number;
  refused: number;
}

/** One gate, hour and kind of code. */
export interface Cell extends Count {
  readonly gate: string;
  /** Of the day, 0 to 23. */
  readonly hour: number;
  readonly kind: string;
}

export interface GateFigures {
  readonly gate: string;
  readonly now: Count;
  readonly before: Count;
}

export interface Figures {
  readonly total: { readonly now: Count; readonly before: Count };
  /** Every gate that is known, by name: those with scans, those at zero and those without data. */
  readonly gates: readonly GateFigures[];
  /** Gates with at least one scan in the period. */
  readonly withScans: readonly string[];
  /** Gates without a scan in the period, but with later ones: nothing is missing, nobody came. */
  readonly atZero: readonly string[];
  /** Gates from which nothing came in the period or since, and kiosks that were enrolled and never sent anything. */
  readonly withoutData: readonly string[];
  /** By hour of the day, 24. */
  readonly hours: readonly Count[];
  /** By day of the period. */
  readonly days: readonly Count[];
  readonly kinds: readonly (Count & { readonly kind: string })[];
  /** All that is not zero. */
  readonly cells: readonly Cell[];
  /** Gates with scans of which it is not certain when they were, because a kiosk's clock was wrong. */
  readonly uncertain: readonly GateDoubt[];
}

/** What of a gate is uncertain, in scans. */
export interface GateDoubt {
  readonly gate: string;
  /** Counted in the period, but perhaps of another hour, or of another period. */
  readonly hourUncertain: number;
  /** Not counted in the period, but perhaps of it. */
  readonly maybeInPeriod: number;
}

const noCount = (): Count => ({ in: 0, out: 0, refused: 0 });

const byText = (a: string, b: string) => a.localeCompare(b, 'vi', { numeric: true });

interface Gate {
  readonly now: Count;
  readonly before: Count;
  scanned: boolean;
  later: boolean;
  hourUncertain: number;
  maybeInPeriod: number;
}

const noDoubt = { hourUncertain: 0, maybeInPeriod: 0 };

/** Gates and cells are counted up to this many; what is beyond is a kiosk gone wrong, and counts as the gate `…`. */
const gatesMax = 10_000;

/**
 * Counts entries, one after the other, in any order. Whoever was refused counts as a scan and not as in or out. An entry
 * counts at the time that its kiosk gave it, or where that was wrong, at the best that the gateway knows. What a guard's
 * card did to a gate is no scan of anybody.
 * @param kiosks the ids of those that were enrolled.
 */
export async function countEntries(
  entries: AsyncIterable<Pick<StoredEntry, 'at' | 'corrected' | 'kiosk' | 'body'>>,
  period: Period,
  kiosks: readonly string[] = [],
): Promise<Figures> {
  const gates = new Map<string, Gate>();
  const cells = new Map<string, Cell>();
  const days = period.days.map(noCount);
  const heard = new Set<string>();
  for await (const { at, corrected, kiosk, body } of entries) {
    const entry = JSON.parse(body) as Entry; // the intake has validated what the store holds
    const ms = corrected?.bestMs ?? Date.parse(at);
    const name = gates.has(entry.gate) || gates.size < gatesMax ? entry.gate : '…';
    const gate = gates.get(name) ?? { now: noCount(), before: noCount(), scanned: false, later: false, ...noDoubt };
    gates.set(name, gate);
    heard.add(kiosk);
    if (!isPassage(entry)) {
      // A guard has set the gate: nobody passed for that, but the gate was heard of.
      if (ms >= period.fromMs) gate.later = true;
      continue;
    }
    if (corrected !== undefined) doubt(gate, period, corrected);
    if (ms >= period.toMs) gate.later = true;
    else if (isWithin(period.before, ms)) add(gate.before, entry);
    if (!isWithin(period, ms)) continue;
    gate.scanned = true;
    add(gate.now, entry);
    const { hour, day } = placeIn(period, ms);
    const dayCount = days[day];
    if (dayCount !== undefined) add(dayCount, entry);
    const key = JSON.stringify([name, hour, entry.code.kind]);
    const cell = cells.get(key) ?? { gate: name, hour, kind: entry.code.kind, ...noCount() };
    cells.set(key, cell);
    add(cell, entry);
  }
  return sumUp(
    gates,
    [...cells.values()],
    days,
    kiosks.filter((kiosk) => !heard.has(kiosk)),
  );
}

function sumUp(gates: ReadonlyMap<string, Gate>, cells: Cell[], days: Count[], silent: readonly string[]): Figures {
  const total = { now: noCount(), before: noCount() };
  const hours = Array.from({ length: 24 }, noCount);
  const kinds = new Map<string, Count & { kind: string }>();
  for (const { now, before } of gates.values()) {
    addAll(total.now, now);
    addAll(total.before, before);
  }
  for (const cell of cells) {
    const kind = kinds.get(cell.kind) ?? { kind: cell.kind, ...noCount() };
    kinds.set(cell.kind, kind);
    addAll(kind, cell);
    const hour = hours[cell.hour];
    if (hour !== undefined) addAll(hour, cell);
  }
  const named = [...gates].sort(([a], [b]) => byText(a, b));
  const namesOf = (holds: (gate: Gate) => boolean) => named.filter(([, gate]) => holds(gate)).map(([name]) => name);
  return {
    total,
    gates: named.map(([gate, { now, before }]) => ({ gate, now, before })),
    withScans: namesOf(({ scanned }) => scanned),
    atZero: namesOf(({ scanned, later }) => !scanned && later),
    withoutData: [...namesOf(({ scanned, later }) => !scanned && !later), ...[...silent].sort(byText)],
    hours,
    days,
    kinds: [...kinds.values()].sort((a, b) => passed(b) - passed(a) || byText(a.kind, b.kind)),
    uncertain: named
      .filter(([, { hourUncertain, maybeInPeriod }]) => hourUncertain + maybeInPeriod > 0)
      .map(([gate, { hourUncertain, maybeInPeriod }]) => ({ gate, hourUncertain, maybeInPeriod })),
    cells: cells.sort((a, b) => byText(a.gate, b.gate) || a.hour - b.hour || byText(a.kind, b.kind)),
  };
}

/** Notes of a scan whether it certainly is where it counts. Hours begin in Viet Nam when they begin in UTC. */
function doubt(gate: Gate, period: Period, { bestMs, fromMs, toMs }: EntryTime): void {
  const hourMs = 3_600_000;
  if (isWithin(period, bestMs)) {
    if (Math.floor(fromMs / hourMs) !== Math.floor(toMs / hourMs)) gate.hourUncertain++;
  } else if (fromMs < period.toMs && toMs >= period.fromMs) gate.maybeInPeriod++;
}

function add(count: Count, { outcome, direction }: Pick<Entry, 'outcome' | 'direction'>): void {
  count[outcome === 'refused' ? 'refused' : direction]++;
}

function addAll(count: Count, other: Count): void {
  count.in += other.in;
  count.out += other.out;
  count.refused += other.refused;
}

/** How many passed, in and out. */
export function passed(count: Count): number {
  return count.in + count.out;
}

/** The change against the period before in percent, rounded to a tenth; null where there was nothing before. */
export function changePercent(now: number, before: number): number | null {
  return before === 0 ? null : Math.round(((now - before) / before) * 1000) / 10;
}
