import { describe, expect, test } from 'vitest';
import { findGaps } from '../../../gateway/store/gaps.ts';
import { quarantineDigest, readPlace, toDetail } from '../../../gateway/store/quarantined.ts';
import { makeEntry, someEpoch } from '../../fakes/entries.ts';

const raw = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe('the place of something in quarantine', () => {
  test('is read from any version', () => {
    const item = {
      kiosk: 'gate-a',
      raw: raw({ v: 9, kiosk: 'gate-a', epoch: someEpoch.toUpperCase(), seq: 7, odd: [] }),
    };
    expect(readPlace(item)).toEqual({ kiosk: 'gate-a', epoch: someEpoch, seq: 7 });
    expect(readPlace({ kiosk: 'gate-a', raw: makeEntry(3).payload })).toMatchObject({ seq: 3 });
  });

  test.each([
    ['no JSON', new TextEncoder().encode('{"v":1')],
    ['no object', raw(null)],
    ['another kiosk', raw({ kiosk: 'gate-b', epoch: someEpoch, seq: 1 })],
    ['no epoch', raw({ kiosk: 'gate-a', seq: 1 })],
    ['a seq below 1', raw({ kiosk: 'gate-a', epoch: someEpoch, seq: 0 })],
    ['a seq that is no whole number', raw({ kiosk: 'gate-a', epoch: someEpoch, seq: 1.5 })],
    ['far too much', raw({ kiosk: 'gate-a', epoch: someEpoch, seq: 1, fill: 'x'.repeat(70_000) })],
  ])('is null for %s', (_, bytes) => {
    expect(readPlace({ kiosk: 'gate-a', raw: bytes })).toBeNull();
  });
});

test('two things are the same only with the same kiosk, reason, upstream and bytes', () => {
  const item = { kiosk: 'gate-a', reason: 'invalid', raw: raw(1) } as const;
  const digests = [
    quarantineDigest(item, null),
    quarantineDigest({ ...item, kiosk: 'gate-b' }, null),
    quarantineDigest({ ...item, reason: 'version' }, null),
    quarantineDigest({ ...item, raw: raw(2) }, null),
    quarantineDigest(item, 'up'),
  ].map((digest) => digest.toString('hex'));
  expect(new Set(digests).size).toBe(5);
  expect(quarantineDigest({ ...item }, null).toString('hex')).toBe(digests[0]);
});

test("an upstream's reason becomes one short line without control characters", () => {
  expect(toDetail(' no\r\nsuch\u0000\u001b[31m gate ')).toBe('no such [31m gate');
  expect(toDetail('x'.repeat(1000))).toHaveLength(200);
});

test.each([
  [[], []],
  [[1, 2, 3], []],
  [[2], [{ from: 1, to: 1 }]],
  [
    [1, 1, 4, 4, 6],
    [
      { from: 2, to: 3 },
      { from: 5, to: 5 },
    ],
  ],
])('the gaps of %j are %j', (seqs, gaps) => {
  expect([...findGaps(seqs)]).toEqual(gaps);
});
