/** Days as codes write them, and what an end of validity means at the time of reading. */
import { vietnamDayOf, vietnamOffsetMs } from '../time.ts';
import type { Warning } from './code.ts';
import type { Known } from './known.ts';

/** The last second of the year 9999, in seconds since the Unix epoch: later ones cannot be written as a day. */
const secondsMax = 253_402_300_799 - vietnamOffsetMs / 1000;

/** The day `yyyy-MM-dd` of a date that exists; null for anything else. Years before 1800 count as misread. */
export function makeDay(year: number, month: number, day: number): string | null {
  if (!(year >= 1800 && year <= 9999)) return null;
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date.toISOString().slice(0, 10);
}

/** The day of `dd/MM/yyyy`; null for anything else. */
export function readSlashedDay(field: string): string | null {
  const [, day = 0, month = 0, year = 0] = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(field)?.map(Number) ?? [];
  return makeDay(year, month, day);
}

/** The year of a day. */
export function yearOf(day: string): number {
  return Number(day.slice(0, 4));
}

/** The year of `yyyy`, `yyyy-MM` or `yyyy-MM-dd`, with or without a time behind it; null for anything else. */
export function readIsoYear(text: string): number | null {
  const year = Number(/^(\d{4})(?:-\d\d){0,2}(?:T|$)/.exec(text)?.[1] ?? 0);
  return year >= 1800 ? year : null;
}

/** The day in Viet Nam of a time in seconds since the Unix epoch, as certificates say it; null where it is no such time. */
export function dayOfSeconds(seconds: unknown): string | null {
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= secondsMax)) return null;
  return vietnamDayOf(seconds * 1000);
}

/** What is to be said of a code that is valid through `lastDay`, and from `firstDay` on where that is given. */
export function checkValidity(
  known: Known,
  { firstDay = null, lastDay }: { readonly firstDay?: string | null; readonly lastDay: string | null },
): Warning[] {
  if (firstDay === null && lastDay === null) return [];
  if (!known.clockSynced) return ['expiry-unchecked'];
  const today = vietnamDayOf(known.nowMs);
  if (lastDay !== null && lastDay < today) return ['expired'];
  return firstDay !== null && firstDay > today ? ['not-yet-valid'] : [];
}
