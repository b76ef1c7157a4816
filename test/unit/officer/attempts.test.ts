import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../../gateway/audit/verify.ts';
import {
  type AttemptContext,
  attemptFiles,
  delayAfterMs,
  delayMaxMs,
  readAttempts,
  tryPassphrase,
  waitBeforeMs,
} from '../../../gateway/officer/attempts.ts';
import { lockProcess } from '../../../gateway/process-lock.ts';
import { auditLines } from '../../fakes/audit-lines.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dataDir: string;
let clock: VirtualClock;
let waits: number[];
let stop: AbortController;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-attempts-'));
  mkdirSync(join(dataDir, 'trust'));
  clock = new VirtualClock();
  waits = [];
  stop = new AbortController();
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const wrong = async () => null;
const right = async () => 'open';
const counterPath = () => join(dataDir, 'trust', attemptFiles.counter);
const context = (): AttemptContext => ({
  dataDir,
  clock,
  signal: stop.signal,
  onWait: (_, waitMs) => void waits.push(waitMs),
});

/** Makes an attempt and lets the time pass that it waits; says how long that was. */
async function attempt<T>(work: () => Promise<T | null>) {
  const before = clock.monotonicMs();
  const done = tryPassphrase('test', context(), work);
  let settled = false;
  void done.then(
    () => (settled = true),
    () => (settled = true),
  );
  await until('the attempt', 20_000, async () => {
    if (clock.untilNextMs !== null) await clock.advance(clock.untilNextMs);
    return settled;
  });
  return { attempted: await done, waitedMs: clock.monotonicMs() - before };
}

describe('the wait before an attempt', () => {
  it.each([
    [0, 0],
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [9, 256_000],
    [10, delayMaxMs],
    [1_000_000, delayMaxMs],
  ])('after %i wrong ones is %i ms', (count, ms) => expect(delayAfterMs(count)).toBe(ms));

  it('runs from the last wrong one, and anew where the clock was set back', () => {
    const attempts = { wrong: 4, lastWrongMs: 1_000_000 };
    expect(waitBeforeMs(attempts, 1_000_000)).toBe(8_000);
    expect(waitBeforeMs(attempts, 1_005_000)).toBe(3_000);
    expect(waitBeforeMs(attempts, 1_100_000)).toBe(0);
    expect(waitBeforeMs(attempts, 10)).toBe(8_000);
  });
});

describe('attempts', () => {
  it('wait longer after each wrong one, whatever process makes them, until one is right', async () => {
    const waited: number[] = [];
    for (let count = 0; count < 4; count++) waited.push((await attempt(wrong)).waitedMs);
    expect(waited).toEqual([0, 1_000, 2_000, 4_000]);
    expect(waits).toEqual([1_000, 2_000, 4_000]);
    expect(await readAttempts(dataDir, clock.nowMs())).toMatchObject({ wrong: 4 });
    const { attempted, waitedMs } = await attempt(right);
    expect(attempted).toEqual({ type: 'right', value: 'open', wrongBefore: 4 });
    expect(waitedMs).toBe(8_000);
    expect((await attempt(right)).attempted).toMatchObject({ wrongBefore: 0 });
    expect(await readAttempts(dataDir, clock.nowMs())).toMatchObject({ wrong: 0, lastWrongMs: expect.any(Number) });
  });

  it('are recorded and counted before they are evaluated, so that ending the process spares nobody', async () => {
    const seen: unknown[] = [];
    const killed = tryPassphrase('unseal', context(), async () => {
      seen.push(auditLines(dataDir).at(-1), JSON.parse(readFileSync(counterPath(), 'utf8')));
      throw new Error('killed here');
    });
    await expect(killed).rejects.toThrow('killed here');
    expect(seen).toMatchObject([{ action: 'passphrase.attempt', what: { purpose: 'unseal' } }, { wrong: 1 }]);
    expect((await attempt(wrong)).waitedMs).toBe(1_000);
    expect(statSync(counterPath()).mode & 0o777).toBe(0o600);
  });

  it('stand in the audit though the counter was deleted', async () => {
    await attempt(wrong);
    await attempt(wrong);
    rmSync(counterPath());
    expect((await attempt(wrong)).waitedMs).toBe(0);
    expect(auditLines(dataDir).filter(({ action }) => action === 'passphrase.wrong')).toHaveLength(3);
    expect(verifyAudit(dataDir).problems).toEqual([]);
  });

  it('wait as long as ever where the counter was damaged', async () => {
    writeFileSync(counterPath(), '{"wrong":-1}');
    expect((await attempt(wrong)).waitedMs).toBe(delayMaxMs);
  });

  it('are one at a time: a second process is told, and shortens nothing', async () => {
    await attempt(wrong);
    using _ = lockProcess(join(dataDir, 'trust', attemptFiles.lock), 0);
    await expect(tryPassphrase('test', context(), right)).rejects.toThrow(/^PASSPHRASE_BUSY/);
    expect(await readAttempts(dataDir, clock.nowMs())).toMatchObject({ wrong: 1 });
  });

  it('that are stopped while they wait are none', async () => {
    await attempt(wrong);
    const stopped = tryPassphrase('test', context(), right);
    stop.abort();
    expect(await stopped).toEqual({ type: 'stopped' });
    expect(await readAttempts(dataDir, clock.nowMs())).toMatchObject({ wrong: 1 });
  });

  it('are not made where they cannot be recorded', async () => {
    rmSync(join(dataDir, 'audit.jsonl'), { force: true });
    mkdirSync(join(dataDir, 'audit.jsonl'));
    let made = false;
    const refused = tryPassphrase('test', context(), async () => {
      made = true;
      return 'open';
    });
    await expect(refused).rejects.toThrow(/AUDIT_WRITE_FAILED/);
    expect(made).toBe(false);
  });
});
