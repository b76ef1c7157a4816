/** What every transport to an upstream must do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchBytesMax } from '../../gateway/forwarder.ts';
import { entriesPerBatchMax } from '../../gateway/forwarding.ts';
import type { ForwardBatch, ForwardEntry, Upstream } from '../../shared/ports.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { within } from '../../shared/time.ts';
import { makeEntry } from '../fakes/entries.ts';

/** A transport under test, with the other side in the test's hands. */
export interface OpenedUpstream extends AsyncDisposable {
  readonly upstream: Upstream;
  /** The bodies of what the other side has, in order, as often as it has them. */
  received(): Promise<readonly unknown[]>;
  /** Makes the other side unable to take anything, until {@link mend}. */
  breakDown(): Promise<void>;
  mend(): Promise<void>;
  /** Secrets that were configured and may show nowhere. */
  readonly secrets: readonly string[];
}

/** A stop is obeyed within this time, in milliseconds. */
const stopMs = 1000;

const never = new AbortController().signal;

/** Made-up entries as they wait to be forwarded. */
export function forwardEntries(from: number, to: number): ForwardEntry[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const { entry, body } = makeEntry(from + index);
    return { id: entry.id, kiosk: entry.kiosk, at: entry.at, subject: entry.subject, body };
  });
}

const batch = (from: number, to: number): ForwardBatch => ({ key: `${from}-${to}`, entries: forwardEntries(from, to) });
const objects = (from: number, to: number) => forwardEntries(from, to).map(({ body }) => JSON.parse(body) as unknown);

/** Runs the suite. `openUpstream` opens a transport to an empty other side. */
export function describeUpstream(name: string, openUpstream: () => Promise<OpenedUpstream>): void {
  let opened: OpenedUpstream;
  let upstream: Upstream;

  describe(name, () => {
    beforeEach(async () => {
      opened = await openUpstream();
      upstream = opened.upstream;
    });

    afterEach(() => opened[Symbol.asyncDispose]());

    test('delivers entries in order, batch after batch', async () => {
      for (const [from, to] of [
        [1, 1],
        [2, 40],
        [41, 43],
      ] as const) {
        expect(await upstream.send(batch(from, to), never)).toEqual({ type: 'taken', rejected: [] });
      }
      expect(await opened.received()).toEqual(objects(1, 43));
    });

    test('delivers a full batch', async () => {
      expect(await upstream.send(batch(1, entriesPerBatchMax), never)).toMatchObject({ type: 'taken' });
      expect(await opened.received()).toEqual(objects(1, entriesPerBatchMax));
    });

    test('delivers fields that it does not know, and text of every kind, as they came', async () => {
      const body = JSON.stringify({ ...makeEntry(1).entry, later: { gate: 'Cổng "B" \\ \u2028 🚪\n' } });
      const [entry] = forwardEntries(1, 1);
      await upstream.send({ key: 'k', entries: [{ ...(entry as ForwardEntry), body }] }, never);
      expect(await opened.received()).toEqual([JSON.parse(body)]);
    });

    test('says later while the other side is broken, and delivers once it is mended', async () => {
      await upstream.send(batch(1, 2), never);
      await opened.breakDown();
      expect(await upstream.send(batch(3, 4), never)).toMatchObject({ type: 'later' });
      expect(await upstream.send(batch(3, 4), never)).toMatchObject({ type: 'later' });
      await opened.mend();
      expect(await upstream.send(batch(3, 4), never)).toMatchObject({ type: 'taken' });
      expect((await opened.received()).slice(-2)).toEqual(objects(3, 4));
    });

    test('ends soon when it is told to stop, and has then delivered or not', async () => {
      const stop = new AbortController();
      const sending = upstream.send(batch(1, 100), stop.signal);
      stop.abort();
      const ended = await within(systemClock, stopMs, sending);
      expect(ended).toMatchObject({ inTime: true, value: { type: expect.stringMatching(/^(?:later|taken)$/) } });
      expect(await within(systemClock, stopMs, upstream.send(batch(1, 1), AbortSignal.abort()))).toMatchObject({
        inTime: true,
        value: { type: 'later' },
      });
    });

    test('has a name that tells no secret', () => {
      for (const secret of opened.secrets) expect(upstream.name).not.toContain(secret);
      expect(upstream.name).toMatch(/^[a-z]+:/);
    });

    test('counts more bytes for a longer entry, and never fewer than its body has', () => {
      for (const entry of forwardEntries(1, 3)) {
        expect(upstream.wireBytes(entry)).toBeGreaterThanOrEqual(Buffer.byteLength(entry.body));
        expect(upstream.wireBytes(entry)).toBeLessThan(batchBytesMax);
        expect(upstream.wireBytes({ ...entry, body: `${entry.body}ổ` })).toBe(upstream.wireBytes(entry) + 3);
      }
    });

    test('may be disposed twice', async () => {
      await upstream.send(batch(1, 1), never);
      await upstream[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    });
  });
}
