/** A kiosk without a clock of its own, over TLS, as people see it in the entries: months off, offline, and booted anew. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Entry } from '../../shared/entry.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { FalseTime } from '../fakes/false-time.ts';
import { type RunningProcess, startProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';

const dayMs = 24 * 3_600_000;

/** How far two looks at the time may be apart here, in milliseconds, beside what is waited for. */
const slackMs = 2_000;

interface Listed extends Entry {
  readonly corrected?: { readonly at: string; readonly notBefore: string; readonly notAfter: string };
}

/** The true time, before something and after it. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A `timedatectl` that takes the clock for synchronised, first on the path. */
function syncedPath(dir: string): string {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'timedatectl'), '#!/bin/sh\necho yes\n');
  chmodSync(join(bin, 'timedatectl'), 0o755);
  return `${bin}:/usr/bin:/bin`;
}

function boot(folder: SiteFolder, id: string, port: number, time: FalseTime): Promise<RunningProcess> {
  const env = folder.kioskEnv('gate-a', port, { ...time.env, TEST_BOOT: id });
  return startProcess(['test/fakes/rebooted-kiosk.ts'], { env });
}

/** Somebody passes. */
async function scan(kiosk: RunningProcess, number: number): Promise<Span> {
  const recorded = () => kiosk.logs.filter(({ event }) => event === 'scan.recorded').length;
  const before = recorded();
  const fromMs = systemClock.nowMs();
  kiosk.write(`${idCard(number)}\n`);
  await until('a scan is kept', startDeadlineMs, () => recorded() > before);
  return { fromMs, toMs: systemClock.nowMs() };
}

function expectWithin(time: string | undefined, { fromMs, toMs }: Span): void {
  expect(Date.parse(time ?? '')).toBeGreaterThan(fromMs - slackMs);
  expect(Date.parse(time ?? '')).toBeLessThan(toMs + slackMs);
}

/** What the kiosk wrote stands in the entry, so many days off. */
function expectOff(entry: Listed | undefined, days: number, { fromMs }: Span): void {
  expect(Math.abs(Date.parse(entry?.at ?? '') - days * dayMs - fromMs)).toBeLessThan(2 * dayMs);
}

it('gives a kiosk that is months off the time, and corrects what it wrote offline in boots that came and went', async () => {
  using folder = new SiteFolder();
  await folder.enrol('gate-a');
  const PATH = syncedPath(folder.dir);
  const time = new FalseTime(join(folder.dir, 'kiosk-time'));
  time.set(-200);
  // Online: the gateway tells it the time.
  const { gateway: first, port } = await folder.startGateway({ PATH });
  await using gateway = first;
  await using online = await boot(folder, 'boot-1', port, time);
  await online.waitForLog('time.told', startDeadlineMs);
  const toldSpan = await scan(online, 1);
  await folder.waitForEntries(1);
  await online.kill('SIGKILL');
  await gateway.kill('SIGTERM');
  // Offline, in a boot that the gateway never hears of.
  await using offline = await boot(folder, 'boot-2', port, time);
  const unheardSpans = [await scan(offline, 2), await scan(offline, 3)];
  await offline.kill('SIGKILL');
  // Offline still, in another boot and another month, in which it then finds the gateway again.
  time.set(150);
  await using back = await boot(folder, 'boot-3', port, time);
  const lastSpan = await scan(back, 4);
  await using _ = (await folder.startGateway({ PATH, RAVAO_MQTT_PORT: String(port) })).gateway;
  const [told, early, late, last] = (await folder.waitForEntries(4)) as Listed[];

  expect(told?.clock).toMatchObject({ synced: false, source: 'gateway', boot: 'boot-1' });
  expect(told).not.toHaveProperty('corrected');
  expectWithin(told?.at, toldSpan);
  const spans = [...unheardSpans, lastSpan];
  const endMs = systemClock.nowMs();
  for (const [index, entry] of [early, late, last].entries()) {
    const { fromMs, toMs } = spans[index] ?? toldSpan;
    expectWithin(entry?.corrected?.notBefore, { fromMs: toldSpan.fromMs, toMs });
    expectWithin(entry?.corrected?.notAfter, { fromMs, toMs: endMs });
  }
  for (const entry of [early, late]) expectOff(entry, -200, toldSpan);
  expectOff(last, 150, lastSpan);
  expect(Date.parse(last?.corrected?.notBefore ?? '')).toBeGreaterThan(Date.parse(late?.corrected?.notBefore ?? ''));
  expect(await folder.command(['entries', '--format', 'csv'])).toContain(`,4,${last?.corrected?.at},`);
}, 120_000);
