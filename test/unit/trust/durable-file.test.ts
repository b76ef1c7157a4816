import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { putFile, readLines } from '../../../gateway/trust/durable-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ravao-durable-file-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const draftOf = (content: string) => ({ name: 'key', content, mode: 0o600 });

test('of several that put a file of one name at once, one does, whole, and nothing else is left', async () => {
  const contents = ['one', 'two', 'three'];
  const won = await Promise.all(contents.map((content) => putFile(folder, draftOf(content))));
  expect(won.filter(Boolean)).toHaveLength(1);
  expect(readFileSync(join(folder, 'key'), 'utf8')).toBe(contents[won.indexOf(true)]);
  expect(readdirSync(folder)).toEqual(['key']);
});

test('a file that is there is not replaced', async () => {
  expect(await putFile(folder, draftOf('first'))).toBe(true);
  expect(await putFile(folder, draftOf('second'))).toBe(false);
  expect(readFileSync(join(folder, 'key'), 'utf8')).toBe('first');
});

test('a folder that is not there is an error, and not somebody who was faster', async () => {
  await expect(putFile(join(folder, 'none'), draftOf('x'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('torn and foreign lines are passed over, and those behind them are read', () => {
  const text = '{"n":1}\n{"n":\n{"m":2}\nnull\n\n{"n":3}\n{"n":4';
  expect(readLines(text, z.object({ n: z.int() }))).toEqual([{ n: 1 }, { n: 3 }]);
});
