import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Direction } from '../../../shared/entry.ts';
import {
  decodePresence,
  decodeSnapshot,
  encodePresence,
  encodeSnapshot,
  passagesPerChunk,
  personOf,
  toldPassagesMax,
} from '../../../shared/presence.ts';
import { chunkBytesMax } from '../../../shared/rules.ts';
import { decodeBar, encodeBar, encodeExpected, listedSubject, personItemBytes } from '../../../shared/site-rules.ts';

const subject = fc.stringMatching(/^[A-Za-z0-9_-]{22}$/);
const passage = fc.record({
  person: subject.map(personOf),
  direction: fc.constantFrom<Direction>('in', 'out'),
  atMs: fc.integer({ min: 1, max: 2 ** 45 }),
});

describe('passages on the wire', () => {
  it('come back as they were told', () => {
    const notice = fc.record({
      generation: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      isComplete: fc.boolean(),
      sinceMs: fc.constantFrom(0, Date.UTC(2026, 10, 20)),
      inside: fc.nat(100_000),
      passages: fc.array(passage, { maxLength: 20 }),
    });
    fc.assert(
      fc.property(notice, (told) => {
        expect(decodePresence(encodePresence(told))).toEqual(told);
      }),
    );
    fc.assert(
      fc.property(fc.array(passage, { maxLength: 20 }), (passages) => {
        expect(decodeSnapshot(encodeSnapshot(7, passages))).toEqual({ generation: 7, passages });
      }),
    );
  });

  it('are refused where they are none, cut, too many or of a later version, and never throw', () => {
    const [one] = fc.sample(passage, 1);
    const told = { generation: 1, isComplete: true, sinceMs: 0, inside: 1, passages: one ? [one] : [] };
    const bytes = encodePresence(told);
    expect(decodePresence(bytes.subarray(0, -1))).toBeNull();
    expect(decodePresence(Uint8Array.of(2, ...bytes.subarray(1)))).toBeNull();
    expect(decodePresence(new Uint8Array(20 + (toldPassagesMax + 1) * 24).fill(1))).toBeNull();
    expect(decodeSnapshot(new Uint8Array(5))).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        decodePresence(noise);
        decodeSnapshot(noise);
      }),
    );
  });

  it('fit into a packet', () => {
    expect(4 + passagesPerChunk * 24).toBeLessThanOrEqual(chunkBytesMax);
    expect(20 + toldPassagesMax * 24).toBeLessThanOrEqual(chunkBytesMax);
  });
});

describe('people in lists', () => {
  it('are found by their subject, and say what they were listed with', () => {
    const bar = fc.record({
      lastDay: fc.option(fc.integer({ min: 0, max: 0xfffe })),
      reason: fc.nat(255),
      scope: fc.nat(255),
    });
    fc.assert(
      fc.property(subject, bar, fc.nat(0xffff), (person, said, day) => {
        const item = encodeBar(person, said);
        expect(decodeBar(item)).toEqual(said);
        expect(item).toHaveLength(personItemBytes);
        expect(Buffer.from(item.subarray(0, 16)).equals(listedSubject(person))).toBe(true);
        expect(encodeExpected(person, day)).toHaveLength(personItemBytes);
        expect(encodeExpected(person, day)).toEqual(encodeExpected(person, day));
      }),
    );
  });
});
