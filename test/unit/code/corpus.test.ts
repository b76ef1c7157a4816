import { describe, expect, it } from 'vitest';
import { formats, readScan } from '../../../shared/code/read-code.ts';
import { corpusKnown, readCorpus } from '../../corpus/sample.ts';

const known = corpusKnown();
const corpus = readCorpus();

/** Fewer would not show that a format is understood. */
const samplesMin = 12;
const notPersonalMin = 60;

describe.each([...corpus])('of the corpus, %s', (name, samples) => {
  it.each(samples.map((sample) => [sample.what, sample] as const))('%s', (_, { text, expect: expected }) => {
    const code = readScan(text, known);
    if (code.type === 'unknown') expect({ refused: code.reason }).toEqual(expected);
    else if (code.type === 'control') {
      const { type: _, action: control, ...said } = code;
      expect({ control, ...said }).toEqual(expected);
    } else {
      const { type, extras, ...said } = code;
      expect({ ...said, ...(extras.length === 0 ? {} : { extras }) }).toEqual(expected);
    }
  });

  it('is claimed by one format at most, and by its own', () => {
    for (const { what, text, expect: expected } of samples) {
      const claims = formats.filter((format) => format.read(text, known) !== null).map(({ kind }) => kind);
      const wanted = 'refused' in expected && ['unknown-code', 'empty-code'].includes(expected.refused) ? 0 : 1;
      expect([what, claims.length]).toEqual([what, wanted]);
      if (name !== 'not-personal') expect(claims).toEqual([name]);
    }
  });

  it('holds enough, no sample twice', () => {
    const understood = samples.filter((sample) => !('refused' in sample.expect));
    if (name === 'not-personal') expect(samples.length).toBeGreaterThanOrEqual(notPersonalMin);
    else expect(understood.length).toBeGreaterThanOrEqual(samplesMin);
    expect(new Set(samples.map(({ what }) => what)).size).toBe(samples.length);
    expect(new Set(samples.map(({ text }) => text)).size).toBe(samples.length);
  });
});

describe('the corpus', () => {
  it('has a file for every format of personal codes', () => {
    const understood = new Set(
      [...corpus.values()].flat().flatMap(({ expect: expected }) => ('kind' in expected ? [expected.kind] : [])),
    );
    expect([...corpus.keys()].toSorted()).toEqual([...understood, 'not-personal'].toSorted());
  });

  it('gives both cards of a person one subject, and masked codes another', () => {
    const numbers = (name: string) =>
      (corpus.get(name) ?? []).flatMap(({ expect: expected }) => ('number' in expected ? [expected.number] : []));
    expect(numbers('personal-qr')).toContain('079185000001');
    expect(numbers('cccd')).toContain('079185000001');
    expect(numbers('bhyt').filter((number) => number === 'bhxh:0000000000')).toHaveLength(2);
  });
});
