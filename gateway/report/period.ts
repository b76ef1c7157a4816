/** The days that a report is about, as they are in Viet Nam: UTC+7 all year. */
import { vietnamOffsetMs } from '../../shared/time.ts';
import { parseDay } from '../moment.ts';

const dayMs = 86_400_000;

/** From the first moment up to, and without, the last: milliseconds since the Unix epoch. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Period extends Span {
  readonly kind: 'day' | 'week';
  /** ISO 8601: `2026-11-20`, `2026-W47`. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Its days, `20/11/2026`. */
  readonly days: readonly string[];
  /** As long, directly before. */
  readonly before: Span;
}

/** A day, `2026-11-20` or `20/11/2026`; null where that is none. */
export function readDay(text: string): Period | null {
  const day = parseDay(text);
  return day === null ? null : makePeriod('day', day, Date.parse(`${day}T00:00:00Z`), 1);
}

/** A week from Monday to Sunday, `2026-W47` (ISO 8601: the week with the year's first Thursday is the first); null where that is none. */
export function readWeek(text: string): Period | null {
  const [, year, week] = /^(\d{4})-W(\d\d)$/.exec(text)?.map(Number) ?? [];
  if (year === undefined || week === undefined || week < 1) return null;
  const mondayOf = (someYear: number) => {
    const fourth = Date.UTC(someYear, 0, 4);
    return fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * dayMs;
  };
  const ms = mondayOf(year) + (week - 1) * 7 * dayMs;
  return ms < mondayOf(year + 1) ? makePeriod('week', text, ms, 7) : null;
}

function makePeriod(kind: 'day' | 'week', name: string, startMs: number, count: number): Period {
  const days = Array.from({ length: count }, (_, index) => describeDay(startMs + index * dayMs));
  const fromMs = startMs - vietnamOffsetMs;
  const toMs = fromMs + count * dayMs;
  const [first = ''] = days;
  const title =
    kind === 'day' ? `Ngày ${first}` : `Tuần ${name.slice(6)}/${name.slice(0, 4)} (${first} – ${days.at(-1)})`;
  return { kind, name, title, days, fromMs, toMs, before: { fromMs: fromMs - count * dayMs, toMs: fromMs } };
}

/** The hour of the day, 0 to 23, and which day of the period. */
export function placeIn(period: Period, ms: number): { readonly hour: number; readonly day: number } {
  const sinceMs = ms - period.fromMs;
  return { hour: Math.floor((sinceMs % dayMs) / 3_600_000), day: Math.floor(sinceMs / dayMs) };
}

/** Whether a moment lies within. */
export function isWithin({ fromMs, toMs }: Span, ms: number): boolean {
  return ms >= fromMs && ms < toMs;
}

function describeDay(localMs: number): string {
  const [year, month, day] = new Date(localMs).toISOString().slice(0, 10).split('-');
  return `${day}/${month}/${year}`;
}
