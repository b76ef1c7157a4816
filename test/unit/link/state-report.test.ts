import { beforeEach, expect, it } from 'vitest';
import { StateReport } from '../../../kiosk/state-report.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let clock: VirtualClock;
let toldAtMs: number[];
let unanswered: number;
let answer: boolean;
let report: StateReport;

beforeEach(() => {
  clock = new VirtualClock(0, 0);
  toldAtMs = [];
  unanswered = 0;
  answer = true;
  const publish = () => {
    toldAtMs.push(clock.monotonicMs());
    if (answer) queueMicrotask(() => report.acknowledged());
  };
  const times = { stateEveryMs: 60_000, stateGapMs: 1_000, ackTimeoutMs: 10_000 };
  report = new StateReport(clock, times, publish, () => {
    unanswered += 1;
  });
});

it('tells the state at once and then every minute', async () => {
  report.start();
  await clock.advance(150_000);
  expect(toldAtMs).toEqual([0, 60_000, 120_000]);
});

it('tells of changes at most once a second, and of the last one for sure', async () => {
  report.start();
  for (let change = 0; change < 30; change++) {
    await clock.advance(100);
    report.changed();
  }
  await clock.advance(5_000);
  expect(toldAtMs).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
});

it('complains when a report is not acknowledged in time, and tells nothing more meanwhile', async () => {
  answer = false;
  report.start();
  report.changed();
  await clock.advance(9_999);
  expect([toldAtMs.length, unanswered]).toEqual([1, 0]);
  await clock.advance(1);
  expect([toldAtMs.length, unanswered]).toEqual([1, 1]);
});

it('says nothing before the start and after disposing, and leaves no timer', async () => {
  report.changed();
  expect(clock.timers).toBe(0);
  report.start();
  await clock.advance(10);
  report[Symbol.dispose]();
  report[Symbol.dispose]();
  report.changed();
  report.acknowledged();
  expect(clock.timers).toBe(0);
  expect(toldAtMs).toEqual([0]);
});
