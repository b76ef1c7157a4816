import { describe, expect, it } from 'vitest';
import { changePercent, countEntries, type Figures } from '../../../gateway/report/figures.ts';
import { type Period, readDay, readWeek } from '../../../gateway/report/period.ts';
import { writeTable } from '../../../gateway/report/report-table.ts';
import { siteKinds } from '../../../gateway/report/site-kind.ts';
import { describeChange, describeKind, describeNumber } from '../../../gateway/report/words.ts';
import type { Entry } from '../../../shared/entry.ts';
import type { EntryTime } from '../../../shared/ports.ts';
import { makeEntry } from '../../fakes/entries.ts';

/** An entry at a time in Viet Nam, `20T07:30` of November 2026. */
function passing<T extends Partial<Entry>>(time: string, gate: string, changes?: T) {
  return {
    at: new Date(`2026-11-${time}:00+07:00`).toISOString(),
    gate,
    kiosk: gate.replace('Cổng ', 'gate-'),
    ...changes,
  };
}

async function* stored(entries: readonly (Partial<Entry> & { corrected?: EntryTime })[]) {
  for (const [index, { corrected, ...changes }] of entries.entries()) {
    const { entry, body } = makeEntry(index + 1, changes);
    yield { at: entry.at, kiosk: entry.kiosk, body, ...(corrected === undefined ? {} : { corrected }) };
  }
}

/** A time in Viet Nam that lies between two others, each like `20T07:30`. */
function between(from: string, best: string, to: string): EntryTime {
  const [fromMs = 0, bestMs = 0, toMs = 0] = [from, best, to].map((time) => Date.parse(`2026-11-${time}:00+07:00`));
  return { bestMs, fromMs, toMs };
}

function periodOf(name: string): Period {
  const period = name.includes('W') ? readWeek(name) : readDay(name);
  if (period === null) throw new Error(name);
  return period;
}

const refused = {
  outcome: 'refused',
  reason: 'unknown-code',
  code: { kind: 'unknown', verified: false },
  subject: null,
} as const;

const world = [
  passing('19T08:00', 'Cổng a'),
  passing('19T09:00', 'Cổng a', { direction: 'out' }),
  passing('20T00:00', 'Cổng a'),
  passing('20T07:30', 'Cổng a'),
  passing('20T07:40', 'Cổng a', { code: { kind: 'bhyt', verified: false } }),
  passing('20T23:59', 'Cổng b', { direction: 'out', kiosk: 'gate-b' }),
  passing('20T12:00', 'Cổng e', refused),
  passing('19T10:00', 'Cổng c'),
  passing('21T10:00', 'Cổng c'),
  passing('01T10:00', 'Cổng d'),
];

const countWorld = (name = '2026-11-20') => countEntries(stored(world), periodOf(name), ['gate-a', 'gate-z', 'gate-b']);

describe('the figures of a day', () => {
  it('count who came in, went out and was refused, and the day before', async () => {
    const { total, gates } = await countWorld();
    expect(total).toEqual({ now: { in: 3, out: 1, refused: 1 }, before: { in: 2, out: 1, refused: 0 } });
    expect(gates[0]).toEqual({
      gate: 'Cổng a',
      now: { in: 3, out: 0, refused: 0 },
      before: { in: 1, out: 1, refused: 0 },
    });
    expect(gates.map(({ gate }) => gate)).toEqual(['Cổng a', 'Cổng b', 'Cổng c', 'Cổng d', 'Cổng e']);
  });

  it('tell a gate where nobody came from one of which nothing is known', async () => {
    const { withScans, atZero, withoutData } = await countWorld();
    expect(withScans).toEqual(['Cổng a', 'Cổng b', 'Cổng e']);
    expect(atZero).toEqual(['Cổng c']);
    expect(withoutData).toEqual(['Cổng d', 'gate-z']);
  });

  it('lie in their hours and kinds of code', async () => {
    const { hours, kinds, cells, days } = await countWorld();
    expect(hours[7]).toEqual({ in: 2, out: 0, refused: 0 });
    expect([hours[0]?.in, hours[12]?.refused, hours[23]?.out]).toEqual([1, 1, 1]);
    expect(kinds.map(({ kind, in: came }) => [kind, came])).toEqual([
      ['cccd', 2],
      ['bhyt', 1],
      ['unknown', 0],
    ]);
    expect(cells).toHaveLength(5);
    expect(days).toEqual([{ in: 3, out: 1, refused: 1 }]);
  });

  it('count an entry at its best time, and name the gates where that is not certain', async () => {
    const figures = await countEntries(
      stored([
        passing('01T03:00', 'Cổng a', { corrected: between('20T07:10', '20T07:30', '20T07:50') }),
        passing('01T03:00', 'Cổng a', { corrected: between('20T07:10', '20T07:30', '20T08:50') }),
        passing('20T03:00', 'Cổng a', { corrected: between('18T07:00', '19T07:30', '20T07:00') }),
        passing('20T03:00', 'Cổng b', { corrected: between('19T07:00', '19T07:30', '19T09:00') }),
      ]),
      periodOf('2026-11-20'),
    );
    expect(figures.total).toEqual({ now: { in: 2, out: 0, refused: 0 }, before: { in: 2, out: 0, refused: 0 } });
    expect(figures.hours[7]).toEqual({ in: 2, out: 0, refused: 0 });
    expect(figures.uncertain).toEqual([{ gate: 'Cổng a', hourUncertain: 1, maybeInPeriod: 1 }]);
    const table = writeTable({ site: 'X', siteKind: null }, periodOf('2026-11-20'), figures);
    expect(table).toContain('X,,2026-11-20,Lượt có giờ chưa chắc chắn,Cổng a,,,,,1,,\n');
    expect(table).toContain('X,,2026-11-20,"Lượt chưa tính, có thể thuộc kỳ này",Cổng a,,,,,1,,\n');
  });

  it("count a visitor whom a guard let pass, and not what a guard's card did to a gate", async () => {
    const period = periodOf('2026-11-20');
    const control = { code: { kind: 'control', verified: true }, reason: 'control-close', subject: null } as const;
    const visitor = { code: { kind: 'visitor', verified: true }, method: 'manual', subject: null } as const;
    const entries = [
      passing('20T08:00', 'Cổng a', visitor),
      passing('20T08:01', 'Cổng a', { ...control, reason: 'control-open' }),
      passing('20T08:02', 'Cổng b', control),
      passing('19T08:02', 'Cổng c', control),
    ];
    const figures = await countEntries(stored(entries), period, ['gate-a', 'gate-b', 'gate-c']);
    expect(figures.total.now).toEqual({ in: 1, out: 0, refused: 0 });
    expect(figures.kinds.map(({ kind }) => kind)).toEqual(['visitor']);
    expect([figures.withScans, figures.atZero, figures.withoutData]).toEqual([['Cổng a'], ['Cổng b'], ['Cổng c']]);
  });

  it('of a week lie in its days', async () => {
    const { days, total } = await countWorld('2026-W47');
    expect(days.map((count) => count.in + count.out)).toEqual([0, 0, 0, 3, 4, 1, 0]);
    expect(total.before).toEqual({ in: 0, out: 0, refused: 0 });
  });
});

describe('the report as a table', () => {
  const rowsOf = (figures: Figures, period: Period, site = 'Nhà máy X') =>
    writeTable({ site, siteKind: siteKinds.factory }, period, figures).split('\n');

  it('names the site and its kind in each row, and says each figure once', async () => {
    const [heading, ...rows] = rowsOf(await countWorld(), periodOf('2026-11-20'));
    expect(heading).toBe(
      '\ufeffCơ sở,Loại hình,Kỳ báo cáo,Mục,Cổng,Ngày,Giờ,Loại mã,Chiều,Số lượng,Kỳ trước,Thay đổi (%)',
    );
    const head = 'Nhà máy X,"Nhà máy, cơ sở sản xuất",2026-11-20,';
    expect(rows).toContain(`${head}Điểm đã đăng ký,,,,,,6,,`);
    expect(rows).toContain(`${head}Điểm có lượt quét,,,,,,3,,`);
    expect(rows).toContain(`${head}Điểm không có lượt quét,,,,,,1,,`);
    expect(rows).toContain(`${head}Điểm chưa có dữ liệu,,,,,,2,,`);
    expect(rows).toContain(`${head}Tổng số lượt,,,,,vào,3,2,50`);
    expect(rows).toContain(`${head}Lượt theo cổng,Cổng a,,,,ra,0,1,-100`);
    expect(rows).toContain(`${head}Lượt theo giờ,,,07:00,,vào,2,,`);
    expect(rows).toContain(`${head}Lượt theo loại mã,,,,Thẻ bảo hiểm y tế,vào,1,,`);
    expect(rows).toContain(`${head}Chi tiết,Cổng a,,07:00,Căn cước (CCCD),vào,1,,`);
    expect(rows).toContain(`${head}Cổng chưa có dữ liệu,gate-z,,,,,0,,`);
    expect(new Set(rows).size).toBe(rows.length);
  });

  it('lets no subject out, and takes no gate for a formula', async () => {
    const period = periodOf('2026-W47');
    const figures = await countEntries(stored([passing('20T08:00', '=1+1', { kiosk: 'gate-a' })]), period);
    const text = rowsOf(figures, period, '@x').join('\n');
    expect(text).not.toContain('Subject');
    expect(text).toContain("Lượt theo cổng,'=1+1,");
    expect(text).toContain("\n'@x,");
    expect(text).toContain('Lượt theo ngày,,20/11/2026,,,vào,1,,');
  });
});

describe('the words', () => {
  it('say numbers, changes and kinds as in Viet Nam', () => {
    expect(describeNumber(12345.6)).toBe('12.345,6');
    expect([12.34, -5, 0, null].map(describeChange)).toEqual(['+12,3 %', '−5 %', '0 %', '–']);
    expect([changePercent(3, 2), changePercent(1, 3), changePercent(1, 0)]).toEqual([50, -66.7, null]);
    expect([describeKind('cccd'), describeKind('new')]).toEqual(['Căn cước (CCCD)', 'new']);
  });
});
