/** A kiosk's disk is copied, and both copies are switched on. */
import { cpSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

it('two machines with one identity are noticed, told of until it is revoked, and nothing that they send is lost', async () => {
  using site = new SiteFolder();
  const { gateway, port } = await site.startGateway();
  await using _gateway = gateway;
  await site.enrol('gate-a');
  const copyDir = `${site.kioskDir('gate-a')}-copy`;
  {
    await using original = await site.startKiosk('gate-a', port);
    await original.waitForLog('kiosk.ready', startDeadlineMs);
  }
  cpSync(site.kioskDir('gate-a'), copyDir, { recursive: true });
  await using original = await site.startKiosk('gate-a', port);
  await using copy = await site.startKiosk('gate-a', port, { RAVAO_DATA_DIR: copyDir });
  await gateway.waitForLog('kiosk.cloned', 60_000);
  original.write(`${idCard(1)}\n`);
  copy.write(`${idCard(2)}\n`);
  await gateway.waitForLog('intake.quarantined', 60_000);
  await site.waitForEntries(1);
  expect(await site.quarantine()).toMatchObject([{ reason: 'triple-reused', kiosk: 'gate-a' }]);
  const checked = await site.check();
  expect(checked.code).toBe(1);
  expect(checked.stdout).toMatch(/TWO MACHINES USE THE IDENTITY OF gate-a.*\n.*revoke gate-a/);
  expect(await site.command(['kiosks'])).toMatch(/TWO MACHINES USE IT/);
  await site.command(['revoke', 'gate-a']);
  const after = await runProcess(['gateway/main.ts', 'check'], { env: site.gatewayEnv() });
  expect(after.stdout).not.toContain('TWO MACHINES');
  expect(await site.command(['kiosks'])).not.toContain('TWO MACHINES');
}, 120_000);
