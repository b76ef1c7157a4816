import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PaperList, paperLinesMax, readPaperList } from '../../../gateway/backfill/paper-list.ts';

const nowMs = Date.UTC(2026, 10, 21, 3);
const read = (text: string) => readPaperList(Buffer.from(text), nowMs);
const heading = 'thoi_gian,chieu,ho_ten,nam_sinh,so_giay_to,dien_thoai';

/** The only line of a list, or why it is wrong. */
function one(row: string, head = heading) {
  const list = read(`${head}\n${row}\n`);
  if (list.type === 'unusable') return list.reason;
  return list.lines[0]?.passing ?? list.wrong[0]?.reason;
}

function reasonOf(list: PaperList): string {
  return list.type === 'unusable' ? list.reason : 'usable';
}

describe('a written list', () => {
  it('is read with Vietnamese headings as Excel saves them', () => {
    const text =
      '\ufeffThời gian;Chiều;Họ và tên;Năm sinh;Số giấy tờ;Số điện thoại;Ghi chú\r\n' +
      '20/11/2026 07:30;Vào;Nguyễn  Văn A;1999;001099012345;0900 000 000;x\r\n\r\n' +
      '20/11/2026 17h05;Ra;"Trần Thị B";;;\r\n';
    expect(read(text)).toEqual({
      type: 'list',
      wrong: [],
      lines: [
        {
          line: 2,
          passing: {
            at: '2026-11-20T00:30:00.000Z',
            direction: 'in',
            name: 'Nguyễn Văn A',
            birthYear: 1999,
            number: '001099012345',
            phone: '0900000000',
          },
        },
        {
          line: 4,
          passing: {
            at: '2026-11-20T10:05:00.000Z',
            direction: 'out',
            name: 'Trần Thị B',
            birthYear: null,
            number: null,
            phone: null,
          },
        },
      ],
    });
  });

  it('is read with English headings, in any order, with tabs', () => {
    const head = 'number\tdirection\tdate\thour';
    expect(one('hs4010000000000\tout\t1/2/2026\t6:05', head)).toMatchObject({
      at: '2026-01-31T23:05:00.000Z',
      direction: 'out',
      number: 'HS4010000000000',
    });
  });

  it.each([
    ['2026-11-20 07:30', '2026-11-20T00:30:00.000Z'],
    ['2026-11-20T07:30:15', '2026-11-20T00:30:15.000Z'],
    ['2026-11-20T07:30:15Z', '2026-11-20T07:30:15.000Z'],
    ['2026-11-20T07:30:15+09:00', '2026-11-19T22:30:15.000Z'],
    ['20-11-2026, 07g30', '2026-11-20T00:30:00.000Z'],
    ['29/02/2024 23:59:59', '2024-02-29T16:59:59.000Z'],
  ])('takes %j for a time in Viet Nam', (written, at) => {
    expect(one(`"${written}",vào,A,,,`)).toMatchObject({ at });
  });

  it.each([
    [',vào,A,,,', /date and the time are missing/],
    ['29/02/2026 07:30,vào,A,,,', /day\/month\/year/],
    ['20/11/2026 24:00,vào,A,,,', /day\/month\/year/],
    ['20/11/26 07:30,vào,A,,,', /day\/month\/year/],
    ['12/11/2027 07:30,vào,A,,,', /not come yet/],
    ['20/11/2019 07:30,vào,A,,,', /before 2020/],
    ['20/11/2026 07:30,lên,A,,,', /vào \(in\) or ra/],
    ['20/11/2026 07:30,vào,,,,', /name or a number/],
    [`20/11/2026 07:30,vào,${'A'.repeat(101)},,,`, /longer than 100/],
    ['20/11/2026 07:30,vào,A,99,,', /birth year/],
    ['20/11/2026 07:30,vào,A,2027,,', /birth year/],
    ['20/11/2026 07:30,vào,A,,1.09E+11,', /6 to 20/],
    ['20/11/2026 07:30,vào,A,,01099012345,', /first 0/],
    ['20/11/2026 07:30,vào,A,,,12', /phone/],
    ['20/11/2026 07:30,vào,A,,,,,x', /8 fields/],
    ['20/11/2026 07:30,vào,"A\nB",,,', /goes on to line 3/],
  ])('names what is wrong with %j, and never what stands there', (row, reason) => {
    expect(one(row)).toMatch(reason);
    expect(one(row)).not.toMatch(/01099012345|1\.09E/);
  });

  it('takes the others when one is wrong, and says its line', () => {
    const list = read(`${heading}\n20/11/2026 07:30,vào,A,,,\n\nx,vào,B,,,\n20/11/2026 07:31,ra,C,,,\n`);
    expect(list).toMatchObject({ type: 'list', lines: [{ line: 2 }, { line: 5 }], wrong: [{ line: 4 }] });
  });

  it.each([
    ['', /empty/],
    ['chieu,ho_ten', /thoi_gian/],
    ['ngay,chieu,ho_ten', /thoi_gian/],
    ['thoi_gian,ho_ten', /chieu/],
    ['thoi_gian,chieu', /ho_ten/],
    ['thoi_gian,time,chieu,ho_ten', /twice/],
    [`${heading}\n"20/11`, /quotation mark is opened/],
    [`${heading}\n${'x\n'.repeat(paperLinesMax + 1)}`, /split it/],
  ])('is refused as a whole where nothing can be trusted: %#', (text, reason) => {
    expect(reasonOf(read(text))).toMatch(reason);
  });

  it('is refused in another encoding than UTF-8, and when it is too large', () => {
    expect(reasonOf(readPaperList(Buffer.from('ti\xean', 'latin1'), nowMs))).toMatch(/Windows-1258/);
    expect(reasonOf(readPaperList(Buffer.from(heading, 'utf16le'), nowMs))).toMatch(/UTF-16/);
    expect(reasonOf(readPaperList(new Uint8Array(17 * 1024 * 1024), nowMs))).toMatch(/split it/);
  });

  it('never throws, whatever it is', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void readPaperList(bytes, nowMs)));
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void read(`${heading}\n${text}`)));
  });
});
