import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listRowsMax, type PeopleList, readPeople } from '../../../gateway/cards/people-csv.ts';
import { listBytesMax } from '../../../gateway/excel-list.ts';

const bom = '\ufeff';

function read(text: string | Uint8Array): PeopleList {
  return readPeople(typeof text === 'string' ? Buffer.from(text) : text, 2026);
}

/** The rows of a list that can be used. */
function rowsOf(text: string) {
  const list = read(text);
  if (list.type !== 'people') throw new Error(list.reason);
  return list;
}

function reasonOf(text: string | Uint8Array): string {
  const list = read(text);
  return list.type === 'unusable' ? list.reason : 'it was taken';
}

const card = '001050012345||Nguyễn Văn A|01011950|Nam|Xã X, Huyện Y|15082021';
const whole = {
  holder: {
    name: 'Nguyễn Văn A',
    birthYear: 1950,
    number: '001050012345',
    phone: '0900000000',
    address: 'Xã X, Huyện Y',
  },
  code: null,
};

describe('a list of people', () => {
  it.each([
    ['English, with commas', 'name,birth_year,number,phone,address,code\n', ','],
    ['Vietnamese, with semicolons', 'ho_ten;nam_sinh;so_giay_to;dien_thoai;dia_chi;ma\n', ';'],
    ['Vietnamese as people write it', 'Họ tên;Năm sinh;Số giấy tờ;Điện thoại;Địa chỉ;Mã\n', ';'],
    [
      'in capitals and with accents apart',
      `${'HỌ TÊN,Năm Sinh,Số giấy tờ,Điện thoại,Địa chỉ,MÃ'.normalize('NFD')}\n`,
      ',',
    ],
  ])('may have its columns %s', (_, heading, delimiter) => {
    const row = ['Nguyễn Văn A', '1950', '001050012345', '0900000000', '"Xã X, Huyện Y"', ''].join(delimiter);
    for (const start of ['', bom]) {
      for (const end of ['', '\n', '\r\n']) {
        const text = (start + heading + row + end).replaceAll(/\r?\n/g, end === '\r\n' ? '\r\n' : '\n');
        expect(rowsOf(text)).toEqual({ type: 'people', rows: [{ line: 2, ...whole }], wrong: [], ignored: [] });
      }
    }
  });

  it('may have its columns in any order, some missing, and others that are not used', () => {
    const { rows, ignored } = rowsOf('Ghi chú,nam_sinh,,NAME\nx,1950,,Trần Thị B\n');
    expect(rows).toEqual([{ line: 2, holder: { name: 'Trần Thị B', birthYear: 1950 }, code: null }]);
    expect(ignored).toEqual(['Ghi chú']);
  });

  it('needs names only', () => {
    expect(rowsOf('name\nTrần Thị B\n').rows).toEqual([{ line: 2, holder: { name: 'Trần Thị B' }, code: null }]);
  });

  it('names the line of each wrong row and takes the others', () => {
    const text = 'name,birth_year\nA B,1950\n,1951\n\n,,\nC D,19x1\n"E\nF",1952\nG H,1953,more\nI K\n';
    expect(rowsOf(text)).toMatchObject({
      rows: [{ line: 2 }, { line: 10 }],
      wrong: [
        { line: 3, reason: 'name is missing' },
        { line: 6, reason: 'birth_year is no year from 1900 to 2026' },
        { line: 7, reason: expect.stringMatching(/^goes on to line 8: .*quotation mark/) },
        { line: 9, reason: 'has 3 fields, but there are 2 columns' },
      ],
    });
  });

  it('takes quotation marks inside a field as they are', () => {
    expect(rowsOf('name,address\nA B,"nhà ""Tý"""\nC D,nhà "Sửu" đó\n').rows).toMatchObject([
      { holder: { address: 'nhà "Tý"' } },
      { holder: { address: 'nhà "Sửu" đó' } },
    ]);
  });

  it('never gives a row to somebody else where a quotation mark is missing', () => {
    const { rows, wrong } = rowsOf('name,address\nA B,"Xã X\nC D,Xã Y\nE F,"Xã Z"\nG H,Xã X\n');
    expect(rows.map(({ holder }) => holder.name)).toEqual(['G H']);
    expect(wrong).toMatchObject([{ line: 2, reason: expect.stringContaining('goes on to line 4') }]);
    expect(reasonOf('name,address\nA B,"Xã X\nC D,Xã Y\n')).toBe('a quotation mark is opened and never closed');
  });

  it.each([
    ['is empty', '', /empty/],
    ['is blank', '\n\n', /empty/],
    ['has no column for names', 'birth_year,phone\n1950,0900000000\n', /column name \(or ho_ten\)/],
    ['has no heading', 'Nguyễn Văn A,1950\n', /column name/],
    ['names a column twice', 'name,ho_ten\nA,B\n', /two columns name/],
    ['has a row that never ends', `name\n${'x'.repeat(20_000)}\n`, /^line \d+: /],
    ['has too many rows', `name\n${'A B\n'.repeat(listRowsMax + 1)}`, /20001 rows/],
  ])('is refused when it %s', (_, text, reason) => {
    expect(reasonOf(text)).toMatch(reason);
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'Windows-1258',
      Buffer.from([0x6e, 0x61, 0x6d, 0x65, 0x0a, 0x4e, 0x67, 0x75, 0x79, 0xea, 0xde, 0x6e, 0x0a]),
      /Windows-1258.*not in UTF-8/,
    ],
    ['UTF-16 with a mark', Buffer.from(`${bom}name\nNguyễn Văn A\n`, 'utf16le'), /UTF-16.*not in UTF-8/],
    ['UTF-16 without one', Buffer.from('name\nNguyễn Văn A\n', 'utf16le'), /UTF-16.*not in UTF-8/],
    ['UTF-16, high byte first', Buffer.from(`${bom}name\nA B\n`, 'utf16le').swap16(), /UTF-16.*not in UTF-8/],
    ['more bytes than allowed', new Uint8Array(listBytesMax + 1), /more than 16 MiB/],
  ])('is refused in %s', (_, bytes, reason) => {
    expect(reasonOf(bytes)).toMatch(reason);
  });

  it('never makes the reader throw, and loses no row in silence', () => {
    const field = fc.oneof(fc.constantFrom('', 'A B', '1950', '"', ',', ';', '\n', 'RV1:x', 'name', card), fc.string());
    fc.assert(
      fc.property(fc.array(field), (fields) => void read(`name,birth_year,code\n${fields.join(',')}`)),
      { numRuns: 500 },
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void read(bytes)));
    const names = fc.array(fc.constantFrom('A B', '', 'C D', '1'), { minLength: 1 });
    fc.assert(
      fc.property(names, (all) => {
        const { rows, wrong } = rowsOf(`name,x\n${all.map((name) => `${name},y`).join('\n')}`);
        expect(rows.length + wrong.length).toBe(all.length === 0 ? 0 : all.length);
      }),
    );
  });
});

describe('what a row says', () => {
  const one = (column: string, text: string) => {
    const { rows, wrong } = rowsOf(`name;${column}\nA B;"${text.replaceAll('"', '""')}"\n`);
    return wrong[0]?.reason ?? rows[0];
  };

  it.each([
    ['1950', 1950],
    ['18/1/1950', 1950],
    ['18-01-1950', 1950],
    ['1950-01-18', 1950],
    ['2026', 2026],
  ])('of the year of birth may be %j', (text, birthYear) => {
    expect(one('birth_year', text)).toMatchObject({ holder: { birthYear } });
  });

  it.each(['1899', '2027', '50', '195', '1950?', '18/1/50', '1.95E+3'])(
    'of the year of birth may not be %j',
    (text) => {
      expect(one('birth_year', text)).toMatch(/^birth_year (is no year|was rounded)/);
    },
  );

  it.each([
    ['0900 000 000', '0900000000'],
    ['+84 900.000.000', '0900000000'],
    ['900000000', '0900000000'],
    ['(024) 3000-0000', '02430000000'],
  ])('of the telephone may be %j', (text, phone) => {
    expect(one('phone', text)).toMatchObject({ holder: { phone } });
  });

  it.each(['12', 'none', '9,00E+08', '0'.repeat(16)])('of the telephone may not be %j', (text) => {
    expect(one('phone', text)).toMatch(/^phone /);
  });

  it('of the number is digits and letters', () => {
    expect(one('number', '001 050 012345')).toMatchObject({ holder: { number: '001050012345' } });
    expect(one('number', 'b1234567')).toMatchObject({ holder: { number: 'B1234567' } });
    expect(one('number', '1,0501E+11')).toBe(
      'number was rounded by Excel: format the column as text and write it again',
    );
    expect(one('number', '??')).toBe('number may hold letters and digits only');
  });

  it('of the code is a national code that is printed as it is', () => {
    expect(one('code', card)).toMatchObject({ code: card });
    expect(one('code', 'https://example.com')).toMatch(/^code is no personal code \([a-z-]+\)$/);
    expect(one('code', 'RV1:ABC')).toMatch(/^code holds a card of Ravao/);
  });

  it('of the name is one spelling of Latin letters', () => {
    const { rows, wrong } = rowsOf(
      `name\n  ${'Nguyễn'.normalize('NFD')}   Văn\tA \nO’Brien-Lê (Tý)\n阮文\n123\n${'x'.repeat(81)}\n=cmd()\n`,
    );
    expect(rows.map(({ holder }) => holder.name)).toEqual(['Nguyễn Văn A', 'O’Brien-Lê (Tý)']);
    expect(wrong.map(({ reason }) => reason)).toEqual([
      'name holds characters that cannot be printed: use Latin letters',
      'name holds no letter',
      'name has 81 characters, 80 are allowed',
      'name holds characters that cannot be printed: use Latin letters',
    ]);
  });

  it('never stands in the reason why it is wrong', () => {
    for (const column of ['birth_year', 'number', 'phone', 'code'])
      expect(one(column, '?secret?')).not.toContain('secret');
  });
});
