import { describe, expect, it } from 'vitest';
import type { AuditReport } from '../../../gateway/audit/verify.ts';
import { check, listEntries, listQuarantine } from '../../../gateway/commands.ts';
import { keysOf } from '../../../gateway/intake.ts';
import type { Arrival, Store } from '../../../gateway/store/store.ts';
import { makeEntry, uuid } from '../../fakes/entries.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';

async function storeOf(...arrivals: Arrival[]): Promise<Store> {
  const store = new MemoryStore();
  if (arrivals.length > 0) await store.append(arrivals);
  return store;
}

function arrival(...made: Parameters<typeof makeEntry>): Arrival {
  const { entry, payload } = makeEntry(...made);
  return { type: 'entry', entry: keysOf(entry), body: payload, receivedMs: Date.UTC(2026, 10, 20) };
}

async function text(pieces: AsyncIterable<string>): Promise<string> {
  let all = '';
  for await (const piece of pieces) all += piece;
  return all;
}

describe('entries', () => {
  it('are printed as they came, one a line, oldest arrival first', async () => {
    const store = await storeOf(arrival(2), arrival(1));
    expect(await text(listEntries(store, 'ndjson'))).toBe(`${makeEntry(2).body}\n${makeEntry(1).body}\n`);
  });

  it('are printed as a table that Excel reads as UTF-8 and takes no formula from', async () => {
    const store = await storeOf(arrival(1, { gate: '=HYPERLINK("http://x"),\n2' }));
    const table = await text(listEntries(store, 'csv'));
    expect(table).toBe(
      `\ufeffid,at,clock_synced,kiosk,gate,direction,outcome,reason,method,code_kind,code_verified,subject,epoch,seq,corrected_at,not_before,not_after\n` +
        `${uuid(1)},2026-11-20T08:00:00.001Z,true,gate-a,"'=HYPERLINK(""http://x""),\n2",in,admitted,ok,scan,cccd,false,` +
        `SubjectSubjectSubject1,019a1b2c-0000-7000-8000-00000000e0c4,1,,,\n`,
    );
  });

  it("say both times where a clock was wrong, and leave the kiosk's own as it is", async () => {
    const { entry, payload, body } = makeEntry(1, { at: '2026-05-04T01:00:00.000Z' });
    const bestMs = Date.UTC(2026, 10, 20, 1);
    const time = { bestMs, fromMs: bestMs - 60_000, toMs: bestMs + 3_600_000 };
    const store = await storeOf({ type: 'entry', entry: keysOf(entry, time), body: payload, receivedMs: bestMs });
    const [line = ''] = (await text(listEntries(store, 'ndjson'))).split('\n');
    expect(line.startsWith(body.slice(0, -1))).toBe(true);
    expect(JSON.parse(line)).toEqual({
      ...entry,
      corrected: {
        at: '2026-11-20T01:00:00.000Z',
        notBefore: '2026-11-20T00:59:00.000Z',
        notAfter: '2026-11-20T02:00:00.000Z',
      },
    });
    expect(await text(listEntries(store, 'csv'))).toContain(
      ',1,2026-11-20T01:00:00.000Z,2026-11-20T00:59:00.000Z,2026-11-20T02:00:00.000Z\n',
    );
  });

  it('of an empty store are nothing, and in a table only the heading', async () => {
    const store = await storeOf();
    expect(await text(listEntries(store, 'ndjson'))).toBe('');
    expect((await text(listEntries(store, 'csv'))).split('\n')).toHaveLength(2);
  });
});

describe('quarantine', () => {
  it('is printed with the bytes as they came', async () => {
    const raw = Uint8Array.from([0xff, 0x00, 0x7b]);
    const receivedMs = Date.UTC(2026, 10, 20);
    const store = await storeOf({
      type: 'unreadable',
      quarantined: {
        kiosk: 'gate-a',
        reason: 'not-utf8',
        detail: 'the payload is not UTF-8',
        raw,
        claimed: null,
        receivedMs,
      },
    });
    expect(JSON.parse(await text(listQuarantine(store)))).toEqual({
      position: 1,
      kiosk: 'gate-a',
      upstream: null,
      reason: 'not-utf8',
      detail: 'the payload is not UTF-8',
      received: '2026-11-20T00:00:00.000Z',
      raw: '/wB7',
    });
  });
});

/** What is said of an audit without a line. */
const noAudit: AuditReport = { lines: 0, end: { seq: 0, hash: '0' }, problems: [], mended: 0, unfinished: false };

describe('check', () => {
  it('is content with a whole store', async () => {
    const store = await storeOf(arrival(1), arrival(2));
    await store.markForwarded('file:./x', 1, [], 0);
    expect(await check(store, noAudit, 'text')).toEqual({
      sound: true,
      text: 'Entries: 2. In quarantine: 0.\nThe database is sound.\nNothing is missing.\nUpstream file:./x: 1 waiting behind 1.\nThe audit has no lines.\nThe audit is whole.\n',
    });
  });

  it('names an upstream that is configured and never took anything, with all that waits for it', async () => {
    const store = await storeOf(arrival(1), arrival(2));
    await store.markForwarded('file:./x', 1, [], 0);
    const configured = ['file:./x', 'https://example.org/in'];
    const { text } = await check(store, noAudit, 'text', new Map(), configured);
    expect(text).toMatch(
      /file:\.\/x: 1 waiting behind 1\.\nUpstream https:\/\/example\.org\/in: 2 waiting; it has taken nothing/,
    );
    const asJson = JSON.parse((await check(store, noAudit, 'json', new Map(), configured)).text);
    expect(asJson.upstreams).toEqual([
      { upstream: 'file:./x', place: 1, waiting: 1 },
      { upstream: 'https://example.org/in', place: 0, waiting: 2 },
    ]);
  });

  it('names each gap', async () => {
    const report = await check(await storeOf(arrival(2), arrival(5)), noAudit, 'text');
    expect(report.sound).toBe(false);
    expect(report.text).toMatch(/ENTRIES ARE MISSING.*\n {2}gate-a, outbox \S+: 1\n {2}gate-a, outbox \S+: 3 to 4\n/);
  });

  it('is not content with an audit that was tampered with, and names the line', async () => {
    const audit = { ...noAudit, lines: 3, problems: [{ line: 2, problem: 'was changed' }] };
    const report = await check(await storeOf(arrival(1)), audit, 'text');
    expect(report.sound).toBe(false);
    expect(report.text).toContain('THE AUDIT WAS TAMPERED WITH:\n  line 2: was changed\n');
    const asJson = await check(await storeOf(arrival(1)), audit, 'json');
    expect(JSON.parse(asJson.text)).toMatchObject({ audit: { problems: [{ line: 2 }] } });
  });

  it('gives the same as JSON', async () => {
    const report = await check(await storeOf(arrival(2)), noAudit, 'json');
    expect(JSON.parse(report.text)).toMatchObject({ entries: 1, gaps: [{ kiosk: 'gate-a', from: 1, to: 1 }] });
    expect(report.sound).toBe(false);
  });
});
