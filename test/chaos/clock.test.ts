/** A wall clock that jumps by months, as that of a Pi does which hears of the true time at last, while real programs are at work.  */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FalseTime } from '../fakes/false-time.ts';
import type { RunningProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';
import { UpstreamFile } from '../fakes/upstream-file.ts';

const deadlineMs = 60_000;
const dayMs = 24 * 60 * 60 * 1000;
/** Days off the true time. The gateway's certificate lasts 180, so +150 is near its end. */
const jumps = [-120, 150, -300, 90, -30, 200];
const cardsPerJump = 60;

function recorded({ logs }: RunningProcess): { id: string; time: string }[] {
  return logs
    .filter(({ event }) => event === 'scan.recorded')
    .map(({ id, time }) => ({ id: String(id), time: String(time) }));
}

it('loses nothing and trusts every certificate while the clocks of gateway and kiosk jump back and forth by months', async () => {
  using folder = new SiteFolder();
  await folder.enrol('gate-a');
  const gatewayTime = new FalseTime(join(folder.dir, 'gateway-time'));
  const kioskTime = new FalseTime(join(folder.dir, 'kiosk-time'));
  const start = async (port = 0) => folder.startGateway({ ...gatewayTime.env, RAVAO_MQTT_PORT: String(port) });
  const upstream = new UpstreamFile(join(folder.gatewayDir, 'upstream.ndjson'));
  let { gateway, port } = await start();
  let kiosk = await folder.startKiosk('gate-a', port, kioskTime.env);
  await kiosk.waitForLog('link.connected', startDeadlineMs);
  const admitted: string[] = [];
  let card = 0;
  const scan = () => kiosk.write(Array.from({ length: cardsPerJump }, () => `${idCard(card++)}\n`).join(''));
  try {
    for (const [number, days] of jumps.entries()) {
      const before = recorded(kiosk).length;
      scan();
      await until('the first of them', deadlineMs, () => recorded(kiosk).length > before);
      // By turns both clocks jump, only the gateway's, only the kiosk's.
      if (number % 3 !== 2) gatewayTime.set(days);
      if (number % 3 !== 1) kioskTime.set(days);
      scan();
      await until('all of them', deadlineMs, () => recorded(kiosk).length >= before + 2 * cardsPerJump);
      // Then each starts in its own wrong time, and they must trust each other all the same.
      admitted.push(...recorded(kiosk).map(({ id }) => id));
      await gateway.kill(number % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      await kiosk.kill(number % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
      ({ gateway } = await start(port));
      kiosk = await folder.startKiosk('gate-a', port, kioskTime.env);
      await kiosk.waitForLog('link.connected', startDeadlineMs);
      await until(
        () => `${upstream.missing(admitted).length} after jump ${number}`,
        deadlineMs,
        () => upstream.holds(admitted),
      );
      expect(gateway.logs.map(({ event }) => event)).not.toContain('broker.handshake-failed');
    }
    // The clocks did jump, and no entry is stored twice or out of the order in which people passed.
    const entries = await folder.entries();
    const timesMs = entries.map(({ at }) => Date.parse(at));
    expect(Math.max(...timesMs) - Math.min(...timesMs)).toBeGreaterThan(400 * dayMs);
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.map(({ id }) => id)).toEqual(admitted);
    expect((await kiosk.kill('SIGTERM')).code).toBe(0);
    expect((await gateway.kill('SIGTERM')).code).toBe(0);
    expect(`${gateway.stderr()}${kiosk.stderr()}`).toBe('');
    expect(await folder.check()).toMatchObject({ code: 0 });
    expect(await folder.quarantine()).toEqual([]);
  } finally {
    await gateway[Symbol.asyncDispose]();
    await kiosk[Symbol.asyncDispose]();
  }
}, 120_000);
