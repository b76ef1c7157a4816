import { describe, expect, test } from 'vitest';
import {
  interpretStatus,
  isTrustFailure,
  readRejections,
  readRetryAfter,
  reasonCharsMax,
  retryAfterMsMax,
} from '../../../gateway/upstream/http-answer.ts';
import { uuid } from '../../fakes/entries.ts';

const nowMs = Date.UTC(2026, 10, 20, 8);
const plain = { retryAfter: undefined, date: undefined };

/** What the design says of a status, said a second time. */
function expected(status: number): string {
  if (status >= 200 && status < 300) return 'taken';
  if ([408, 425, 429].includes(status) || (status >= 500 && status < 600)) return 'later';
  if ([401, 403, 404].includes(status) || status < 200 || (status >= 300 && status < 400)) return 'later, alarm';
  return status === 413 ? 'too-large' : 'refused';
}

describe('a status', () => {
  test.each(Array.from({ length: 500 }, (_, index) => index + 100))('%i means what the design says', (status) => {
    const delivery = interpretStatus({ status, ...plain }, nowMs);
    const meaning = delivery.type === 'later' && delivery.alarm ? 'later, alarm' : delivery.type;
    expect(meaning).toBe(expected(status));
    if (delivery.type !== 'taken') expect(delivery.reason).toBe(`HTTP ${status}`);
  });

  test.each([0, 99, 600, 999])('%i, which HTTP does not have, costs no entry', (status) => {
    expect(interpretStatus({ status, ...plain }, nowMs)).toMatchObject({ type: 'later', alarm: true });
  });
});

describe('Retry-After', () => {
  test.each<[string | undefined, number | null]>([
    ['120', 120_000],
    [' 3 ', 3000],
    ['0', 0],
    ['999999999999', retryAfterMsMax],
    ['Fri, 20 Nov 2026 08:00:30 GMT', 30_000],
    ['Fri, 20 Nov 2026 07:00:00 GMT', 0],
    ['Fri, 20 Nov 2037 08:00:30 GMT', retryAfterMsMax],
    ['-5', null],
    ['1.5', null],
    ['soon', null],
    ['', null],
    [undefined, null],
  ])('%j is %j milliseconds', (retryAfter, milliseconds) => {
    expect(readRetryAfter({ retryAfter, date: undefined }, nowMs)).toBe(milliseconds);
  });

  test('a date is measured against the clock of the upstream, because ours may be months off', () => {
    const head = { retryAfter: 'Fri, 20 Nov 2026 08:00:30 GMT', date: 'Fri, 20 Nov 2026 08:00:10 GMT' };
    expect(readRetryAfter(head, Date.UTC(2026, 3, 1))).toBe(20_000);
  });

  test('is honoured with 429 and 503', () => {
    for (const status of [429, 503]) {
      expect(interpretStatus({ status, retryAfter: '7', date: undefined }, nowMs)).toMatchObject({
        retryAfterMs: 7000,
      });
    }
  });
});

describe('the body of a 2xx', () => {
  const ids = [uuid(0xa), uuid(0xb), uuid(0xc)];

  test.each(['', '  \r\n', '{}', '{"rejected":[]}', '{"accepted":3}'])('%j rejects nothing', (body) => {
    expect(readRejections(body, ids)).toEqual({ rejected: [], ignored: null });
  });

  test('names what the upstream will never take', () => {
    const body = JSON.stringify({ rejected: [{ id: ids[1], reason: 'unknown gate' }] });
    expect(readRejections(body, ids)).toEqual({ rejected: [{ id: ids[1], reason: 'unknown gate' }], ignored: null });
  });

  test('may write ids in upper case', () => {
    const body = JSON.stringify({ rejected: [{ id: ids[0]?.toUpperCase(), reason: 'x' }] });
    expect(readRejections(body, ids).rejected).toEqual([{ id: ids[0], reason: 'x' }]);
  });

  test.each(['OK', '<html>', 'null', '7', '[]', '{"rejected":"all"}', '{"rejected":', '\u0000'])(
    'that is garbage (%j) rejects nothing and is complained of',
    (body) => {
      const { rejected, ignored } = readRejections(body, ids);
      expect(rejected).toEqual([]);
      expect(ignored).not.toBeNull();
    },
  );

  test('one garbled rejection hides no other', () => {
    const body = JSON.stringify({ rejected: [7, null, { id: 5 }, { reason: 'x' }, { id: ids[2], reason: 9 }] });
    expect(readRejections(body, ids)).toEqual({
      rejected: [{ id: ids[2], reason: 'no reason given' }],
      ignored: '4 rejections name no entry of the batch',
    });
  });

  test('ids of other batches, and an id twice, are left out of account', () => {
    const body = JSON.stringify({ rejected: [{ id: uuid(99) }, { id: ids[0] }, { id: ids[0] }] });
    const { rejected, ignored } = readRejections(body, ids);
    expect(rejected).toHaveLength(1);
    expect(ignored).toMatch(/^2 /);
  });

  test('a huge list is no longer than the batch, and a huge reason is cut', () => {
    const many = Array.from({ length: 2000 }, (_, index) => ({ id: uuid(index), reason: 'r\n\u0007'.repeat(100) }));
    const { rejected } = readRejections(JSON.stringify({ rejected: many }), ids);
    expect(rejected).toHaveLength(ids.length);
    expect(rejected[0]?.reason.length).toBeLessThanOrEqual(reasonCharsMax);
    expect(rejected[0]?.reason).not.toMatch(/\p{Cc}/u);
  });
});

describe('an error of a connection', () => {
  test.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'EPROTO',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  ])('%s is for a person to mend', (code) => {
    expect(isTrustFailure(code)).toBe(true);
  });

  test.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'TIMEOUT', 'HPE_INVALID_CONSTANT'])(
    '%s passes by itself',
    (code) => {
      expect(isTrustFailure(code)).toBe(false);
    },
  );
});
