import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstPurgeAfterMs, keepRetention } from '../../../gateway/retention/keeping.ts';
import { takeRetentionTurn } from '../../../gateway/retention/purging.ts';
import { openSqliteStore } from '../../../gateway/store/sqlite.ts';
import { collect } from '../../contract/store.ts';
import { dayMs, makePast, ownUpstream } from '../../fakes/old-site.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const deadlineMs = 30_000;

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-keeping-'));
  clock = new VirtualClock();
  log = new RecordingLog();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const keeping = (keepDays = 30) => ({
  dataDir: dir,
  keepDays,
  upstreams: [{ type: 'file', name: ownUpstream, path: join(dir, 'upstream.ndjson'), inBase: true } as const],
});

/** Lets time pass in pieces, with room for the disk between them, until it holds. */
function pass(pieceMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  return until(
    () => JSON.stringify(log.lines.slice(-3)),
    deadlineMs,
    async () => {
      if (await holds()) return true;
      await clock.advance(pieceMs);
      return false;
    },
  );
}

const purges = () => log.lines.filter(({ event }) => event === 'retention.purged');

describe('a serving gateway', () => {
  it('purges by itself some minutes after its start and once a day, when the days are over and not before', async () => {
    await makePast(dir, { from: 1, count: 50, receivedMs: clock.nowMs(), personOf: () => 1 });
    await using store = await openSqliteStore({ dir, log });
    await using _ = keepRetention(keeping(2), { clock, log });
    await clock.advance(firstPurgeAfterMs - 1);
    expect(purges()).toEqual([]);
    await pass(10, () => purges().length === 1);
    expect(purges()[0]?.fields).toMatchObject({ entries: 0, complete: true });
    await pass(600_000, () => purges().length === 2);
    expect((await collect(store.entries())).length).toBe(50);
    await pass(600_000, () => purges().length === 3);
    expect(purges()[2]?.fields).toMatchObject({ entries: 50, lines: 50 });
    expect(await collect(store.entries())).toEqual([]);
    expect((await store.check()).damage).toEqual([]);
  });

  it('notes at its stop what was taken, so that the days count from there', async () => {
    await makePast(dir, { from: 1, count: 5, receivedMs: clock.nowMs() - 9 * dayMs, personOf: () => 1, forwarded: 0 });
    {
      await using store = await openSqliteStore({ dir, log });
      await using _ = keepRetention(keeping(), { clock, log });
      await store.markForwarded(ownUpstream, 5, [], clock.nowMs());
    }
    clock.jumpWall(29 * dayMs);
    await using store = await openSqliteStore({ dir, log });
    await using _ = keepRetention(keeping(), { clock, log });
    await pass(60_000, () => purges().length === 1);
    expect(purges()[0]?.fields).toMatchObject({ entries: 0 });
    await pass(600_000, () => purges().length === 3);
    expect((await store.check()).purged.entries).toBe(5);
  });

  it('says what holds entries back, and tries again in an hour what could not be done', async () => {
    await makePast(dir, { from: 1, count: 5, receivedMs: clock.nowMs() - 40 * dayMs, personOf: () => 1, forwarded: 2 });
    await using _store = await openSqliteStore({ dir, log });
    await using _ = keepRetention(keeping(), { clock, log });
    {
      using _turn = takeRetentionTurn(dir);
      await pass(60_000, () => log.events.includes('retention.failed'));
      expect(log.lines.find(({ event }) => event === 'retention.failed')?.fields.error).toContain('RETENTION_BUSY');
    }
    await pass(60_000, () => purges().length === 1);
    expect(purges()[0]?.fields).toMatchObject({ entries: 2 });
    expect(log.lines.find(({ event }) => event === 'retention.held-back')?.fields).toEqual({
      upstream: ownUpstream,
      entries: 3,
    });
  });
});
