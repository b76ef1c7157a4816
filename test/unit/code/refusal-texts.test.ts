import { describe, expect, it } from 'vitest';
import { refusalCharsMax, refusalTexts } from '../../../shared/code/refusal-texts.ts';
import { entrySchema } from '../../../shared/entry.ts';

const texts = Object.entries(refusalTexts);

describe('what a guard is told', () => {
  it.each(texts)('of %s is short, whole sentences in both languages, and says what to do', (_, { vi, en }) => {
    expect(Array.from(vi).length).toBeLessThanOrEqual(refusalCharsMax);
    expect(vi).toBe(vi.normalize('NFC'));
    expect(vi).toMatch(/^\p{Lu}.*[.] Xin .*\.$/u);
    expect(en).toMatch(/^\p{Lu}.*\. Please .*\.$/u);
  });

  it('is another text for every reason', () => {
    expect(new Set(texts.map(([, { vi }]) => vi)).size).toBe(texts.length);
    expect(new Set(texts.map(([, { en }]) => en)).size).toBe(texts.length);
  });

  it('belongs to reasons that an entry can carry', () => {
    for (const [reason] of texts) expect(entrySchema.shape.reason.safeParse(reason).success).toBe(true);
  });
});
