/**
 * A made-up month of a large hospital with a market before its doors: some 333,000 entries a day at 20 gates, people who
 * stay for minutes or hours and come again, some who leave unseen, some who are refused. The same seed makes the same
 * world. Entries come in the order in which they arrive at a gateway.
 */
import type { EntryDraft } from '../../shared/entry.ts';
import { encodeEntry } from '../../shared/entry.ts';
import { seededChance } from '../fakes/seeded-chance.ts';

const dayMs = 24 * 60 * 60 * 1000;
const minuteMs = 60 * 1000;

/** The first day, midnight in Viet Nam. */
export const worldStartMs = Date.UTC(2026, 9, 21, 17);

/** Days of the world, whatever its size. */
export const worldDays = 30;

/** Entries of the world at full size. */
export const worldEntries = 10_000_000;

const gates = Array.from({ length: 20 }, (_, number) => `Cổng số ${number + 1}`);
/** Visits of the traced person. */
const tracedVisits = 10;
/** A person comes so often in the month, on average. */
const visitsPerPerson = 8;
const refusedShare = 0.03;
/** Who leaves through a gate without a kiosk. */
const unseenShare = 0.04;
const sealed = { enc: 'e'.repeat(43), ct: 'c'.repeat(192), key: 'BenchSiteKeyId00' };
const epochOf = (gate: number) => `019a1b2c-0000-7000-8000-${gate.toString(16).padStart(12, '0')}`;

/** The pseudonym of the person who is traced. */
export const tracedSubject = subjectOf(0);

/** One entry of the world, ready to be sent. */
export interface MadeEntry {
  readonly atMs: number;
  readonly kiosk: string;
  readonly body: string;
}

/** A passage before its kiosk has counted it. */
interface MadePassage {
  readonly atMs: number;
  readonly person: number;
  readonly gate: number;
  readonly direction: EntryDraft['direction'];
  readonly outcome: EntryDraft['outcome'];
}

/** @param entries how many, about: fewer are a smaller site, over as many days. */
export function* makeWorld(options: { readonly seed: number; readonly entries: number }): Generator<MadeEntry, void> {
  const { seed, entries } = options;
  const chance = seededChance(seed);
  const visitsPerDay = Math.round(entries / worldDays / (2 - refusedShare - unseenShare));
  const people = Math.ceil((visitsPerDay * worldDays) / visitsPerPerson);
  const seqs = gates.map(() => 0);
  let late: MadePassage[] = [];
  let number = 0;
  for (let day = 0; day < worldDays; day++) {
    const beginMs = worldStartMs + day * dayMs;
    const made: MadePassage[] = late;
    for (let visit = 0; visit < visitsPerDay; visit++) {
      addVisit(made, 1 + Math.floor(chance.fraction() * people), arrivalMs(beginMs, chance.fraction), chance.fraction);
    }
    if (day % (worldDays / tracedVisits) === 1) {
      const atMs = beginMs + (8 * 60 + chance.fraction() * 480) * minuteMs;
      const stayMs = (20 + chance.fraction() * 100) * minuteMs;
      made.push({ atMs, person: 0, gate: 0, direction: 'in', outcome: 'admitted' });
      made.push({ atMs: atMs + stayMs, person: 0, gate: 1, direction: 'out', outcome: 'admitted' });
    }
    made.sort((a, b) => a.atMs - b.atMs);
    const endMs = beginMs + dayMs;
    late = made.filter(({ atMs }) => atMs >= endMs);
    for (const passage of made) if (passage.atMs < endMs) yield write(passage, number++, seqs, chance.fraction);
  }
}

/** Most people come in the morning and after noon; at night few. */
function arrivalMs(dayMs_: number, fraction: () => number): number {
  const peak = fraction() < 0.6 ? 9 : 15;
  const hour = peak + (fraction() + fraction() + fraction() - 1.5) * 5;
  return dayMs_ + hour * 60 * minuteMs;
}

function addVisit(made: MadePassage[], person: number, atMs: number, fraction: () => number): void {
  const gate = Math.floor(fraction() * gates.length);
  if (fraction() < refusedShare) {
    made.push({ atMs, person, gate, direction: 'in', outcome: 'refused' });
    return;
  }
  made.push({ atMs, person, gate, direction: 'in', outcome: 'admitted' });
  if (fraction() < unseenShare) return;
  // Minutes for most, hours for some: a night in a ward, a shift.
  const stayMs = fraction() < 0.85 ? (5 + 85 * fraction() ** 2) * minuteMs : (2 + 10 * fraction()) * 60 * minuteMs;
  const out = Math.floor(fraction() * gates.length);
  made.push({ atMs: atMs + stayMs, person, gate: out, direction: 'out', outcome: 'admitted' });
}

function write(
  { atMs, person, gate, direction, outcome }: MadePassage,
  number: number,
  seqs: number[],
  fraction: () => number,
): MadeEntry {
  const kiosk = `gate-${gate}`;
  const seq = (seqs[gate] ?? 0) + 1;
  seqs[gate] = seq;
  const body = encodeEntry(
    {
      id: idOf(atMs, number, fraction),
      at: new Date(atMs).toISOString(),
      clock: {
        synced: true,
        boot: 'b0070000-0000-4000-8000-000000000001',
        monotonicMs: Math.round(atMs - worldStartMs),
      },
      gate: gates[gate] ?? '',
      direction,
      outcome,
      reason: outcome === 'admitted' ? 'ok' : 'expired',
      method: 'scan',
      code: { kind: person % 3 === 0 ? 'bhyt' : 'cccd', verified: false },
      subject: subjectOf(person),
      identity: sealed,
    },
    { kiosk, epoch: epochOf(gate), seq },
  );
  return { atMs, kiosk, body };
}

/** A UUID of version 7, whose random part is a count. */
function idOf(atMs: number, number: number, fraction: () => number): string {
  const time = Math.round(atMs).toString(16).padStart(12, '0');
  const mixed = Math.floor(fraction() * 2 ** 24)
    .toString(16)
    .padStart(6, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${mixed.slice(0, 3)}-8${mixed.slice(3)}-${number.toString(16).padStart(12, '0')}`;
}

/** 22 characters, as evenly spread as real ones. */
function subjectOf(person: number): string {
  let hash = person + 1;
  let text = '';
  for (let word = 0; word < 4; word++) {
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + word;
    hash = Math.imul(hash ^ (hash >>> 13), 0x297a2d39);
    text += (hash >>> 0).toString(36).padStart(7, '0');
  }
  return `${person.toString(36).padStart(6, '-')}${text}`.slice(0, 22);
}
