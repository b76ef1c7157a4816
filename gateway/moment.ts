/** Days and hours as people in Viet Nam write them. The country is seven hours ahead of UTC all year (Asia/Ho_Chi_Minh). */
import { vietnamDayOf, vietnamOffsetMs } from '../shared/time.ts';

const zone = '+07:00';
const dayMs = 86_400_000;

const vietnamese =
  /^(?<day>\d{1,2})[/.-](?<month>\d{1,2})[/.-](?<year>\d{4})[ ,]+(?<hour>\d{1,2})(?::|h|g)(?<minute>\d{2})(?::(?<second>\d{2}))?$/i;
const iso =
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})[T ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:\.\d{1,9})?)?(?<offset>Z|[+-]\d{2}:\d{2})?$/i;
const dayAlone =
  /^(?:(?<day>\d{1,2})[/.-](?<month>\d{1,2})[/.-](?<year>\d{4})|(?<isoYear>\d{4})-(?<isoMonth>\d{2})-(?<isoDay>\d{2}))$/;

/**
 * A moment, to the second: `20/11/2026 07:30`, `2026-11-20 07:30` or ISO 8601; in Viet Nam unless it names an offset.
 * Milliseconds since the Unix epoch; null where it is none, or where there is no such day or hour.
 */
export function parseMoment(text: string): number | null {
  const found = vietnamese.exec(text)?.groups ?? iso.exec(text)?.groups;
  return found === undefined ? null : toMs(found);
}

/** A day, `20/11/2026` or `2026-11-20`, as `yyyy-MM-dd`; null where it is none, or where there is no such day. */
export function parseDay(text: string): string | null {
  const startMs = parseDayStart(text);
  return startMs === null ? null : vietnamDayOf(startMs);
}

/** One end of a span: as {@link parseMoment}, or a day alone, which stands for its beginning, or, as an end, for its whole. */
export function parseSpanEnd(text: string, end: 'from' | 'to'): number | null {
  if (!dayAlone.test(text)) return parseMoment(text);
  const startMs = parseDayStart(text);
  return startMs === null || end === 'from' ? startMs : startMs + dayMs;
}

function parseDayStart(text: string): number | null {
  const found = dayAlone.exec(text)?.groups;
  if (found === undefined) return null;
  const { day = found.isoDay, month = found.isoMonth, year = found.isoYear } = found;
  return toMs({ day, month, year, hour: '00', minute: '00' });
}

/** A moment as it was in Viet Nam, ISO 8601: `2026-11-20T07:30:00.000+07:00`. */
export function formatMoment(ms: number): string {
  return new Date(ms + vietnamOffsetMs).toISOString().replace('Z', zone);
}

/**
 * A moment for people, as it was in Viet Nam, to the second: `2026-11-20 07:30:05`; {@link parseMoment} reads it. Machine
 * formats keep ISO 8601. @param at milliseconds since the Unix epoch, or ISO 8601.
 */
export function showMoment(at: number | string): string {
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return formatMoment(ms).slice(0, 19).replace('T', ' ');
}

/** A moment in Viet Nam as people write it, `20/11/2026 07:30`. */
export function describeMoment(ms: number): string {
  const local = new Date(ms + vietnamOffsetMs).toISOString();
  return `${local.slice(8, 10)}/${local.slice(5, 7)}/${local.slice(0, 4)} ${local.slice(11, 16)}`;
}

/** Null where there is no such day or hour. */
function toMs(found: Readonly<Record<string, string | undefined>>): number | null {
  const two = (name: string) => (found[name] ?? '0').padStart(2, '0');
  const local = `${found.year}-${two('month')}-${two('day')}T${two('hour')}:${two('minute')}:${two('second')}`;
  const asUtc = new Date(`${local}Z`);
  // 31 February becomes a day of March, and hour 24 the next day.
  if (Number.isNaN(asUtc.getTime()) || !asUtc.toISOString().startsWith(local)) return null;
  const ms = new Date(`${local}${(found.offset ?? zone).toUpperCase()}`).getTime();
  return Number.isNaN(ms) ? null : ms;
}
