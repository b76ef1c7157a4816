import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeEntry, encodeEntry, entryBytesMax, kioskStateSchema, siteNoticeSchema } from '../../../shared/entry.ts';
import { makeDraft, makeEntry, someEpoch, uuid } from '../../fakes/entries.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const { body: goodBody, payload: goodPayload } = makeEntry(7);

/** The wire form of a good entry with some fields changed; undefined leaves a field out. */
function changed(changes: Record<string, unknown>): Uint8Array {
  return bytes(JSON.stringify({ ...JSON.parse(goodBody), ...changes }));
}

/** A good entry whose wire form is exactly `length` bytes long, by an unknown field. */
function padded(length: number): Uint8Array {
  const short = changed({ padding: '' });
  return changed({ padding: 'x'.repeat(length - short.byteLength) });
}

describe('an entry', () => {
  test('is read as it was written, and its body kept byte for byte', () => {
    const decoded = decodeEntry(goodPayload);
    expect(decoded).toEqual({ ok: true, body: goodBody, entry: JSON.parse(goodBody) });
  });

  test('is written as the design shows it: version and id first, then its place', () => {
    const body = encodeEntry(makeDraft(7), { kiosk: 'gate-a', epoch: someEpoch, seq: 7 });
    expect(Object.keys(JSON.parse(body) as object)).toEqual([
      ...[
        'v',
        'id',
        'kiosk',
        'epoch',
        'seq',
        'at',
        'clock',
        'gate',
        'direction',
        'outcome',
        'reason',
        'method',
        'code',
      ],
      ...['subject', 'identity'],
    ]);
  });

  test('of any version 1 draft survives the way over the wire', () => {
    const draft = fc.record({
      id: fc.uuid(),
      at: fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((date) => date.toISOString()),
      clock: fc.record({ synced: fc.boolean(), boot: fc.string({ maxLength: 64 }), monotonicMs: fc.maxSafeNat() }),
      gate: fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }).filter((gate) => gate.length <= 200),
      direction: fc.constantFrom('in' as const, 'out' as const),
      outcome: fc.constantFrom('admitted' as const, 'refused' as const),
      reason: fc.string({ minLength: 1, maxLength: 64 }),
      method: fc.constantFrom('scan' as const, 'manual' as const, 'backfill' as const),
      code: fc.record({ kind: fc.string({ minLength: 1, maxLength: 32 }), verified: fc.boolean() }),
      subject: fc.option(fc.stringMatching(/^[A-Za-z0-9_-]{22}$/)),
      identity: fc.constant(null),
    });
    fc.assert(
      fc.property(draft, fc.integer({ min: 1 }), (some, seq) => {
        const body = encodeEntry(some, { kiosk: 'gate-a', epoch: someEpoch, seq });
        const decoded = decodeEntry(bytes(body));
        expect(decoded).toEqual({ ok: true, body, entry: { v: 1, ...some, kiosk: 'gate-a', epoch: someEpoch, seq } });
      }),
    );
  });

  test('from a newer kiosk keeps the fields that this program does not know', () => {
    const payload = changed({ temperature: 36.6, code: { kind: 'cccd', verified: false, colour: 'green' } });
    const decoded = decodeEntry(payload);
    expect(decoded).toMatchObject({ ok: true, entry: { temperature: 36.6, code: { colour: 'green', kind: 'cccd' } } });
    expect(decoded.ok && decoded.body).toBe(new TextDecoder().decode(payload));
  });

  test('may be exactly 4 KiB long, and not one byte longer', () => {
    expect(padded(entryBytesMax).byteLength).toBe(4096);
    expect(decodeEntry(padded(entryBytesMax)).ok).toBe(true);
    expect(decodeEntry(padded(entryBytesMax + 1))).toMatchObject({ ok: false, problem: { reason: 'too-long' } });
  });

  test('may have a gate in any script', () => {
    const payload = changed({ gate: 'Cổng Đông 🚪 門' });
    expect(decodeEntry(payload)).toMatchObject({ ok: true, entry: { gate: 'Cổng Đông 🚪 門' } });
  });
});

describe('bytes that are no entry', () => {
  test.each<[string, Uint8Array, string]>([
    ['a Latin-1 byte', Uint8Array.of(0x7b, 0xe9, 0x7d), 'not-utf8'],
    ['an entry cut inside a character', goodPayload.subarray(0, goodBody.indexOf('ổ') + 1), 'not-utf8'],
    ['nothing', new Uint8Array(), 'not-json'],
    ['an entry cut at the end', goodPayload.subarray(0, -1), 'not-json'],
    ['a byte order mark before an entry', Uint8Array.of(0xef, 0xbb, 0xbf, ...goodPayload), 'not-json'],
    ['version 2', changed({ v: 2 }), 'version'],
    ['version 0', changed({ v: 0 }), 'version'],
    ['a version in words', changed({ v: '1' }), 'invalid'],
    ['no version', changed({ v: undefined }), 'invalid'],
    ['null', bytes('null'), 'invalid'],
    ['a list', bytes('[]'), 'invalid'],
    ['a number', bytes('1'), 'invalid'],
    ['5,000 bytes of noise', new Uint8Array(5000).fill(0xff), 'too-long'],
  ])('such as %s are told by the reason', (_, payload, reason) => {
    expect(decodeEntry(payload)).toMatchObject({ ok: false, problem: { reason } });
  });

  test.each<[string, unknown]>([
    ['id', 'not-a-uuid'],
    ['id', undefined],
    ['kiosk', 'Gate A'],
    ['kiosk', '../etc'],
    ['kiosk', '+'],
    ['epoch', '1'],
    ['seq', 0],
    ['seq', 1.5],
    ['seq', 2 ** 60],
    ['at', 'yesterday'],
    ['at', '2026-11-20'],
    ['at', '2026-11-20T08:00:00+07:00'],
    ['clock', null],
    ['clock', { synced: 'yes', boot: '', monotonicMs: 1 }],
    ['clock', { synced: true, boot: 'x'.repeat(65), monotonicMs: 1 }],
    ['clock', { synced: true, boot: '', monotonicMs: -1 }],
    ['gate', ''],
    ['gate', 'x'.repeat(201)],
    ['direction', 'toggle'],
    ['outcome', 'maybe'],
    ['reason', ''],
    ['reason', 'x'.repeat(65)],
    ['method', 'guess'],
    ['code', { kind: '', verified: false }],
    ['code', { kind: 'cccd' }],
    ['code', { kind: 'cccd', verified: false, warnings: Array.from({ length: 17 }, () => 'x') }],
    ['subject', 'short'],
    ['subject', `${'x'.repeat(21)}=`],
    ['subject', undefined],
    ['identity', { enc: 'ab', ct: 'a=', key: 'k' }],
    ['identity', { enc: 'ab', ct: 'x'.repeat(2049), key: 'k' }],
    ['identity', undefined],
  ])('include an entry whose %s is %j', (field, value) => {
    const payload = changed({ [field]: value });
    const decoded = decodeEntry(payload);
    expect(decoded).toMatchObject({ ok: false, problem: { reason: 'invalid' } });
    expect(decoded.ok ? '' : decoded.problem.detail).toContain(field);
  });

  test('are described without their contents', () => {
    const secret = '001099012345';
    const payload = changed({ subject: secret, [secret]: secret, outcome: secret });
    const decoded = decodeEntry(payload);
    expect(decoded.ok ? secret : decoded.problem.detail).not.toContain(secret);
  });

  test('never make the reader throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (payload) => {
        expect(decodeEntry(payload).ok).toBe(false);
      }),
    );
  });

  test('never make the reader throw when they are any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(decodeEntry(bytes(json)).ok).toBe(false);
      }),
    );
  });

  test('never make the reader throw when they are an entry with some bytes overwritten', () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: goodPayload.byteLength - 1 }), fc.nat({ max: 255 })), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(damage, (overwritten) => {
        const payload = Uint8Array.from(goodPayload);
        for (const [at, byte] of overwritten) payload[at] = byte;
        const decoded = decodeEntry(payload);
        if (decoded.ok) expect(bytes(decoded.body)).toEqual(payload);
      }),
    );
  });

  test('may be an object nested as deep as 4 KiB allow', () => {
    const deep = `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`;
    expect(decodeEntry(bytes(deep))).toMatchObject({ ok: false, problem: { reason: 'invalid' } });
  });
});

test('made-up ids are UUIDs and differ', () => {
  expect(uuid(1)).not.toBe(uuid(2));
  expect(decodeEntry(makeEntry(1, { id: uuid(2 ** 40) }).payload).ok).toBe(true);
});

test('a last will is a whole kiosk state', () => {
  expect(kioskStateSchema.safeParse({ v: 1, online: false }).success).toBe(true);
  expect(
    kioskStateSchema.safeParse({ v: 1, online: true, outbox: { depth: -1, limit: 1, oldestMs: null } }).success,
  ).toBe(false);
});

test('a kiosk may say what it holds of the rules', () => {
  const state = (rules: object) => kioskStateSchema.safeParse({ v: 1, online: true, rules }).success;
  expect(state({ version: null, revoked: 0, issued: 0, kept: 0 })).toBe(true);
  expect(state({ version: 'x', revoked: 1_000_000, issued: 2, kept: 3, damaged: true, barred: 4 })).toBe(true);
  expect(state({ version: 'x', revoked: -1, issued: 0, kept: 0 })).toBe(false);
});

test('a site notice carries a public key of 32 bytes', () => {
  const notice = (publicKey: string) => ({ v: 1, site: 'Nhà máy A', key: { id: 'abc', publicKey } });
  expect(siteNoticeSchema.safeParse(notice('x'.repeat(43))).success).toBe(true);
  expect(siteNoticeSchema.safeParse(notice('x'.repeat(44))).success).toBe(false);
});
