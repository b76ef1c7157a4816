import { expect, test } from 'vitest';
import { Delays, retryPlan, standOffPlan } from '../../../gateway/forwarding-delays.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const makeDelays = () =>
  new Delays('made-up:', { clock: new VirtualClock(), chance: seededChance(1), log: new RecordingLog() });

test('delays grow while nothing works and begin again small once something did', () => {
  const delays = makeDelays();
  for (let attempt = 0; attempt < 10; attempt++) {
    delays.retry('HTTP 503', false);
    delays.standOff('HTTP 400');
  }
  expect(delays.retry('HTTP 503', false).waitMs).toBeGreaterThan(retryPlan.maxMs * (1 - retryPlan.jitter) - 1);
  expect(delays.standOff('HTTP 400').waitMs).toBeGreaterThan(standOffPlan.maxMs * (1 - standOffPlan.jitter) - 1);
  delays.end();
  expect(delays.retry('HTTP 503', false).waitMs).toBeLessThanOrEqual(retryPlan.firstMs);
  expect(delays.standOff('HTTP 400').waitMs).toBeLessThanOrEqual(standOffPlan.firstMs);
});

test('what an upstream asks for is the least, not the most', () => {
  const delays = makeDelays();
  expect(delays.retry('HTTP 429', false, 300_000).waitMs).toBe(300_000);
  for (let attempt = 0; attempt < 10; attempt++) delays.retry('HTTP 429', false);
  expect(delays.retry('HTTP 429', false, 10).waitMs).toBeGreaterThan(10_000);
});
