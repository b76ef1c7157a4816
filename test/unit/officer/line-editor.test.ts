import { describe, expect, it } from 'vitest';
import { LineEditor, lineCharsMax } from '../../../gateway/officer/line-editor.ts';
import { normalisePassphrase, weaknessOf } from '../../../gateway/officer/passphrase.ts';

/** Types a text; what was shown, and what the line came to. */
function type(text: string, hidden = false) {
  const editor = new LineEditor(hidden);
  let shown = '';
  for (const character of text) {
    const { show, done } = editor.type(character);
    shown += show;
    if (done !== null) return { shown, done };
  }
  return { shown, done: null };
}

describe('a typed line', () => {
  it.each([
    ['ends with Enter', 'abc\r', 'abc'],
    ['ends where a scanner sends a line feed', 'abc\n', 'abc'],
    ['loses its last character to Backspace', 'abx\u007fc\r', 'abc'],
    ['loses none where there is none', '\b\bab\r', 'ab'],
    ['takes an accent as an input method types it', 'quea\u007f\u007fế\r', 'quế'],
    ['is begun anew with Ctrl-U', 'wrong\u0015right\r', 'right'],
    ['passes over cursor keys', 'a\u001b[Db\u001bOPc\u001b[1;5Cd\r', 'abcd'],
    ['passes over other control characters', 'a\u0000\u0001\tb\r', 'ab'],
    ['holds characters beyond 16 bits', '🐈x\u007f\u007fa\r', 'a'],
  ])('%s', (_, typed, text) => expect(type(typed).done).toEqual({ type: 'line', text }));

  it('shows what is typed, or nothing at all', () => {
    expect(type('ab\u007fc\r').shown).toBe('ab\b \bc\r\n');
    expect(type('ab\u007fc\u0015\r', true).shown).toBe('\r\n');
  });

  it('is given up with Ctrl-C, and with Ctrl-D where it is empty', () => {
    expect(type('ab\u0003').done).toEqual({ type: 'cancelled' });
    expect(type('\u0004').done).toEqual({ type: 'cancelled' });
    expect(type('ab\u0004c\r').done).toEqual({ type: 'line', text: 'abc' });
  });

  it('is refused where it is longer than any code, not cut', () => {
    expect(type(`${'a'.repeat(lineCharsMax)}\r`).done).toMatchObject({ type: 'line' });
    expect(type(`${'a'.repeat(lineCharsMax + 1)}\r`).done).toEqual({ type: 'too-long' });
  });
});

describe('a passphrase', () => {
  it('is the same however an input method wrote it', () => {
    const written = 'tiếng Việt của tôi';
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const)
      expect(normalisePassphrase(written.normalize(form))).toBe(normalisePassphrase(written));
    expect(normalisePassphrase('a\u00a0b')).toBe('a b');
    expect(normalisePassphrase('ａｂｃ１')).toBe('abc1');
  });

  it.each([
    ['too short', 'mật khẩu 12', /11 characters/],
    ['long and no secret', 'aaaaaaaaaaaaaaaaaaaa', /different/],
    ['a whole file', 'x1y2z3'.repeat(500), /more than/],
  ])('is not taken where it is %s', (_, passphrase, why) => expect(weaknessOf(passphrase)).toMatch(why));

  it('is taken from twelve characters on', () => {
    expect(weaknessOf('năm từ xa lạ')).toBeNull();
  });
});
