/** A site from nothing: kiosks that are enrolled with nothing but the text of a printed code, and cut off again. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeInvitation } from '../../shared/invitation.ts';
import { bytesBelow } from '../fakes/files-below.ts';
import { type RunningProcess, runProcess, startProcess } from '../fakes/processes.ts';
import { openPtyPair, type PtyPair } from '../fakes/pty.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';

/** How long an installer waits from the scan of an invitation to a gate in service, at most, in milliseconds. */
const inServiceMs = 15_000;

async function startFreshSite(folder: SiteFolder) {
  const { gateway, port } = await folder.startGateway();
  const { enrolPort } = await gateway.waitForLog('gateway.ready', startDeadlineMs);
  const invite = async (gate: string, ...more: string[]): Promise<string> =>
    folder.command(['invite', '--gate', gate, '--format', 'text', '--address', `127.0.0.1:${enrolPort}`, ...more]);
  return { gateway, port, invite };
}

/** A kiosk that knows nothing but its devices. */
function startFreshKiosk(folder: SiteFolder, name: string, pty: PtyPair): Promise<RunningProcess> {
  const env = {
    RAVAO_DATA_DIR: folder.kioskDir(name),
    RAVAO_SCANNER: `serial:${pty.kioskPath}`,
    RAVAO_BOARD: 'terminal',
  };
  return startProcess(['kiosk/main.ts'], { env, stdin: 'ignore' });
}

function kioskCommand(folder: SiteFolder, name: string, ...args: string[]) {
  return runProcess(['kiosk/main.ts', ...args], { env: { RAVAO_DATA_DIR: folder.kioskDir(name) } });
}

function timeOf(fields: object): number {
  return Date.parse(String((fields as { time?: unknown }).time));
}

describe('a site that is set up by scanning', () => {
  it('has two kiosks in service within seconds of their invitations, each with its gate, and no secret is left', async () => {
    using folder = new SiteFolder();
    const { gateway, invite } = await startFreshSite(folder);
    await using _ = gateway;
    await using onePty = await openPtyPair();
    await using otherPty = await openPtyPair();
    await using one = await startFreshKiosk(folder, 'one', onePty);
    await using other = await startFreshKiosk(folder, 'other', otherPty);
    for (const kiosk of [one, other]) await kiosk.waitForLog('scanner.found', startDeadlineMs);
    const texts = [await invite('Cổng A', '--direction', 'out'), await invite('Cổng B')];
    await onePty.write(`]Q1${texts[0]?.trim()}\r\n`);
    const first = await one.waitForLog('link.connected', startDeadlineMs);
    expect(timeOf(first) - timeOf(await one.waitForLog('enrol.looking', 1))).toBeLessThan(inServiceMs);
    // The second is shown the first's code, then something else, then its own.
    await otherPty.write(`${texts[0]?.trim()}\r`);
    expect(await other.waitForLog('enrol.failed', startDeadlineMs)).toMatchObject({ reason: 'used' });
    await otherPty.write(`https://example.org/\r${texts[1]?.trim()}\r`);
    await other.waitForLog('link.connected', startDeadlineMs);
    await onePty.write(`${idCard(1)}\r${texts[1]?.trim()}\r`);
    await otherPty.write(`${idCard(2)}\r`);
    const entries = await folder.waitForEntries(3);
    expect(entries.filter(({ kiosk }) => kiosk === 'cong-a')).toMatchObject([
      { gate: 'Cổng A', direction: 'out', outcome: 'admitted' },
      { gate: 'Cổng A', outcome: 'refused', reason: 'invitation' },
    ]);
    expect(entries.find(({ kiosk }) => kiosk === 'cong-b')).toMatchObject({ gate: 'Cổng B', direction: 'in' });

    const programs = [gateway, one, other];
    const outputs = programs.map((program) => Buffer.from(program.output()));
    const args = programs.map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`));
    const everything = Buffer.concat([bytesBelow(folder.dir), ...outputs, ...args]);
    for (const text of texts) {
      const secret = Buffer.from(decodeInvitation(text)?.invitation.secret ?? []);
      expect(secret).toHaveLength(16);
      for (const form of [secret, secret.toString('hex'), secret.toString('base64url')])
        expect(everything.includes(form)).toBe(false);
    }
    expect(everything.includes('RVE1:')).toBe(false);
  });

  it('cuts a kiosk off while it is connected, and for good; it may be invited anew', async () => {
    using folder = new SiteFolder();
    const { gateway, invite } = await startFreshSite(folder);
    await using _ = gateway;
    await using pty = await openPtyPair();
    await using kiosk = await startFreshKiosk(folder, 'one', pty);
    await kiosk.waitForLog('scanner.found', startDeadlineMs);
    await pty.write(`${(await invite('Cổng A')).trim()}\r`);
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    const isHere = /^cong-a \(Cổng A\): enrolled, until \d{4}-\d\d-\d\d, connected now/;
    await until('it is here', startDeadlineMs, async () => isHere.test(await folder.command(['kiosks'])));
    const since = kiosk.logs.length;
    expect(await folder.command(['revoke', 'cong-a'])).toContain('1 certificate revoked, 0 invitations withdrawn');
    await kiosk.waitForLog('link.lost', startDeadlineMs, { since });
    await gateway.waitForLog('broker.revoked', startDeadlineMs, { matches: ({ peer }) => peer !== undefined });
    const told = await kiosk.waitForLog('link.retry', startDeadlineMs, {
      since,
      matches: ({ reason }) => reason === 'the gateway has cut this kiosk off',
    });
    expect(told.remedy).toContain('"reset" here, and "invite" on the gateway');
    await pty.write(`${idCard(1)}\r`);
    await kiosk.waitForLog('scan.recorded', startDeadlineMs);
    expect(await folder.entries()).toEqual([]);
    expect(JSON.parse(await folder.command(['kiosks', '--format', 'json']))).toMatchObject({ state: 'revoked' });
    expect(await folder.command(['revoke', 'cong-a'])).toContain('0 certificates revoked');

    // A restart forgets nothing of it, and a new invitation makes it a kiosk again.
    expect((await kiosk.kill('SIGTERM')).code).toBe(0);
    expect((await kioskCommand(folder, 'one', 'reset')).stderr).toMatch(/RESET_UNSENT: .* 1 of them/);
    const forced = await kioskCommand(folder, 'one', 'reset', '--force');
    expect(forced).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Never sent, and not going to be: 1 entries/),
    });
    await using again = await startFreshKiosk(folder, 'one', pty);
    await again.waitForLog('scanner.found', startDeadlineMs);
    await pty.write(`${(await invite('Cổng A', '--kiosk', 'cong-a')).trim()}\r`);
    await again.waitForLog('link.connected', startDeadlineMs);
    await pty.write(`${idCard(2)}\r`);
    expect(await folder.waitForEntries(1)).toMatchObject([{ kiosk: 'cong-a', seq: 1 }]);
  });
});

describe('reset', () => {
  it('forgets an enrolment only while the kiosk stands still, and leaves nothing that a new one could trip over', async () => {
    using folder = new SiteFolder();
    const { gateway, invite } = await startFreshSite(folder);
    await using _ = gateway;
    await using pty = await openPtyPair();
    expect((await kioskCommand(folder, 'one', 'reset')).stdout).toContain('nothing to forget');
    await using kiosk = await startFreshKiosk(folder, 'one', pty);
    await kiosk.waitForLog('scanner.found', startDeadlineMs);
    await pty.write(`${(await invite('Cổng A')).trim()}\r`);
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    expect((await kioskCommand(folder, 'one', 'reset')).stderr).toContain('DATA_DIR_IN_USE');
    await kiosk.kill('SIGTERM');
    expect(await kioskCommand(folder, 'one', 'reset')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('revoke cong-a'),
    });
    expect(readdirSync(folder.kioskDir('one'))).toEqual([]);
    await using renamed = await startFreshKiosk(folder, 'one', pty);
    await renamed.waitForLog('enrol.waiting', startDeadlineMs);
    await renamed.waitForLog('scanner.found', startDeadlineMs);
    await pty.write(`${(await invite('Cổng B')).trim()}\r`);
    await renamed.waitForLog('link.connected', startDeadlineMs);
    expect(existsSync(join(folder.kioskDir('one'), 'credentials', 'kiosk.json'))).toBe(true);
  });
});

describe('reset of a kiosk whose credentials are damaged', () => {
  it('needs --force, and keeps the outbox aside unread', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const credentials = join(folder.kioskDir('one'), 'credentials');
    cpSync(folder.credentialsDir('gate-a'), credentials, { recursive: true });
    writeFileSync(join(credentials, 'cert.pem'), 'torn');
    writeFileSync(join(folder.kioskDir('one'), 'outbox.db'), 'whatever it holds');
    expect((await kioskCommand(folder, 'one', 'reset')).stderr).toContain('CREDENTIALS_INVALID');
    expect((await kioskCommand(folder, 'one', 'reset', '--force')).code).toBe(0);
    const [kept = '', ...others] = readdirSync(folder.kioskDir('one'));
    expect(others).toEqual([]);
    expect(readFileSync(join(folder.kioskDir('one'), kept), 'utf8')).toBe('whatever it holds');
  });
});

describe('the command line', () => {
  it('knows no kiosk that never was', async () => {
    using folder = new SiteFolder();
    await folder.command(['invite', '--gate', 'A', '--address', '127.0.0.1:8884']);
    const ran = await runProcess(['gateway/main.ts', 'revoke', '../../x'], { env: folder.gatewayEnv() });
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('KIOSK_UNKNOWN') });
    expect(await folder.command(['kiosks'])).toMatch(/^a \(A\): invited, .*\n$/);
  });

  it('serves on when the port for enrolment is taken', async () => {
    using folder = new SiteFolder();
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    using otherFolder = new SiteFolder();
    const other = await otherFolder.startGateway({ RAVAO_ENROL_PORT: String(port) });
    await using __ = other.gateway;
    expect(await other.gateway.waitForLog('enrol.unavailable', startDeadlineMs)).toMatchObject({
      error: expect.stringContaining('LISTEN_FAILED'),
    });
    expect(await other.gateway.waitForLog('gateway.ready', startDeadlineMs)).toMatchObject({ enrolPort: null });
  });

  it('gives --force only to reset', async () => {
    expect(await runProcess(['kiosk/main.ts', '--force'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('--force belongs to reset'),
    });
  });
});
