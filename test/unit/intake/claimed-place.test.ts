import { describe, expect, test } from 'vitest';
import { readClaimedPlace } from '../../../gateway/claimed-place.ts';
import { makeEntry, someEpoch } from '../../fakes/entries.ts';

const raw = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe('the place that something claims', () => {
  test('is read from any version', () => {
    const newer = raw({ v: 9, kiosk: 'gate-a', epoch: someEpoch.toUpperCase(), seq: 7, odd: [] });
    expect(readClaimedPlace('gate-a', newer)).toEqual({ epoch: someEpoch, seq: 7 });
    expect(readClaimedPlace('gate-a', makeEntry(3).payload)).toMatchObject({ seq: 3 });
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
    expect(readClaimedPlace('gate-a', bytes)).toBeNull();
  });
});
