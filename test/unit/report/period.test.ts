import { describe, expect, it } from 'vitest';
import { describeMoment } from '../../../gateway/moment.ts';
import { isWithin, placeIn, readDay, readWeek } from '../../../gateway/report/period.ts';

describe('a day', () => {
  it('begins and ends at midnight in Viet Nam, and comes after the day before', () => {
    const day = readDay('2026-11-20');
    expect(day).toMatchObject({ title: 'Ngày 20/11/2026', days: ['20/11/2026'] });
    expect(day?.fromMs).toBe(Date.UTC(2026, 10, 19, 17));
    expect(day?.toMs).toBe(Date.UTC(2026, 10, 20, 17));
    expect(day?.before).toEqual({ fromMs: Date.UTC(2026, 10, 18, 17), toMs: day?.fromMs });
  });

  it.each(['20/11/2026', '20.11.2026'])('is also written %s', (text) => {
    expect(readDay(text)).toEqual(readDay('2026-11-20'));
  });

  it.each(['2026-02-29', '29/02/2026', '2026-13-01', '11/20/2026', '2026-1-1', ''])('is not %j', (text) => {
    expect(readDay(text)).toBeNull();
  });
});

describe('a week', () => {
  it.each([
    ['2026-W01', Date.UTC(2025, 11, 28, 17)],
    ['2026-W47', Date.UTC(2026, 10, 15, 17)],
    ['2026-W53', Date.UTC(2026, 11, 27, 17)],
    ['2027-W01', Date.UTC(2027, 0, 3, 17)],
    ['2024-W01', Date.UTC(2023, 11, 31, 17)],
  ])('%s begins on its Monday', (name, fromMs) => {
    expect(readWeek(name)?.fromMs).toBe(fromMs);
    expect(readWeek(name)?.days).toHaveLength(7);
  });

  it('has a title with its days', () => {
    expect(readWeek('2026-W47')?.title).toBe('Tuần 47/2026 (16/11/2026 – 22/11/2026)');
  });

  it.each(['2026-W00', '2027-W53', '2026-47', 'W47', ''])('is not %j', (text) => {
    expect(readWeek(text)).toBeNull();
  });
});

describe('a moment', () => {
  it('has its hour and its day in Viet Nam, and lies within or not', () => {
    const week = readWeek('2026-W47');
    if (week === null) throw new Error('no week');
    expect(placeIn(week, week.fromMs)).toEqual({ day: 0, hour: 0 });
    expect(placeIn(week, Date.UTC(2026, 10, 20, 0, 30))).toEqual({ day: 4, hour: 7 });
    expect(placeIn(week, week.toMs - 1)).toEqual({ day: 6, hour: 23 });
    expect([week.fromMs - 1, week.fromMs, week.toMs - 1, week.toMs].map((ms) => isWithin(week, ms))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(describeMoment(Date.UTC(2026, 10, 20, 17, 5))).toBe('21/11/2026 00:05');
  });
});
