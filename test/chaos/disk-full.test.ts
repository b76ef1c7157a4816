/** Disks that fill under the running programs and are freed again: nothing is claimed, nothing is lost, nobody restarts anything. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CustodyClient } from '../fakes/custody-client.ts';
import type { RunningProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { smallDisks } from '../fakes/small-disk.ts';
import { until } from '../fakes/until.ts';
import { UpstreamFile } from '../fakes/upstream-file.ts';

const deadlineMs = 60_000;

/** A gateway's disk holds a few thousand entries before it is full. */
const gatewayDiskMiB = 24;

/** A kiosk wants 64 MiB free, so this is room enough until something else takes 16. */
const kioskDiskMiB = 80;

function idsIn(lines: string): Set<string> {
  return new Set(lines.split('\n').flatMap((line) => (line === '' ? [] : [String(JSON.parse(line).id)])));
}

describe.each(smallDisks(gatewayDiskMiB))('a gateway on $title', (disk) => {
  it(
    'acknowledges nothing while it cannot write, and goes on by itself with nothing lost',
    async () => {
      using folder = new SiteFolder();
      await folder.enrol('gate-a');
      const env = folder.gatewayEnv();
      const dir = folder.gatewayDir;
      const storedIds = async () => {
        const ran = await disk.run(gateway, ['gateway/main.ts', 'entries'], env);
        expect(ran).toMatchObject({ code: 0, stderr: '' });
        return idsIn(ran.stdout);
      };
      await using gateway = await disk.start('gateway/main.ts', env);
      const { port } = await gateway.waitForLog('gateway.ready', startDeadlineMs);
      const credentialsDir = folder.credentialsDir('gate-a');
      using client = new CustodyClient({ kiosk: 'gate-a', port: Number(port), credentialsDir, windowMax: 50 });
      client.offer(500);
      await client.acknowledges(500, deadlineMs);

      for (let time = 1; time <= 2; time++) {
        disk.fill(gateway, dir);
        client.flood(true);
        // It is sent again and again, and again there is no PUBACK.
        await until('five refusals in a row', deadlineMs, () => client.lossesInARow >= 5);
        const claimed = new Set(client.acknowledged);
        expect(await storedIds(), 'what it claimed to have').toEqual(claimed);
        await until('ten refusals in a row', deadlineMs, () => client.lossesInARow >= 10);
        expect(client.acknowledged.size, 'PUBACKs while the disk is full').toBe(claimed.size);
        expect(gateway.exit).toBeNull();
        disk.free(gateway, dir);
        await client.acknowledges(claimed.size + 500, deadlineMs);
        await client.drains(deadlineMs);
      }
      expect(gateway.logs.map(({ event }) => event)).toContain('intake.commit-recovered');
      expect(await storedIds()).toEqual(client.offered);
      const upstream = new UpstreamFile(join(disk.seen(gateway, dir), 'upstream.ndjson'));
      await until(
        () => `${upstream.missing(client.offered).length} upstream`,
        deadlineMs,
        () => upstream.holds(client.offered),
      );
      expect(await disk.run(gateway, ['gateway/main.ts', 'check'], env)).toMatchObject({ code: 0, stderr: '' });
      expect((await gateway.kill('SIGTERM')).code).toBe(0);
      expect(gateway.stderr()).toBe('');
    },
    deadlineMs,
  );
});

function signalsSince({ logs }: RunningProcess, since: number): string[] {
  return logs.slice(since).flatMap(({ event, signal }) => (event === 'indicator.shown' ? [String(signal)] : []));
}

describe.each(smallDisks(kioskDiskMiB))('a kiosk on $title', (disk) => {
  it(
    'refuses visibly while it cannot keep an entry, and admits again by itself with nothing lost',
    async () => {
      using folder = new SiteFolder();
      await folder.enrol('gate-a');
      const { gateway, port } = await folder.startGateway();
      await using _gateway = gateway;
      const env = folder.kioskEnv('gate-a', port, { RAVAO_LOG_LEVEL: 'debug' });
      const dir = folder.kioskDir('gate-a');
      await using kiosk = await disk.start('kiosk/main.ts', env);
      await kiosk.waitForLog('link.connected', startDeadlineMs);
      let card = 0;
      /** One person after the other, until the light that is waited for; a kiosk asks for the room once a second. */
      const scanUntil = async (signal: string): Promise<void> => {
        const since = kiosk.logs.length;
        await until(`${signal}, there are ${signalsSince(kiosk, since)}`, deadlineMs, async () => {
          const before = kiosk.logs.length;
          kiosk.write(`${idCard(card++)}\n`);
          await kiosk.waitForLog('indicator.shown', deadlineMs, {
            since: before,
            matches: (fields) => fields.signal === 'admitted' || fields.signal === 'refused',
          });
          return signalsSince(kiosk, before).includes(signal);
        });
      };
      for (let time = 1; time <= 2; time++) {
        await scanUntil('admitted');
        const full = kiosk.logs.length;
        disk.fill(kiosk, dir);
        await scanUntil('refused');
        await kiosk.waitForLog('indicator.shown', deadlineMs, {
          since: full,
          matches: ({ signal }) => signal === 'fault',
        });
        disk.free(kiosk, dir);
        await scanUntil('admitted');
      }
      expect(kiosk.exit).toBeNull();
      const isRecorded = ({ event }: { event: string }) => event === 'scan.recorded';
      // The light comes before the line in the log.
      const shown = signalsSince(kiosk, 0).filter((signal) => signal === 'admitted').length;
      await until('a line for each green light', deadlineMs, () => kiosk.logs.filter(isRecorded).length >= shown);
      const admitted = kiosk.logs.filter(isRecorded).map(({ id }) => String(id));
      expect(admitted.length).toBeGreaterThanOrEqual(4);
      await folder.waitForEntries(admitted.length);
      expect((await folder.entries()).map(({ id }) => id)).toEqual(admitted);
      expect((await kiosk.kill('SIGTERM')).code).toBe(0);
      expect(kiosk.logs.at(-1)).toMatchObject({ event: 'kiosk.stopped', unsent: 0 });
      expect(await folder.check()).toMatchObject({ code: 0 });
    },
    deadlineMs,
  );
});
