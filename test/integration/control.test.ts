/** Guards' cards from end to end: printed, read from the print, scanned, revoked, forged, and found in the audit. */
import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cardDayOf } from '../../shared/card.ts';
import { cardNumberOf, formatCardNumber } from '../../shared/card-number.ts';
import { type ControlAction, parseControlCard, signControlCard } from '../../shared/control-card.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { auditLines } from '../fakes/audit-lines.ts';
import { type LedFolder, makeLedFolder } from '../fakes/led-folder.ts';
import { readCodes, readCodesByZbar } from '../fakes/pdf-reader.ts';
import { type RunningProcess, runProcess, startProcess } from '../fakes/processes.ts';
import { openPtyPair, type PtyPair } from '../fakes/pty.ts';
import { controlCard, foreignIssuer } from '../fakes/signed-cards.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

/** What the site promises of a revocation, in milliseconds. */
const promisedMs = 5_000;
const patience = { timeout: startDeadlineMs, interval: 20 };
const actions = ['close', 'open', 'visitor', 'direction-out', 'test'] as const satisfies readonly ControlAction[];

let folder: SiteFolder;
let parts: AsyncDisposableStack;
let pty: PtyPair;
let leds: LedFolder;
let port: number;
let gateway: RunningProcess;
let kiosk: RunningProcess;
let cards: Readonly<Record<(typeof actions)[number], string>>;

beforeEach(async () => {
  parts = new AsyncDisposableStack();
  folder = parts.use(new SiteFolder());
  for (const name of ['gate-a', 'gate-b']) await folder.enrol(name);
  cards = await printCards('Chú Tư, cổng A');
  ({ gateway, port } = await folder.startGateway());
  parts.defer(() => gateway[Symbol.asyncDispose]());
  pty = parts.use(await openPtyPair());
  leds = parts.use(await makeLedFolder());
  // A kiosk that does not know what day it is refuses no card for its day.
  writeFileSync(join(folder.dir, 'timedatectl'), '#!/bin/sh\necho yes\n', { mode: 0o755 });
  kiosk = await startGate();
  parts.defer(() => kiosk[Symbol.asyncDispose]());
  await kiosk.waitForLog('rules.held', startDeadlineMs);
});
afterEach(() => parts.disposeAsync());

/** Prints a guard's cards and reads their codes from the paper. */
async function printCards(guard: string, ...more: string[]) {
  const out = join(folder.dir, 'guard.pdf');
  await folder.command(['cards', 'control', '--for', guard, '--actions', actions.join(','), '--out', out, ...more]);
  const texts = await readCodes(out);
  return Object.fromEntries(actions.map((action, index) => [action, texts[index] ?? ''])) as typeof cards;
}

async function startGate(): Promise<RunningProcess> {
  const started = await folder.startKiosk('gate-a', port, {
    PATH: `${folder.dir}:/usr/bin:/bin`,
    RAVAO_SCANNER: `serial:${pty.kioskPath}`,
    RAVAO_BOARD: `gpio-leds:${leds.root}`,
    RAVAO_REPEAT_MS: '0',
  });
  await started.waitForLog('scanner.found', startDeadlineMs);
  return started;
}

/** Shows a card, or a code of a person, and gives what the kiosk says of it. */
async function show(text: string) {
  const since = kiosk.logs.length;
  await pty.write(`${text}\r`);
  const isEvent = () => kiosk.logs.slice(since).find(({ event }) => ['control.used', 'scan.recorded'].includes(event));
  return vi.waitFor(() => isEvent() ?? expect.fail(kiosk.output()), patience);
}

/** The lines about cards in the audit. */
const uses = () => auditLines(folder.gatewayDir).filter(({ action }) => /^control\.(used|refused)$/.test(action));

const numberOf = (text: string) => formatCardNumber(cardNumberOf(parseControlCard(text)?.id ?? new Uint8Array(12)));

describe("a guard's cards", () => {
  it('close the gate, also over a kill, open it again, let a visitor pass, and turn it round: each in the audit', async () => {
    expect(await show(idCard(1))).toMatchObject({ outcome: 'admitted', direction: 'in' });
    expect(await show(cards.close)).toMatchObject({ action: 'close', outcome: 'admitted' });
    expect(await show(idCard(2))).toMatchObject({ outcome: 'refused', reason: 'gate-closed' });
    await vi.waitFor(
      async () => expect(await folder.command(['kiosks'])).toMatch(/^gate-a: .*GATE CLOSED .* since/),
      patience,
    );
    const [listed, other] = (await folder.command(['kiosks', '--format', 'json'])).trimEnd().split('\n');
    expect(JSON.parse(listed ?? '')).toMatchObject({ gate: 'closed', closedSince: uses()[0]?.what.at });
    expect(JSON.parse(other ?? '')).toMatchObject({ kiosk: 'gate-b', gate: null, closedSince: null });

    await kiosk.kill('SIGKILL');
    expect(await folder.command(['kiosks'])).toMatch(/^gate-a: .*GATE CLOSED/);
    kiosk = await startGate();
    await vi.waitFor(
      async () => expect(await leds.read()).toMatchObject({ red: true, yellow: false, green: false }),
      patience,
    );
    expect(await show(idCard(2))).toMatchObject({ outcome: 'refused', reason: 'gate-closed' });
    expect(await show(cards.open)).toMatchObject({ action: 'open' });
    expect(await show(idCard(2))).toMatchObject({ outcome: 'admitted', direction: 'in' });
    await vi.waitFor(
      async () => expect(await folder.command(['kiosks'])).toMatch(/^gate-a: .*, gate open\n/),
      patience,
    );
    expect(await show(cards.visitor)).toMatchObject({ action: 'visitor', outcome: 'admitted' });
    await vi.waitFor(async () => expect(await leds.read()).toMatchObject({ red: false, green: true }), patience);
    expect(await show(cards['direction-out'])).toMatchObject({ action: 'direction-out' });
    expect(await show(idCard(1))).toMatchObject({ outcome: 'admitted', direction: 'out' });
    expect(await show(cards.test)).toMatchObject({ action: 'test' });

    const done = ['close', 'open', 'visitor', 'direction-out', 'test'];
    await vi.waitFor(() => expect(uses().map(({ what }) => what.does)).toEqual(done), patience);
    expect(uses()[0]).toMatchObject({ action: 'control.used', what: { kiosk: 'gate-a', card: numberOf(cards.close) } });

    const entries = await folder.waitForEntries(10);
    expect(entries.filter(({ code }) => code.kind === 'visitor')).toMatchObject([
      { method: 'manual', outcome: 'admitted', subject: null, identity: null },
    ]);
    expect((await folder.check()).stdout).toContain('Nothing is missing.');
    const today = new Date(systemClock.nowMs() + 7 * 3_600_000).toISOString().slice(0, 10);
    const report = await folder.command(['report', '--day', today]);
    // Two came in with codes and one without; one went out. What the cards did is no scan of anybody.
    expect(report).toMatch(/Tổng số lượt,,,,,vào,3,/);
    expect(report).toMatch(/Khách không mã \(thẻ bảo vệ\),vào,1,/);
    expect(report).not.toContain('control');
  }, 90_000);

  it('that are photographed work until they are revoked, and then no more within five seconds', async () => {
    const photographed = cards.open;
    expect(await show(photographed)).toMatchObject({ action: 'open', outcome: 'admitted' });
    await folder.command(['cards', 'revoke', '--for', 'chú tư, cổng a', '--reason', 'stolen']);
    await kiosk.waitForLog('rules.held', promisedMs, { matches: ({ revoked }) => revoked === actions.length });
    expect(await show(photographed)).toMatchObject({ outcome: 'refused', reason: 'control-revoked' });
    await vi.waitFor(() => expect(uses().at(-1)?.action).toBe('control.refused'), patience);
    expect(uses().at(-1)?.what).toMatchObject({
      card: numberOf(photographed),
      does: 'open',
      reason: 'control-revoked',
    });
    const list = await folder.command(['cards', 'list']);
    expect(list.match(/revoked .* \(stolen\)/g)).toHaveLength(actions.length);
    expect(list).not.toContain('Tư');
  });

  it('of another site, made at home, out of date or for another kiosk do nothing, and stand in the audit', async () => {
    const own = parseControlCard(cards.open) ?? expect.fail();
    const key = createPrivateKey(readFileSync(join(folder.gatewayDir, 'trust', 'issuer.key.pem')));
    const today = cardDayOf(systemClock.nowMs());
    const foreign = controlCard('open', 1, { expiryDay: today + 9 }, foreignIssuer);
    const forged = controlCard('open', 1, { issuer: own.issuer, expiryDay: today + 9 }, foreignIssuer);
    const expired = signControlCard({ ...own, action: 'open', expiryDay: today - 1 }, key);
    const elsewhere = (await printCards('Anh Ba', '--kiosk', 'gate-b')).open;
    await show(cards.close);
    const tried = { foreign, forged, expired, elsewhere };
    for (const [name, text] of Object.entries(tried)) {
      expect(await show(text)).toMatchObject({ outcome: 'refused', reason: `control-${name}` });
    }
    expect(await show(idCard(1))).toMatchObject({ reason: 'gate-closed' });
    const refused = () => uses().filter(({ action }) => action === 'control.refused');
    await vi.waitFor(() => expect(refused()).toHaveLength(4), patience);
    expect(refused().map(({ what }) => what.reason)).toEqual(Object.keys(tried).map((name) => `control-${name}`));
    expect(refused().map(({ what }) => what.card)).toEqual([null, null, numberOf(cards.open), numberOf(elsewhere)]);
  });

  it('that somebody signed with the stolen key work, and are marked in the audit as in no register', async () => {
    const own = parseControlCard(cards.open) ?? expect.fail();
    const key = createPrivateKey(readFileSync(join(folder.gatewayDir, 'trust', 'issuer.key.pem')));
    const stolen = signControlCard({ ...own, id: Buffer.alloc(12, 7), action: 'open' }, key);
    await show(cards.close);
    expect(await show(stolen)).toMatchObject({ action: 'open', outcome: 'admitted' });
    await vi.waitFor(() => expect(uses()).toHaveLength(2), patience);
    expect(uses().map(({ what }) => what.unregistered)).toEqual([undefined, true]);
    expect(await folder.command(['audit'])).toMatch(
      new RegExp(`control\\.used .*${numberOf(stolen)}.* unregistered=true`),
    );
    expect(await folder.command(['audit', '--format', 'csv'])).toContain('""unregistered"":true');
    await gateway.waitForLog('control.unregistered', startDeadlineMs);
    expect((await folder.check()).stdout).toContain('The audit is whole.');
  });

  it('are in the audit once, when the gateway was away for them and is then killed again and again', async () => {
    await gateway.kill('SIGKILL');
    await kiosk.waitForLog('link.lost', startDeadlineMs);
    await show(cards.close);
    await show(cards.open);
    for (let killed = 0; killed < 4; killed++) {
      gateway = (await folder.startGateway({ RAVAO_MQTT_PORT: String(port) })).gateway;
      // At another moment each time: before the entries are there, between entry and audit, or after both.
      await vi.waitFor(() => expect(uses().length).toBeGreaterThanOrEqual(Math.min(killed, 2)), patience);
      await gateway.kill('SIGKILL');
    }
    gateway = (await folder.startGateway({ RAVAO_MQTT_PORT: String(port) })).gateway;
    await folder.waitForEntries(2);
    await show(cards.visitor);
    await vi.waitFor(() => expect(uses().at(-1)?.what.does).toBe('visitor'), patience);
    expect(uses().map(({ what }) => what.does)).toEqual(['close', 'open', 'visitor']);
    expect((await folder.check()).stdout).toContain('The audit is whole.');
  }, 90_000);

  it('enrol no kiosk, and do nothing at one that is not enrolled', async () => {
    const env = { RAVAO_DATA_DIR: folder.kioskDir('fresh'), RAVAO_SCANNER: 'stdin', RAVAO_BOARD: 'terminal' };
    await using fresh = await startProcess(['kiosk/main.ts'], { env });
    await fresh.waitForLog('enrol.waiting', startDeadlineMs);
    await fresh.write(`${cards.open}\n`);
    expect(await fresh.waitForLog('enrol.failed', startDeadlineMs)).toMatchObject({ reason: 'not-invitation' });
    expect(existsSync(join(folder.kioskDir('fresh'), 'outbox.db'))).toBe(false);
  });

  it('are read by two decoders, and told of by the command for installers, which does nothing of it', async () => {
    const printed = await readCodesByZbar(join(folder.dir, 'guard.pdf'));
    expect([...printed].sort()).toEqual(Object.values(cards).sort());
    const input = `${cards.close}\n${controlCard('open', 1, {}, foreignIssuer)}\n`;
    writeFileSync(join(folder.dir, 'input'), input);
    const shell = await runProcess(['-c', `${process.execPath} kiosk/main.ts read < ${join(folder.dir, 'input')}`], {
      command: 'sh',
      env: folder.kioskEnv('gate-a', 1),
    });
    const [known, foreign] = shell.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(known).toMatchObject({ control: { action: 'close' }, scoped: false, vi: 'Đóng cổng' });
    expect(foreign).toMatchObject({ refused: 'control-foreign' });
    expect(await show(idCard(1))).toMatchObject({ outcome: 'admitted' });
  });
});
