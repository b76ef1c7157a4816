/** Fuzzers of what upstreams answer. */
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import {
  interpretStatus,
  readRejections,
  reasonCharsMax,
  retryAfterMsMax,
} from '../../gateway/upstream/http-answer.ts';
import { createHttpsUpstream } from '../../gateway/upstream/https-upstream.ts';
import type { Delivery } from '../../shared/ports.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { makeEntry } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { damages, type Fuzzer, inflict, tryToBreak } from './fuzzer.ts';

const batch = [1, 2, 3].map((number) => {
  const { entry, body } = makeEntry(number);
  return { id: entry.id, kiosk: entry.kiosk, at: entry.at, subject: entry.subject, body };
});
const ids = batch.map(({ id }) => id);

const status = fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(0, 99, 200, 204, 413, 429, 600, 999));
const retryAfter = fc.oneof(
  fc.constantFrom('0', '120', '-1', '1e9', '99999999999999999999', 'Fri, 20 Nov 2026 08:00:00 GMT', 'never', ''),
  fc.string({ maxLength: 20 }).map((text) => text.replace(/[^ -~]/g, '')),
);
const rejection = fc.oneof(
  fc.record({
    id: fc.constantFrom(...ids, ids[0]?.toUpperCase() ?? '', 'other'),
    reason: fc.oneof(fc.string(), fc.constant('ễ\0'.repeat(400)), fc.jsonValue()),
  }),
  fc.jsonValue(),
);
const bodies = fc.oneof(
  fc.constant(''),
  fc.array(rejection, { maxLength: 6 }).map((rejected) => JSON.stringify({ rejected })),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const headers = fc.constantFrom(
  'content-length: 5',
  'content-length: 99999999',
  'content-length: -1',
  'transfer-encoding: chunked',
  'connection: upgrade\r\nupgrade: x',
  'connection: close',
  'location: http://127.0.0.1:1/',
  `x: ${'a'.repeat(20_000)}`,
  'x',
  ': x',
  'date: yesterday',
  'content-encoding: gzip',
  'trailer: x',
);

/** Whole answers, with a status line, headers and a body that need not fit together. */
const answers = fc
  .record({
    status,
    reason: fc.constantFrom('OK', '', '\x07'),
    headers: fc.array(headers, { maxLength: 3 }),
    retryAfter,
    body: bodies,
  })
  .map(({ status: code, reason, headers: lines, retryAfter: after, body }) =>
    Buffer.from([`HTTP/1.1 ${code} ${reason}`, `retry-after: ${after}`, ...lines, '', body].join('\r\n')),
  );
const replies = fc.oneof(
  { weight: 4, arbitrary: answers },
  { weight: 4, arbitrary: fc.tuple(answers, damages).map(([answer, damage]) => Buffer.from(inflict(answer, damage))) },
  { weight: 1, arbitrary: fc.array(answers, { maxLength: 3 }).map((all) => Buffer.concat(all)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
);

/** What every delivery must be, whatever was answered. */
function expectSane(delivery: Delivery): void {
  if (delivery.type === 'taken') {
    const rejected = delivery.rejected.map(({ id }) => id);
    assert(rejected.every((id) => ids.includes(id)) && new Set(rejected).size === rejected.length);
    for (const { reason } of delivery.rejected) assert(reason !== '' && reason.length <= reasonCharsMax);
    return;
  }
  assert(delivery.reason !== '' && !/[\r\n]/.test(delivery.reason), delivery.reason);
  if (delivery.type !== 'later' || delivery.retryAfterMs === null) return;
  assert(delivery.retryAfterMs >= 0 && delivery.retryAfterMs <= retryAfterMsMax, String(delivery.retryAfterMs));
}

const meaning: Fuzzer = {
  name: 'answer',
  title: 'statuses, headers and bodies of upstreams: each means something, and nothing outlandish',
  runs: 3_000,
  fuzz: (plan) =>
    tryToBreak(
      plan,
      fc.tuple(status, fc.option(retryAfter, { nil: undefined }), fc.option(retryAfter, { nil: undefined }), bodies),
      ([code, after, date, body]) => {
        expectSane(interpretStatus({ status: code, retryAfter: after, date }, 0));
        expectSane({ type: 'taken', rejected: readRejections(body, ids).rejected });
      },
    ),
};

const wire: Fuzzer = {
  name: 'upstream',
  title: 'bytes that upstreams answer on the wire: a delivery in time, and only a 2xx takes anything',
  runs: 200,
  async fuzz(plan) {
    let reply = Buffer.alloc(0);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(reply));
      socket.resume();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const upstream = createHttpsUpstream({
      name: 'fuzz',
      url: `http://127.0.0.1:${port}/`,
      secure: false,
      site: 'A',
      token: 'secret-token',
      tls: {},
      version: '0',
      clock: systemClock,
      log: new RecordingLog(),
    });
    try {
      await tryToBreak(plan, replies, async (bytes) => {
        reply = bytes;
        const delivery = await upstream.send({ key: 'k', entries: batch }, new AbortController().signal);
        expectSane(delivery);
        if (delivery.type === 'taken') assert.match(reply.toString('latin1'), /HTTP\/\d\.\d 2\d\d/);
        assert(!JSON.stringify(delivery).includes('secret-token'));
      });
    } finally {
      await upstream[Symbol.asyncDispose]();
      await new Promise((resolve) => server.close(resolve));
    }
  },
};

export const upstreamFuzzers: readonly Fuzzer[] = [meaning, wire];
