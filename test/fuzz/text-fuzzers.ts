/** Fuzzers of what people and scanners send: frames, codes, entries. */
import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readArrival } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { createFramer, type Framed, frameBytesMax } from '../../hardware/scanner/framer.ts';
import { readCode } from '../../shared/code/read-code.ts';
import { decodeEntry, encodeEntry, entryBytesMax } from '../../shared/entry.ts';
import { createSealer, generateSiteKey, importSiteKey } from '../../shared/identity.ts';
import { corpusKnown, readCorpus } from '../corpus/sample.ts';
import { makeDraft, makeEntry, someEpoch, uuid } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { idCard } from '../fakes/site.ts';
import { damages, type Fuzzer, inflict, tryToBreak } from './fuzzer.ts';

const utf8 = new TextEncoder();

/** What comes down a scanner's wire: text, ends, marks, noise, and codes that never end. */
const wire = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
      {
        weight: 4,
        arbitrary: fc
          .constantFrom('\r', '\n', '\r\n', '\t', '\x02', '\x03', '\0', ']Q1', ']Q', '\ufeff')
          .map((text) => utf8.encode(text)),
      },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => utf8.encode(text)) },
      { weight: 2, arbitrary: fc.nat(999).map((number) => utf8.encode(idCard(number))) },
      {
        weight: 1,
        arbitrary: fc
          .integer({ min: frameBytesMax - 3, max: frameBytesMax + 3 })
          .map((bytes) => new Uint8Array(bytes).fill(0x61)),
      },
    ),
    { maxLength: 12 },
  )
  .map((pieces) => Buffer.concat(pieces));

function frame(chunks: readonly Uint8Array[], tabEnds: boolean): Framed[] {
  const framer = createFramer({ tabEnds });
  return [...chunks.flatMap((chunk) => framer.push(chunk)), ...framer.idle()];
}

const framer: Fuzzer = {
  name: 'framer',
  title: 'bytes of a scanner in any pieces: the same frames, none too long',
  runs: 2_000,
  fuzz: (plan) =>
    tryToBreak(
      plan,
      fc.tuple(wire, fc.array(fc.nat(200), { maxLength: 20 }), fc.boolean()),
      ([bytes, cuts, tabEnds]) => {
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(bytes.subarray(at));
        const framed = frame([bytes], tabEnds);
        // Noise is counted, and where it is told apart does not matter.
        const telling = (all: readonly Framed[]) => all.filter(({ type }) => type !== 'noise');
        assert.deepEqual(telling(frame(chunks, tabEnds)), telling(framed));
        const noise = (all: readonly Framed[]) =>
          all.reduce((sum, one) => sum + (one.type === 'noise' ? one.bytes : 0), 0);
        assert.equal(noise(frame(chunks, tabEnds)), noise(framed));
        for (const one of framed) {
          if (one.type === 'frame') assert(utf8.encode(one.text).byteLength <= frameBytesMax);
        }
      },
    ),
};

const corpus = [...readCorpus().values()].flat().map(({ text }) => text);
const known = corpusKnown();
const lenient = new TextDecoder();

const field = fc.oneof(
  fc.constantFrom(
    '',
    '001099000001',
    '123456789',
    'Nguyễn Văn A',
    '01011999',
    'Nam',
    'Nữ',
    '15082021',
    '31022000',
    '\0',
    '*',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.uint16Array({ maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('ễ'.repeat(4_000), '|'.repeat(500), ' '.repeat(4_000), '1'.repeat(8_000), 'é\u0301'.repeat(2_000)),
);
const codes = fc.oneof(
  fc.array(field, { maxLength: 10 }).map((fields) => fields.join('|')),
  fc.tuple(fc.nat(999), fc.array(fc.tuple(fc.nat(6), field), { maxLength: 3 })).map(([number, changes]) => {
    const fields = idCard(number).split('|');
    for (const [at, changed] of changes) fields[at] = changed;
    return fields.join('|');
  }),
  // Every format, damaged as bytes are: what a scanner's wire or a dirty print leaves of it.
  fc
    .tuple(fc.constantFrom(...corpus), damages)
    .map(([text, damage]) => lenient.decode(inflict(utf8.encode(text), damage))),
);

const code: Fuzzer = {
  name: 'read-code',
  title: 'texts that may be codes: an answer at once, and an entry that fits and is taken by the gateway',
  runs: 1_200,
  async fuzz(plan) {
    const { publicKey } = await generateSiteKey();
    const sealer = createSealer(await importSiteKey(publicKey));
    await tryToBreak(plan, codes, async (text) => {
      const startedMs = performance.now();
      const read = readCode(text, known);
      assert(performance.now() - startedMs < 500, 'took too long');
      if (read.type === 'unknown') return;
      const warnings = [...read.warnings];
      const draft = makeDraft(1, {
        code: { kind: read.kind, verified: read.verified, warnings },
        identity: await sealer.seal(read.identity, uuid(1)),
        gate: 'Ổ'.repeat(66),
      });
      const body = encodeEntry(draft, { kiosk: 'k'.repeat(63), epoch: someEpoch, seq: Number.MAX_SAFE_INTEGER });
      const bytes = utf8.encode(body);
      assert(bytes.byteLength <= entryBytesMax, `${bytes.byteLength} bytes`);
      const decoded = decodeEntry(bytes);
      assert(decoded.ok, JSON.stringify(decoded));
    });
  },
};

const fieldNames = Object.keys(makeEntry(1).entry);
const payloads = fc.oneof(
  fc.tuple(fc.nat(50), damages).map(([number, damage]) => inflict(makeEntry(number + 1).payload, damage)),
  fc
    .tuple(fc.nat(50), fc.constantFrom(...fieldNames), fc.jsonValue({ maxDepth: 3 }))
    .map(([number, name, value]) => utf8.encode(JSON.stringify({ ...makeEntry(number + 1).entry, [name]: value }))),
  // The same places and ids again and again, so that they collide.
  fc.tuple(fc.nat(5), fc.nat(5)).map(([number, seq]) => makeEntry(number + 1, { seq: seq + 1 }).payload),
  fc.jsonValue().map((value) => utf8.encode(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 6_000 }),
);

const entry: Fuzzer = {
  name: 'entry',
  title: 'payloads that may be entries: kept or quarantined, byte for byte, by a store that stays sound',
  runs: 600,
  async fuzz(plan) {
    const dir = await mkdtemp(join(tmpdir(), 'ravao-fuzz-'));
    try {
      await using store = await openSqliteStore({ dir, log: new RecordingLog() });
      await tryToBreak(plan, fc.array(payloads, { minLength: 1, maxLength: 8 }), async (group) => {
        const verdicts = await store.append(group.map((payload) => readArrival('gate-a', payload, 0)));
        assert.equal(verdicts.length, group.length);
        assert(verdicts.every(({ type }) => type !== 'unkept'));
      });
      const { damage, gaps } = await store.check();
      assert.deepEqual(damage, []);
      assert(Array.isArray(gaps));
      for await (const stored of store.entries()) assert(decodeEntry(utf8.encode(stored.body)).ok);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};

export const textFuzzers: readonly Fuzzer[] = [framer, code, entry];
