import { expect, test } from 'vitest';
import { quarantineDigest, toDetail } from '../../../gateway/store/quarantined.ts';

const raw = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

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
