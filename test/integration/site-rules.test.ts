/** What a site wants beyond good codes, from the command to the lights, over real sockets, processes and restarts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../shared/system/clock.ts';
import { startAtTerminal } from '../fakes/at-terminal.ts';
import { bytesBelow } from '../fakes/files-below.ts';
import { type LedFolder, makeLedFolder } from '../fakes/led-folder.ts';
import { freePort, type RunningProcess, runProcess } from '../fakes/processes.ts';
import { openPtyPair, type PtyPair } from '../fakes/pty.ts';
import { idCard, idNumber, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';

/** What the site promises of a change, in milliseconds. */
const promisedMs = 5_000;
const patience = { timeout: startDeadlineMs, interval: 20 };

let folder: SiteFolder;
let parts: AsyncDisposableStack;
let gateway: RunningProcess;
let port: number;

beforeEach(async () => {
  parts = new AsyncDisposableStack();
  folder = parts.use(new SiteFolder());
  // A kiosk that does not know what day it is warns instead of refusing.
  writeFileSync(join(folder.dir, 'timedatectl'), '#!/bin/sh\necho yes\n', { mode: 0o755 });
  port = await freePort();
  await startGateway();
});
afterEach(() => parts.disposeAsync());

async function startGateway(): Promise<void> {
  ({ gateway } = await folder.startGateway({ RAVAO_MQTT_PORT: String(port) }));
  parts.use(gateway);
}

async function startKiosk(kiosk: string, changes: Record<string, string> = {}): Promise<RunningProcess> {
  const env = { PATH: `${folder.dir}:/usr/bin:/bin`, RAVAO_REPEAT_MS: '0', RAVAO_GATE: `Cổng ${kiosk}`, ...changes };
  const started = parts.use(await folder.startKiosk(kiosk, port, env));
  await started.waitForLog('kiosk.ready', startDeadlineMs);
  return started;
}

/** Runs `rules …` with what a person would type. */
async function rules(args: readonly string[], typed = ''): Promise<{ code: number | null; text: string }> {
  writeFileSync(join(folder.dir, 'typed'), typed);
  const line = `exec "$0" gateway/main.ts rules "$@" < ${join(folder.dir, 'typed')}`;
  const ran = await runProcess(['-c', line, process.execPath, ...args], { command: 'sh', env: folder.gatewayEnv() });
  return { code: ran.code, text: ran.stdout + ran.stderr };
}

async function scan(kiosk: RunningProcess, text: string, pty?: PtyPair) {
  const since = kiosk.logs.length;
  if (pty === undefined) kiosk.write(`${text}\n`);
  else await pty.write(`${text}\r`);
  const { outcome, reason, warnings } = await kiosk.waitForLog('scan.recorded', startDeadlineMs, { since });
  return warnings === undefined ? `${outcome} ${reason}` : `${outcome} ${reason} ${warnings}`;
}

/** Scans again and again until that is the answer. */
async function scanUntil(kiosk: RunningProcess, text: string, answer: string): Promise<void> {
  let last = '';
  await until(
    () => `${answer}; the last answer was ${last}`,
    startDeadlineMs,
    async () => {
      last = await scan(kiosk, text);
      return last === answer;
    },
  );
}

async function nextRules(kiosk: RunningProcess, change: () => Promise<unknown>, matches?: (fields: object) => boolean) {
  const since = kiosk.logs.length;
  await change();
  await kiosk.waitForLog('rules.held', promisedMs, { since, ...(matches && { matches }) });
}

const holdsOne = (held: object) => 'barred' in held && held.barred === 1;

describe('somebody who is barred', () => {
  let kiosk: RunningProcess;
  let pty: PtyPair;
  let leds: LedFolder;
  beforeEach(async () => {
    pty = parts.use(await openPtyPair());
    leds = parts.use(await makeLedFolder());
    await folder.enrol('gate-a');
    kiosk = await startGate();
  });

  async function startGate(): Promise<RunningProcess> {
    const devices = { RAVAO_SCANNER: `serial:${pty.kioskPath}`, RAVAO_BOARD: `gpio-leds:${leds.root}` };
    const started = await startKiosk('gate-a', devices);
    await started.waitForLog('scanner.found', startDeadlineMs);
    return started;
  }

  it('sees red within five seconds, without the gateway too and after restarts, and green again when it is lifted', async () => {
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    expect(await scan(kiosk, idCard(1), pty)).toBe('admitted ok');
    await nextRules(
      kiosk,
      async () => {
        expect(await rules(['bar', '--reason', 'health'], `${idCard(1)}\n`)).toEqual({ code: 0, text: 'Barred: 1.\n' });
      },
      holdsOne,
    );
    expect(await scan(kiosk, idCard(1), pty)).toBe('refused barred');
    await vi.waitFor(async () => expect(await leds.read()).toMatchObject({ red: true, green: false }), patience);
    expect(kiosk.logs.at(-1)).toMatchObject({ reason: 'barred', bar: 'health' });
    expect(await scan(kiosk, idCard(2), pty)).toBe('admitted ok');

    await gateway.kill('SIGKILL');
    expect(await scan(kiosk, idCard(1), pty)).toBe('refused barred');
    expect((await kiosk.kill('SIGTERM')).code).toBe(0);
    kiosk = await startGate();
    expect(await scan(kiosk, idCard(1), pty)).toBe('refused barred');
    await startGateway();
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    await nextRules(
      kiosk,
      () => rules(['unbar'], idNumber(1)),
      (held) => !('barred' in held),
    );
    expect(await scan(kiosk, idCard(1), pty)).toBe('admitted ok');
    const entries = await folder.waitForEntries(6);
    const [first] = entries;
    expect(entries.filter(({ subject }) => subject === first?.subject).map(({ reason }) => reason)).toEqual([
      'ok',
      'barred',
      'barred',
      'barred',
      'ok',
    ]);
    await until('the gateway knows what the kiosk holds', promisedMs, async () =>
      (await folder.command(['kiosks'])).includes('rules current'),
    );

    // No number and no name is anywhere but in nobody's file.
    writeFileSync(join(folder.dir, 'typed'), '');
    const outputs = Buffer.from(gateway.output() + kiosk.output());
    const everything = Buffer.concat([bytesBelow(folder.dir), outputs]);
    for (const secret of [idNumber(1), idNumber(2), 'Nguyễn Văn A'])
      expect(everything.includes(secret), secret).toBe(false);
    expect(await folder.command(['audit'])).toMatch(/rules\.barred[\s\S]*rules\.unbarred/);
  });
});

describe('at a terminal', () => {
  const askedOf = async (line: string) => {
    const command = parts.use(
      await startAtTerminal(`node gateway/main.ts rules ${line}`, { env: folder.gatewayEnv() }),
    );
    await command.waitForOutput(/Scan the code, or type the number: $/, startDeadlineMs);
    return command;
  };

  it('asks whom to bar, whom to lift and who is expected', async () => {
    for (const [line, answer] of [
      ['bar --reason health', 'Barred: 1.'],
      ['unbar', 'Lifted: 1 of 1.'],
      ['expect --day today', /Expected on [\d-]+: 1\./],
    ] as const) {
      const command = await askedOf(line);
      command.write(`${idNumber(1)}\r`);
      expect(await command.exited).toMatchObject({ code: 0 });
      expect(command.stdout()).toMatch(answer);
    }
  });

  it('says that nobody was named where the person gives up', async () => {
    for (const key of ['\u0003', '\u0004', '\r']) {
      const command = await askedOf('bar');
      command.write(key);
      expect(await command.exited).toMatchObject({ code: 1 });
      expect(command.stdout()).toContain('There is no code and no number in what was given.');
    }
  });
});

describe('two kiosks', () => {
  let one: RunningProcess;
  let other: RunningProcess;
  beforeEach(async () => {
    await folder.enrol('gate-a');
    await folder.enrol('gate-b');
    one = await startKiosk('gate-a');
    other = await startKiosk('gate-b');
    for (const kiosk of [one, other]) await kiosk.waitForLog('link.connected', startDeadlineMs);
  });

  async function both(change: () => Promise<unknown>): Promise<void> {
    await nextRules(one, () => nextRules(other, change));
  }

  it('take only those in who are expected today', async () => {
    const today = new Date(systemClock.nowMs() + 7 * 3_600_000).toISOString().slice(0, 10);
    const list = join(folder.dir, 'list.csv');
    writeFileSync(list, `\uFEFFHọ tên;Số giấy tờ\nNguyễn Văn A;${idNumber(1)}\nTrần Văn B;12345678901\n`);
    const expected = await rules(['expect', '--day', today, '--from', list]);
    expect(expected).toMatchObject({ code: 1, text: expect.stringMatching(/Expected on .*: 1\.\nline 3: 11 digits/) });
    await both(() => rules(['expected', 'refuse']));
    await scanUntil(one, idCard(2), 'refused not-expected');
    expect(await scan(one, idCard(1))).toBe('admitted ok');
    await both(() => rules(['expected', 'warn']));
    expect(await scan(other, idCard(2))).toBe('admitted ok not-expected');
    await both(() => rules(['expected', 'off']));
    expect(await scan(other, idCard(2))).toBe('admitted ok');
  });

  it('know of each other who has gone in, until they have not heard of each other for long', async () => {
    await both(() => rules(['passback', 'refuse']));
    await scanUntil(one, idCard(9), 'admitted ok');
    expect(await scan(one, idCard(1))).toBe('admitted ok');
    await scanUntil(other, idCard(1), 'refused passback');
    expect(await scan(other, idCard(2))).toBe('admitted ok');
    await scanUntil(one, idCard(2), 'refused passback');
    // A kiosk that comes anew hears who is inside.
    await other.kill('SIGTERM');
    other = await startKiosk('gate-b', { RAVAO_DATA_DIR: folder.kioskDir('gate-b-new') });
    await other.waitForLog('link.connected', startDeadlineMs);
    await scanUntil(other, idCard(1), 'refused passback');
    await other.kill('SIGTERM');
    // It goes out by another gate, and may come in again.
    other = await startKiosk('gate-b', { RAVAO_DATA_DIR: folder.kioskDir('gate-b-new'), RAVAO_DIRECTION: 'out' });
    await other.waitForLog('link.connected', startDeadlineMs);
    expect(await scan(other, idCard(1))).toBe('admitted ok');
    await scanUntil(one, idCard(1), 'admitted ok');
  });

  it('keep to one limit together, also after the gateway has started again, and let everybody out', async () => {
    await both(() => rules(['occupancy', '2']));
    expect(await scan(one, idCard(1))).toBe('admitted ok');
    await scanUntil(one, idCard(1), 'admitted ok');
    expect(await scan(other, idCard(2))).toBe('admitted ok');
    await scanUntil(one, idCard(3), 'refused full');
    await scanUntil(other, idCard(3), 'refused full');
    await gateway.kill('SIGTERM');
    const since = other.logs.length;
    await startGateway();
    await other.waitForLog('link.connected', startDeadlineMs, { since });
    await scanUntil(other, idCard(3), 'refused full');
    await rules(['occupancy', 'reset']);
    await scanUntil(other, idCard(3), 'admitted ok');
    expect(await rules(['show'])).toMatchObject({ code: 0, text: expect.stringContaining('at most 2, refuse') });
  });
});
