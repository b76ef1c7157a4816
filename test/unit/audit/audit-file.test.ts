import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPieces } from '../../../gateway/audit/audit-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-pieces-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function piecesOf(text: string, from = 0) {
  const path = join(dir, 'file');
  writeFileSync(path, text);
  const descriptor = openSync(path, 'r');
  try {
    return [...readPieces(descriptor, from)];
  } finally {
    closeSync(descriptor);
  }
}

describe('a file of lines', () => {
  it('is read as the pieces between its line feeds, with their places', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{0,9}$/), { maxLength: 9 }), fc.boolean(), (words, ended) => {
        const text = words.join('\n') + (ended ? '\n' : '');
        const pieces = piecesOf(text);
        const expected = text.split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(pieces.map(({ bytes }) => bytes.toString())).toEqual(expected);
        for (const { offset, length, bytes } of pieces) {
          expect(text.slice(offset, offset + length).trimEnd()).toBe(bytes.toString());
        }
        expect(pieces.slice(0, -1).every((piece) => piece.ended)).toBe(true);
      }),
    );
  });

  it('may have lines across the chunks it is read in, and one that is too long is not kept whole', () => {
    const lines = Array.from({ length: 400 }, (_, index) => `${index} ${'x'.repeat(1000)}`);
    expect(piecesOf(`${lines.join('\n')}\n`).map(({ bytes }) => bytes.toString())).toEqual(lines);
    const [long, after] = piecesOf(`${'y'.repeat(1_000_000)}\nend\n`);
    expect(long).toMatchObject({ length: 1_000_001, ended: true });
    expect(long?.bytes.length).toBeLessThan(200_000);
    expect(after?.bytes.toString()).toBe('end');
  });

  it('is read from an offset on', () => {
    expect(piecesOf('one\ntwo\nthree', 4).map(({ bytes, offset }) => [bytes.toString(), offset])).toEqual([
      ['two', 4],
      ['three', 8],
    ]);
  });
});
