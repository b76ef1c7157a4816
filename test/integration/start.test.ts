import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

/** `npm start`, as a new user has it, but in a folder of the test's and on a free port. */
async function startSite(folder: SiteFolder) {
  return startProcess(['site/main.ts'], {
    env: { RAVAO_DATA_DIR: folder.dir, RAVAO_MQTT_PORT: '0', RAVAO_SCANNER: 'stdin' },
  });
}

describe('npm start', () => {
  it('runs a whole site: a pasted code is admitted, stored, forwarded, and the end of input stops nothing', async () => {
    using folder = new SiteFolder();
    await using site = await startSite(folder);
    const shown = await site.waitForOutput(/Made-up codes to try:\s+(\S.*)\n/, startDeadlineMs);
    site.write(`${shown[1]}\n`);
    const recorded = await site.waitForLog('scan.recorded', startDeadlineMs);
    expect(recorded).toMatchObject({ outcome: 'admitted', seq: 1 });
    site.endInput();
    await site.waitForLog('scanner.ended', startDeadlineMs);
    const [entry] = await folder.waitForEntries(1);
    expect(entry).toMatchObject({
      id: recorded.id,
      kiosk: 'gate-a',
      gate: 'Cổng A',
      direction: 'in',
      outcome: 'admitted',
    });
    expect(await site.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    const forwarded = readFileSync(join(folder.gatewayDir, 'upstream.ndjson'), 'utf8').trim().split('\n');
    expect(forwarded.map((line) => JSON.parse(line).id)).toEqual([recorded.id]);
    expect((await folder.check()).code).toBe(0);
  });

  it('goes on with the data of an earlier start, and shows no samples then', async () => {
    using folder = new SiteFolder();
    for (const [run, seq] of [1, 2].entries()) {
      await using site = await startSite(folder);
      await site.waitForLog('link.connected', startDeadlineMs);
      site.write(`${idCard(run)}\n`);
      await site.waitForLog('scan.recorded', startDeadlineMs, { matches: (fields) => fields.seq === seq });
      await folder.waitForEntries(seq);
      expect(/Made-up codes/.test(site.output())).toBe(run === 0);
      expect((await site.kill('SIGTERM')).code).toBe(0);
    }
    expect((await folder.entries()).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('enrols the kiosk anew when the gateway was made anew', async () => {
    using folder = new SiteFolder();
    {
      await using site = await startSite(folder);
      await site.waitForLog('link.connected', startDeadlineMs);
      await site.kill('SIGTERM');
    }
    const { rmSync } = await import('node:fs');
    rmSync(folder.gatewayDir, { recursive: true });
    await using site = await startSite(folder);
    await site.waitForLog('link.connected', startDeadlineMs);
    expect(existsSync(join(folder.dir, 'kiosk', 'credentials', 'cert.pem'))).toBe(true);
  });

  it('stops the kiosk and says why when the gateway cannot start', async () => {
    using folder = new SiteFolder();
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    await using site = await startProcess(['site/main.ts'], {
      env: { RAVAO_DATA_DIR: join(folder.dir, 'other'), RAVAO_MQTT_PORT: String(port) },
    });
    const { code } = await site.exited;
    expect(code).toBe(1);
    expect(site.stderr()).toMatch(new RegExp(`LISTEN_FAILED: .*127\\.0\\.0\\.1:${port}`));
  });
});
