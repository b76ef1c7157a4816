import { expect, test } from 'vitest';
import { mentions } from '../../../gateway/store/mention.ts';

const word = 'AnnaAnnaAnnaAnnaAnna11';

test.each([
  ['as it is', `{"subject":"${word}"}`, true],
  ['in other letters', `x ${word.toUpperCase()} x`, true],
  ['with needless escapes in JSON', `{"subject":"\\u0041${word.slice(1)}"}`, true],
  ['with escapes in what is no JSON, where they mean nothing', `\\u0041${word.slice(1)}`, false],
  ['beside escapes in what is no JSON', `\\x ${word}`, true],
  ['not at all', '{"subject":"BinhBinhBinhBinhBinh22"}', false],
])('a word is found %s', (_, text, found) => {
  const larger = Buffer.from(`....${text}`);
  expect(mentions(larger.subarray(4), ['another word', word])).toBe(found);
});
