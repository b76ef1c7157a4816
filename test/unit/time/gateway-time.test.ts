import { describe, expect, it } from 'vitest';
import { AskedTime, estimateErrorMsMax } from '../../../kiosk/gateway-time.ts';
import { tellTime } from '../../../kiosk/timestamp.ts';
import { driftMs, driftPpmMax } from '../../../shared/drift.ts';
import { encodeTimeAnswer, readTimeQuestion, timeQuestion } from '../../../shared/time-question.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const trueMs = Date.UTC(2026, 10, 20, 8);
const monthsOffMs = 200 * 24 * 3_600_000;

/** A kiosk whose clock is months behind, and a gateway that answers after so long, there and back. */
function makeKiosk({ waysMs = [20], synced = true, garbage = false } = {}) {
  const clock = new VirtualClock(trueMs - monthsOffMs);
  const log = new RecordingLog();
  const asked: number[] = [];
  let ownSynced = false;
  const timeSync = { boot: 'boot-1', synced: () => ownSynced };
  const asker = {
    ask: (question: string, payload: Uint8Array): Promise<Uint8Array | null> => {
      expect(question).toBe(timeQuestion);
      expect(readTimeQuestion(payload)).toEqual({ v: 1, boot: 'boot-1', monotonicMs: clock.monotonicMs() });
      const wayMs = waysMs[asked.length % waysMs.length] ?? 0;
      asked.push(clock.monotonicMs());
      const { promise, resolve } = Promise.withResolvers<Uint8Array | null>();
      clock.after(wayMs / 2, () => {
        const answer = encodeTimeAnswer({ atMs: clock.nowMs() + monthsOffMs, errorMs: 500, synced });
        clock.after(wayMs / 2, () => resolve(garbage ? new Uint8Array([0xff]) : answer));
      });
      return promise;
    },
  };
  const time = new AskedTime({ asker, timeSync, clock, log });
  const sources = { clock, timeSync, gatewayTime: time };
  return { clock, log, asked, time, sources, syncItself: () => (ownSynced = true) };
}

describe('a kiosk without a time server', () => {
  it('asks three times when it is connected, and then every quarter of an hour', async () => {
    const { clock, asked, time } = makeKiosk();
    await clock.advance(60_000);
    expect(asked).toEqual([]);
    time.linkChanged(true);
    await clock.advance(30_000);
    expect(asked.map((ms) => ms - 120_000)).toEqual([0, 7_000, 14_000]);
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(3 * 5);
    time.linkChanged(false);
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(3 * 5);
    expect(clock.timers).toBe(0);
  });

  it('goes by the gateway and says so, with how wrong it may be', async () => {
    const { clock, time, sources, log } = makeKiosk({ waysMs: [4_000, 20, 3_000] });
    expect(tellTime(sources)).toMatchObject({ ms: clock.nowMs(), trusted: false });
    time.linkChanged(true);
    await clock.advance(30_000);
    const { ms, trusted, clock: said } = tellTime(sources);
    expect(trusted).toBe(true);
    expect(ms).toBe(clock.nowMs() + monthsOffMs);
    expect(said).toMatchObject({ synced: false, boot: 'boot-1', monotonicMs: clock.monotonicMs(), source: 'gateway' });
    expect(said.errorMs).toBe(Math.ceil(510 + driftMs(30_000 - 7_020)));
    expect(log.lines).toEqual([
      { level: 'info', event: 'time.told', fields: { differsMs: monthsOffMs, errorMs: 2_500 } },
    ]);
  });

  it('keeps what it was told while it is offline, until clocks may have drifted too far', async () => {
    const { clock, time, sources } = makeKiosk();
    time.linkChanged(true);
    await clock.advance(1_000);
    time.linkChanged(false);
    clock.jumpWall(-50 * 24 * 3_600_000);
    await clock.advance(12 * 3_600_000);
    expect(tellTime(sources).ms).toBe(trueMs + 12 * 3_600_000 + 1_000);
    await clock.advance((estimateErrorMsMax / driftPpmMax) * 1e6);
    expect(tellTime(sources)).toMatchObject({ ms: clock.nowMs(), trusted: false });
    expect(tellTime(sources).clock).not.toHaveProperty('source');
  });

  it.each([{ synced: false }, { garbage: true }])(
    'takes nothing from an answer that says nothing: %o',
    async (answer) => {
      const { clock, time, sources, asked } = makeKiosk(answer);
      time.linkChanged(true);
      await clock.advance(5 * 60_000);
      expect(time.now()).toBeNull();
      expect(tellTime(sources).trusted).toBe(false);
      // Three a minute at most: the gateway answers ten.
      expect(asked.length).toBeLessThanOrEqual(3 * 6);
      time[Symbol.dispose]();
      expect(clock.timers).toBe(0);
    },
  );

  it('goes by its own clock, and asks no more, once a time server has set it', async () => {
    const { clock, time, sources, asked, syncItself } = makeKiosk();
    time.linkChanged(true);
    await clock.advance(1_000);
    clock.jumpWall(monthsOffMs);
    syncItself();
    expect(tellTime(sources)).toEqual({
      ms: clock.nowMs(),
      trusted: true,
      clock: { synced: true, boot: 'boot-1', monotonicMs: clock.monotonicMs() },
    });
    const before = asked.length;
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(before);
  });
});
