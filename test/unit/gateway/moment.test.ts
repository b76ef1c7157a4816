import { describe, expect, it } from 'vitest';
import { formatMoment, parseDay, parseMoment, parseSpanEnd, showMoment } from '../../../gateway/moment.ts';

const morning = Date.UTC(2026, 10, 20, 0, 30);
const dayMs = 86_400_000;

describe('a moment', () => {
  it.each([
    ['20/11/2026 07:30', morning],
    ['20.11.2026 7h30', morning],
    ['2026-11-20 07:30', morning],
    ['2026-11-20T07:30:00+07:00', morning],
    ['2026-11-20T00:30:00Z', morning],
    ['2026-11-20T09:30:00+09:00', morning],
    ['31/02/2026 07:30', null],
    ['2026-11-20 24:00', null],
    ['2026-11-20', null],
    ['yesterday', null],
  ])('%s is read as in Viet Nam unless it names an offset', (text, ms) => expect(parseMoment(text)).toBe(ms));

  it('is written as it was in Viet Nam, and read back', () => {
    expect(formatMoment(morning)).toBe('2026-11-20T07:30:00.000+07:00');
    expect(parseMoment(formatMoment(morning))).toBe(morning);
  });
});

describe('a moment for people', () => {
  it("is by Viet Nam's clock, on the day that it is there, and read back", () => {
    const late = Date.UTC(2026, 10, 21, 17, 4, 5, 678);
    expect(showMoment(late)).toBe('2026-11-22 00:04:05');
    expect(showMoment(new Date(late).toISOString())).toBe('2026-11-22 00:04:05');
    expect(parseMoment(showMoment(morning))).toBe(morning);
  });
});

describe('a day', () => {
  it.each([
    ['20/11/2026', '2026-11-20'],
    ['1-2-2026', '2026-02-01'],
    ['2026-11-20', '2026-11-20'],
    ['31/02/2026', null],
    ['20/11/2026 07:30', null],
    ['today', null],
  ])('%s is read as people in Viet Nam write it, or as ISO 8601 does', (text, day) => expect(parseDay(text)).toBe(day));
});

describe('the end of a span', () => {
  it.each(['2026-11-20', '20/11/2026', '20.11.2026'])('that is the day %s alone takes in the whole of it', (day) => {
    const start = Date.UTC(2026, 10, 19, 17);
    expect(parseSpanEnd(day, 'from')).toBe(start);
    expect(parseSpanEnd(day, 'to')).toBe(start + dayMs);
  });

  it('is a moment, or nothing', () => {
    expect(parseSpanEnd('20/11/2026 07:30', 'to')).toBe(morning);
    expect(parseSpanEnd('31/02/2026', 'to')).toBeNull();
    expect(parseSpanEnd('', 'from')).toBeNull();
  });
});
