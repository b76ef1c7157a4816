import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHelp } from '../../gateway/help.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { kioskHelp } from '../../kiosk/help.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { within } from '../../shared/time.ts';
import { arrival } from '../contract/store.ts';
import { readCorpus } from '../corpus/sample.ts';
import { projectDir, runProcess, startProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { idCard, idNumber, SiteFolder } from '../fakes/site.ts';

/** How long a command may take to start and to answer, in milliseconds. */
const readDeadlineMs = 20_000;

describe('the gateway on the command line', () => {
  it.each([
    [['nonsense'], /There is no command "nonsense"/],
    [['entries', '--format', 'xml'], /--format is ndjson or csv, not xml/],
    [['check', '--format', 'csv'], /--format is text or json, not csv/],
    [['enrol'], /enrol takes 1 name, not 0/],
    [['enrol', 'gate-a'], /enrol needs --out/],
    [['entries', 'all'], /entries takes no name, not 1/],
    [['quarantine', '--format', 'csv'], /quarantine takes no --format/],
    [['audit', '--force'], /audit takes no --force/],
    [['--out', 'x'], /serve takes no --out/],
    [['--nonsense'], /nonsense/],
    [['invite', '--json'], /There is no option --json/],
  ])('answers %j with what is wrong, where help is, and 64', async (args, message) => {
    const ran = await runProcess(['gateway/main.ts', ...args]);
    expect(ran).toMatchObject({ code: 64, stdout: '' });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toMatch(/^.+\.\nTry "npm run -s gateway -- .*--help"\.\n$/);
  });

  it.each([
    ['', ['--help']],
    ['', ['help']],
    ['', ['revoke', 'help']],
    ['backfill', ['backfill', '--help']],
    ['invite', ['invite', '--gate', 'Cổng A', '--help']],
    ['kiosks', ['kiosks', 'help']],
    ['person', ['help', 'person']],
    ['cards', ['cards', 'issue', '-h']],
    ['poster', ['poster', '--help']],
    ['rules', ['rules']],
  ])('prints the help of "%s" on standard output for %j, whatever the settings are', async (command, args) => {
    const ran = await runProcess(['gateway/main.ts', ...args], { env: { RAVAO_MQTT_PORT: 'x' } });
    expect(ran).toEqual(expect.objectContaining({ code: 0, stdout: await readHelp(command), stderr: '' }));
  });

  it('lists every wrong setting and ends with 78', async () => {
    const env = { RAVAO_MQTT_PORT: 'x', RAVAO_UPSTREAM_URL: 'ftp://a' };
    const ran = await runProcess(['gateway/main.ts'], { env });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toMatch(/RAVAO_MQTT_PORT .*\n {2}RAVAO_UPSTREAM_URL /);
  });

  it('says that there is no store where there is none, and makes none', async () => {
    using folder = new SiteFolder();
    const ran = await runProcess(['gateway/main.ts', 'check'], { env: folder.gatewayEnv() });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('STORE_MISSING');
  });

  it('says in check what waits for an upstream that never took anything', async () => {
    using folder = new SiteFolder();
    await using store = await openSqliteStore({ dir: folder.gatewayDir, log: new RecordingLog() });
    await store.append([arrival(1)]);
    const env = folder.gatewayEnv({ RAVAO_UPSTREAM_URL: 'https://example.org/entries' });
    const ran = await runProcess(['gateway/main.ts', 'check'], { env });
    expect(ran.stdout).toContain('Upstream https://example.org/entries: 1 waiting; it has taken nothing yet.\n');
  });

  it('refuses to serve a data directory twice, naming it', async () => {
    using folder = new SiteFolder();
    const { gateway } = await folder.startGateway();
    await using _ = gateway;
    const second = await runProcess(['gateway/main.ts'], { env: folder.gatewayEnv() });
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`DATA_DIR_IN_USE: .*${folder.gatewayDir}`));
  });

  it('refuses a kiosk id that is none, and to write over what is there', async () => {
    using folder = new SiteFolder();
    const enrol = (kiosk: string, ...more: string[]) =>
      runProcess(['gateway/main.ts', 'enrol', kiosk, '--out', join(folder.dir, 'out'), ...more], {
        env: folder.gatewayEnv(),
      });
    expect(await enrol('../gate')).toMatchObject({ code: 1, stderr: expect.stringContaining('KIOSK_ID_INVALID') });
    expect(await enrol('gate-a')).toMatchObject({ code: 0 });
    expect(await enrol('gate-a')).toMatchObject({ code: 1, stderr: expect.stringContaining('ENROL_EXISTS') });
    expect(await enrol('gate-a', '--force')).toMatchObject({ code: 0 });
  });

  it('prints everything to a reader that is slow', async () => {
    using folder = new SiteFolder();
    await using store = await openSqliteStore({ dir: folder.gatewayDir, log: new RecordingLog() });
    const count = 3_000;
    const arrivals = Array.from({ length: count }, (_, number) => arrival(number + 1));
    await store.append(arrivals);
    const child = spawn(process.execPath, ['gateway/main.ts', 'entries'], {
      cwd: projectDir,
      env: folder.gatewayEnv(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'readable');
    // It cannot end before it is read: more is on the way than the system holds for it.
    expect((await within(systemClock, 1_500, exited)).inTime).toBe(false);
    let lines = 0;
    for await (const chunk of child.stdout.setEncoding('utf8')) lines += String(chunk).split('\n').length - 1;
    expect(lines).toBe(count);
    expect(await exited).toEqual([0, null]);
  });

  it('ends quietly when nobody reads what it prints', async () => {
    using folder = new SiteFolder();
    const { gateway } = await folder.startGateway();
    await using _ = gateway;
    const command = `${process.execPath} gateway/main.ts entries --format csv | true; echo ended`;
    await using shell = await startProcess(['-c', command], { command: 'sh', env: folder.gatewayEnv() });
    expect((await shell.exited).code).toBe(0);
    expect(shell.stderr()).toBe('');
  });
});

describe('the kiosk on the command line', () => {
  it('prints its help on standard output', async () => {
    for (const args of [['help'], ['read', '--help'], ['reset', 'help']])
      expect(await runProcess(['kiosk/main.ts', ...args])).toMatchObject({ code: 0, stdout: kioskHelp, stderr: '' });
  });

  it.each([
    [['dance'], /There is no command "dance"/],
    [['read', 'me'], /read takes no names/],
    [['--clear'], /--clear belongs to read/],
    [['read', '--nonsense'], /nonsense/],
  ])('answers %j with what is wrong, where help is, and 64', async (args, message) => {
    const ran = await runProcess(['kiosk/main.ts', ...args]);
    expect(ran).toMatchObject({ code: 64, stdout: '' });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toMatch(/^.+\.\nTry "npm run -s kiosk -- --help"\.\n$/);
  });

  it('reads what a scanner sends, frame by frame, at once, without any setting, and names nobody', async () => {
    await using kiosk = await startProcess(['kiosk/main.ts', 'read']);
    kiosk.write(`\u0002]Q1${idCard(1)}\r\n\r\n`);
    await kiosk.waitForOutput(/"kind":"cccd","verified":false,"warnings":\[\].*"aim":"\]Q1"\}\n/, readDeadlineMs);
    kiosk.write('WIFI:S:x;;\rno end');
    await kiosk.waitForOutput(/"refused":"wifi-code","vi":".+","en":".+"\}\n/, readDeadlineMs);
    kiosk.endInput();
    expect(await kiosk.exited).toMatchObject({ code: 0 });
    expect(kiosk.stdout().trim().split('\n')).toHaveLength(3);
    expect(kiosk.stdout()).not.toMatch(/Nguyễn|\d{9}/);
    expect(kiosk.stderr()).toBe('');
  });

  it('reads names and numbers in clear when told, and checks certificates by the signers it is given', async () => {
    const certificates = readCorpus().get('vaccine-certificate')?.slice(0, 1) ?? [];
    await using kiosk = await startProcess(['kiosk/main.ts', 'read', '--clear'], {
      env: { RAVAO_CERTIFICATE_SIGNERS: 'test/corpus/certificate-signers.pem' },
    });
    kiosk.write([idCard(1), ...certificates.map(({ text }) => text)].join('\n'));
    kiosk.endInput();
    expect(await kiosk.exited).toMatchObject({ code: 0 });
    const [card, certificate] = kiosk
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(card).toMatchObject({ number: idNumber(1), normalName: expect.stringMatching(/^[A-Z ]+$/) });
    expect(certificate).toMatchObject({ kind: 'vaccine-certificate', verified: true, expires: '2026-12-31' });
  });

  it('ends with 78 when the signers of certificates cannot be read', async () => {
    const ran = await runProcess(['kiosk/main.ts', 'read'], { env: { RAVAO_CERTIFICATE_SIGNERS: 'README.md' } });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toMatch(
      /CONFIG_INVALID[\s\S]*RAVAO_CERTIFICATE_SIGNERS names README\.md, which holds no certificate/,
    );
  });

  it('lists every wrong setting and ends with 78', async () => {
    const env = { RAVAO_BOARD: 'lamp', RAVAO_GATEWAY_URL: 'gateway', RAVAO_DIRECTION: 'up' };
    const ran = await runProcess(['kiosk/main.ts'], { env });
    expect(ran.code).toBe(78);
    for (const name of ['GATEWAY_URL', 'DIRECTION', 'BOARD']) expect(ran.stderr).toContain(`\n  RAVAO_${name} `);
  });

  it('ends with 78 when it has credentials but nothing says where the gateway is', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const ran = await runProcess(['kiosk/main.ts'], { env: folder.kioskEnv('gate-a', 1, { RAVAO_GATEWAY_URL: '' }) });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toContain('RAVAO_GATEWAY_URL is missing');
  });

  it('ends with 78 when it is told to be another kiosk than its certificate says', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const env = folder.kioskEnv('gate-a', 1, { RAVAO_KIOSK_ID: 'gate-b' });
    const ran = await runProcess(['kiosk/main.ts'], { env });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toContain('RAVAO_KIOSK_ID is gate-b, but the certificate in RAVAO_CREDENTIALS is for gate-a');
  });

  it('never starts anew over a damaged outbox', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const outbox = join(folder.dir, 'outbox.db');
    writeFileSync(outbox, 'this is no database, but somebody may need it');
    const ran = await runProcess(['kiosk/main.ts'], {
      env: folder.kioskEnv('gate-a', 1, { RAVAO_DATA_DIR: folder.dir }),
    });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(new RegExp(`OUTBOX_CORRUPT: .*${outbox}`));
  });
});
