import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutName, nameCharsMax, normalName, tidyText } from '../../../shared/code/name.ts';

describe('the normal form of a name', () => {
  it.each([
    ['Nguyễn Văn A', 'NGUYEN VAN A'],
    ['NGUYỄN VĂN A', 'NGUYEN VAN A'],
    ['NGUYEN VAN A', 'NGUYEN VAN A'],
    ['NGUYEN<VAN<A', 'NGUYEN VAN A'],
    ['nguyễn  văn\ta', 'NGUYEN VAN A'],
    ['Nguyễn Văn A'.normalize('NFD'), 'NGUYEN VAN A'],
    ['Đặng Thị Đào', 'DANG THI DAO'],
    ['Ỷ Ỹ Ị ử ở ẵ ặ', 'Y Y I U O A A'],
    ['H’ Ê-ban Niê', 'H E BAN NIE'],
    ["O'Neil", 'O NEIL'],
    ['Strauß', 'STRAUSS'],
    ['李', '李'],
    ['', ''],
    ['\ud800', ''],
  ])('of %j is %j', (name, normal) => {
    expect(normalName(name)).toBe(normal);
  });

  it('is its own normal form, and that of every spelling', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
        const normal = normalName(name);
        expect(normalName(normal)).toBe(normal);
        expect(normalName(tidyText(name))).toBe(normal);
      }),
    );
  });
});

describe('a name that is too long', () => {
  it('is cut between letters, never within one', () => {
    expect(cutName('😀'.repeat(nameCharsMax)).isWellFormed()).toBe(true);
    expect(cutName('A'.repeat(nameCharsMax))).toHaveLength(nameCharsMax);
    expect(cutName('A'.repeat(nameCharsMax + 1))).toHaveLength(nameCharsMax);
  });
});
