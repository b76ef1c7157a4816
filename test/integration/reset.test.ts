/** A kiosk that its gateway sends away: nothing that it holds is lost, and it becomes a new one by itself. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type RunningProcess, runProcess, startProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

async function startSite(folder: SiteFolder, changes: Record<string, string> = {}) {
  const { gateway, port } = await folder.startGateway(changes);
  const { enrolPort } = await gateway.waitForLog('gateway.ready', startDeadlineMs);
  const invite = (gate: string, ...more: string[]) =>
    folder.command(['invite', '--gate', gate, '--format', 'text', '--address', `127.0.0.1:${enrolPort}`, ...more]);
  return { gateway, port, enrolPort: String(enrolPort), invite };
}

function startKiosk(folder: SiteFolder): Promise<RunningProcess> {
  const env = { RAVAO_DATA_DIR: folder.kioskDir('one'), RAVAO_SCANNER: 'stdin', RAVAO_BOARD: 'terminal' };
  return startProcess(['kiosk/main.ts'], { env });
}

it('a kiosk that is reset from the gateway sends what it holds, is cut off, and takes the next invitation', async () => {
  using folder = new SiteFolder();
  const site = await startSite(folder);
  const ports = { RAVAO_MQTT_PORT: String(site.port), RAVAO_ENROL_PORT: site.enrolPort };
  await using kiosk = await startKiosk(folder);
  {
    await using _ = site.gateway;
    kiosk.write(await site.invite('Cổng A', '--kiosk', 'gate-a'));
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    // An enrolled kiosk takes no invitation, before it was sent away.
    kiosk.write(await site.invite('Cổng B', '--kiosk', 'gate-b'));
    await folder.waitForEntries(1);
  }
  await kiosk.waitForLog('link.lost', startDeadlineMs);
  for (const number of [1, 2, 3]) kiosk.write(`${idCard(number)}\n`);
  const ordered = await folder.command(['kiosks', 'reset', 'gate-a']);
  expect(ordered).toContain('gate-a is told to');
  expect(await folder.command(['kiosks'])).toMatch(/gate-a \(Cổng A\): enrolled.*\n {2}It was told at/);
  const again = await startSite(folder, ports);
  await using _ = again.gateway;
  await kiosk.waitForLog('reset.done', 60_000);
  expect((await folder.entries()).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect((await folder.check()).stdout).toContain('Nothing is missing.');
  expect(await folder.command(['kiosks'])).toMatch(/gate-a \(Cổng A\): revoked/);
  expect(await folder.command(['kiosks'])).not.toContain('It was told');
  const audit = await folder.command(['audit']);
  expect(audit).toMatch(/kiosk\.reset-ordered[\s\S]*kiosk\.reset\b/);
  // It is a new one, in the same process, and knows nothing of what it was.
  expect(existsSync(join(folder.kioskDir('one'), 'credentials'))).toBe(false);
  expect(readdirSync(folder.kioskDir('one')).filter((name) => name.startsWith('leaving'))).toEqual([]);
  kiosk.write(await again.invite('Cổng C', '--kiosk', 'gate-c'));
  const enrolled = await kiosk.waitForLog('enrol.done', startDeadlineMs, {
    matches: ({ kiosk: id }) => id === 'gate-c',
  });
  expect(enrolled.gate).toBe('Cổng C');
  kiosk.write(`${idCard(4)}\n`);
  expect((await folder.waitForEntries(5)).at(-1)).toMatchObject({ kiosk: 'gate-c', gate: 'Cổng C', seq: 1 });
}, 120_000);

it('a kiosk that lost its power while it left becomes a new one at its next start; a mark of another time does nothing', async () => {
  using folder = new SiteFolder();
  const site = await startSite(folder);
  await using _ = site.gateway;
  const mark = join(folder.kioskDir('one'), 'leaving.json');
  {
    await using kiosk = await startKiosk(folder);
    kiosk.write(await site.invite('Cổng A', '--kiosk', 'gate-a'));
    await kiosk.waitForLog('link.connected', startDeadlineMs);
  }
  writeFileSync(mark, JSON.stringify({ v: 1, certificate: 'of a certificate that it had before' }));
  {
    await using kiosk = await startKiosk(folder);
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    expect(existsSync(mark)).toBe(false);
  }
  const { createHash } = await import('node:crypto');
  const certificate = createHash('sha256')
    .update(readFileSync(join(folder.kioskDir('one'), 'credentials', 'cert.pem')))
    .digest('hex');
  writeFileSync(mark, JSON.stringify({ v: 1, certificate }));
  await folder.command(['revoke', 'gate-a']);
  await using kiosk = await startKiosk(folder);
  await kiosk.waitForLog('enrol.waiting', startDeadlineMs);
  expect(existsSync(join(folder.kioskDir('one'), 'credentials'))).toBe(false);
}, 120_000);

it('a kiosk that has its certificate from a folder stays, and says what to do instead', async () => {
  using folder = new SiteFolder();
  const { gateway, port } = await folder.startGateway();
  await using _ = gateway;
  await folder.enrol('gate-a');
  await using kiosk = await folder.startKiosk('gate-a', port);
  await kiosk.waitForLog('link.connected', startDeadlineMs);
  await folder.command(['kiosks', 'reset', 'gate-a']);
  const line = await kiosk.waitForLog('reset.not-here', startDeadlineMs);
  expect(line.remedy).toContain('revoke');
  expect(await folder.command(['kiosks', 'reset', 'gate-a', '--cancel'])).toContain('not to be reset');
  expect(await folder.command(['kiosks'])).not.toContain('It was told');
  kiosk.write(`${idCard(1)}\n`);
  expect(await folder.waitForEntries(1)).toHaveLength(1);
}, 120_000);

it('the command says what is wrong with it', async () => {
  using folder = new SiteFolder();
  await folder.enrol('gate-a');
  const run = (...args: string[]) => runProcess(['gateway/main.ts', 'kiosks', ...args], { env: folder.gatewayEnv() });
  expect(await run('reset', 'gate-z')).toMatchObject({ code: 1, stderr: expect.stringContaining('KIOSK_UNKNOWN') });
  for (const args of [['reset'], ['reset', 'a', 'b'], ['remove', 'a'], ['--cancel'], ['--format', 'xml'], ['--what']]) {
    expect((await run(...args)).code, args.join(' ')).toBe(64);
  }
}, 120_000);
