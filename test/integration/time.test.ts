/** A kiosk without a clock of its own, over TLS, as people see it in the entries: months off, offline, and booted anew. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Entry } from '../../shared/entry.ts';
import { FalseTime } from '../fakes/false-time.ts';
import { startProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';

interface Listed extends Entry {
  readonly corrected?: { readonly at: string; readonly notBefore: string; readonly notAfter: string };
}

const dayMs = 24 * 3_600_000;

/** A `timedatectl` that takes the clock for synchronised, first on the path. */
function syncedPath(dir: string): string {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'timedatectl'), '#!/bin/sh\necho yes\n');
  chmodSync(join(bin, 'timedatectl'), 0o755);
  return `${bin}:${process.env.PATH ?? ''}`;
}

it('gives a kiosk that is months off the time, and corrects what it wrote offline in boots that came and went', async () => {
  using folder = new SiteFolder();
  await folder.enrol('gate-a');
  const PATH = syncedPath(folder.dir);
  const time = new FalseTime(join(folder.dir, 'kiosk-time'));
  const boot = (id: string, port: number) => {
    const env = folder.kioskEnv('gate-a', port, { ...time.env, TEST_BOOT: id });
    return startProcess(['test/fakes/rebooted-kiosk.ts'], { env });
  };
  const scanned: { readonly fromMs: number; readonly toMs: number }[] = [];
  const scan = async (kiosk: Awaited<ReturnType<typeof boot>>) => {
    const count = kiosk.logs.filter(({ event }) => event === 'scan.recorded').length;
    const fromMs = Date.now();
    kiosk.write(`${idCard(scanned.length)}\n`);
    const isKept = () => kiosk.logs.filter(({ event }) => event === 'scan.recorded').length > count;
    await until('a scan is kept', startDeadlineMs, isKept);
    scanned.push({ fromMs, toMs: Date.now() });
  };
  // Online, 200 days behind: the gateway tells it the time.
  const { gateway: first, port } = await folder.startGateway({ PATH });
  {
    await using gateway = first;
    time.set(-200);
    await using kiosk = await boot('boot-1', port);
    await kiosk.waitForLog('time.told', startDeadlineMs);
    await scan(kiosk);
    await folder.waitForEntries(1);
    await kiosk.kill('SIGKILL');
    await gateway.kill('SIGTERM');
  }
  // Offline, in a boot that the gateway never hears of.
  {
    await using kiosk = await boot('boot-2', port);
    await scan(kiosk);
    await scan(kiosk);
    await kiosk.kill('SIGKILL');
  }
  // Offline still, in another boot and another month, in which it then finds the gateway again.
  time.set(150);
  await using kiosk = await boot('boot-3', port);
  await scan(kiosk);
  const connectedMs = Date.now();
  const { gateway: second } = await folder.startGateway({ PATH, RAVAO_MQTT_PORT: String(port) });
  await using _ = second;
  const [told, early, late, mapped] = (await folder.waitForEntries(4)) as Listed[];

  const isWithin = (ms: number, fromMs: number, toMs: number) => {
    expect(ms).toBeGreaterThanOrEqual(fromMs - 1_000);
    expect(ms).toBeLessThanOrEqual(toMs + 1_000);
  };
  const [byGateway, before, after, last] = scanned;
  if (!byGateway || !before || !after || !last) throw new Error('not all was scanned');
  expect(told?.clock).toMatchObject({ synced: false, source: 'gateway', boot: 'boot-1' });
  expect(told).not.toHaveProperty('corrected');
  isWithin(Date.parse(told?.at ?? ''), byGateway.fromMs, byGateway.toMs);

  for (const [entry, { fromMs, toMs }] of [[early, before] as const, [late, after] as const]) {
    // Both times stand in the entry: what the kiosk wrote, and what the gateway knows.
    expect(Math.abs(Date.parse(entry?.at ?? '') + 200 * dayMs - fromMs)).toBeLessThan(2 * dayMs);
    expect(Date.parse(entry?.corrected?.notBefore ?? '')).toBeLessThan(toMs + 1_000);
    expect(Date.parse(entry?.corrected?.notAfter ?? '')).toBeGreaterThan(fromMs - 1_000);
    expect(Date.parse(entry?.corrected?.notBefore ?? '')).toBeGreaterThan(byGateway.fromMs - 2_000);
    expect(Date.parse(entry?.corrected?.notAfter ?? '')).toBeLessThan(connectedMs + 2_000);
  }
  isWithin(Date.parse(mapped?.corrected?.at ?? ''), last.fromMs, last.toMs);
  expect(Math.abs(Date.parse(mapped?.at ?? '') - 150 * dayMs - last.fromMs)).toBeLessThan(2 * dayMs);
  expect(await folder.command(['entries', '--format', 'csv'])).toContain(`,${mapped?.seq},${mapped?.corrected?.at},`);
}, 120_000);
