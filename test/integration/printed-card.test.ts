/** A printed card from end to end: issued, printed, read from the print, scanned, revoked. */
import { strict as assert } from 'node:assert';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { cardDayOf, parseCard, signCard } from '../../shared/card.ts';
import { cardNumberOf, formatCardNumber } from '../../shared/card-number.ts';
import { refusalTexts } from '../../shared/code/refusal-texts.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { type LedFolder, makeLedFolder } from '../fakes/led-folder.ts';
import { readCodes } from '../fakes/pdf-reader.ts';
import { type RunningProcess, runProcess } from '../fakes/processes.ts';
import { openPtyPair, type PtyPair } from '../fakes/pty.ts';
import { foreignIssuer, signedCard } from '../fakes/signed-cards.ts';
import { SiteFolder, startDeadlineMs } from '../fakes/site.ts';

/** What the site promises of a revocation, in milliseconds. */
const promisedMs = 5_000;

const patience = { timeout: startDeadlineMs, interval: 20 };

let folder: SiteFolder;
let parts: AsyncDisposableStack;
let pty: PtyPair;
let leds: LedFolder;
let kiosk: RunningProcess;

beforeEach(async () => {
  parts = new AsyncDisposableStack();
  folder = parts.use(new SiteFolder());
  await folder.enrol('gate-a');
  const { gateway, port } = await folder.startGateway();
  parts.use(gateway);
  pty = parts.use(await openPtyPair());
  leds = parts.use(await makeLedFolder());
  // A kiosk that does not know what day it is refuses no card for its day.
  writeFileSync(join(folder.dir, 'timedatectl'), '#!/bin/sh\necho yes\n', { mode: 0o755 });
  const PATH = `${folder.dir}:/usr/bin:/bin`;
  const devices = {
    PATH,
    RAVAO_SCANNER: `serial:${pty.kioskPath}`,
    RAVAO_BOARD: `gpio-leds:${leds.root}`,
    RAVAO_REPEAT_MS: '0',
  };
  kiosk = parts.use(await folder.startKiosk('gate-a', port, devices));
  await kiosk.waitForLog('scanner.found', startDeadlineMs);
  await kiosk.waitForLog('link.connected', startDeadlineMs);
});
afterEach(() => parts.disposeAsync());

/** Issues a card and reads its code from the print. */
async function issue(name: string): Promise<string> {
  const out = join(folder.dir, 'cards.pdf');
  await folder.command(['cards', 'issue', '--out', out], `name: ${name}\nbirth_year: 1950\n`);
  const [text = ''] = await readCodes(out);
  await kiosk.waitForLog('rules.held', startDeadlineMs, { matches: ({ issued }) => issued === 1 });
  return text;
}

async function scan(text: string) {
  const since = kiosk.logs.length;
  await pty.write(`${text}\r`);
  return kiosk.waitForLog('scan.recorded', startDeadlineMs, { since });
}

it('turns the light green, scanned and typed as the same person, until it is revoked: red within five seconds', async () => {
  const text = await issue('Nguyễn Thị Bích Phượng');
  expect(await scan(text)).toMatchObject({ outcome: 'admitted', kind: 'ravao-card' });
  await vi.waitFor(async () => expect(await leds.read()).toMatchObject({ red: false, green: true }), patience);
  const number = formatCardNumber(cardNumberOf(parseCard(text)?.id ?? new Uint8Array(12)));
  expect(await scan(number)).toMatchObject({ outcome: 'admitted', kind: 'ravao-card-number' });

  await folder.command(['cards', 'revoke', number, '--reason', 'lost']);
  await kiosk.waitForLog('rules.held', promisedMs, { matches: ({ revoked }) => revoked === 1 });
  expect(await scan(text)).toMatchObject({ outcome: 'refused', reason: 'card-revoked' });
  await vi.waitFor(async () => expect(await leds.read()).toMatchObject({ red: true, green: false }), patience);
  expect(await scan(number)).toMatchObject({ outcome: 'refused', reason: 'card-revoked' });

  const [scanned, typed, ...refused] = await folder.waitForEntries(4);
  expect(scanned).toMatchObject({ code: { kind: 'ravao-card', verified: true } });
  expect(typed).toMatchObject({ code: { kind: 'ravao-card-number', verified: false }, subject: scanned?.subject });
  expect(refused.map(({ outcome, reason, subject }) => [outcome, reason, subject])).toEqual([
    ['refused', 'card-revoked', null],
    ['refused', 'card-revoked', null],
  ]);
});

it('is refused with a reason of its own where it is forged, expired or of another site', async () => {
  const text = await issue('Trần Văn B');
  const forged = `${text.slice(0, 60)}${text[60] === 'A' ? 'B' : 'A'}${text.slice(61)}`;
  expect(await scan(forged)).toMatchObject({ outcome: 'refused', reason: 'card-forged' });
  const key = createPrivateKey(readFileSync(join(folder.gatewayDir, 'trust', 'issuer.key.pem')));
  const own = parseCard(text);
  assert(own !== null);
  const expired = signCard({ ...own, expiryDay: cardDayOf(systemClock.nowMs()) - 1 }, key);
  expect(await scan(expired)).toMatchObject({ outcome: 'refused', reason: 'card-expired' });
  const foreign = signedCard(1, { expiryDay: cardDayOf(systemClock.nowMs()) + 100 }, foreignIssuer);
  expect(await scan(foreign)).toMatchObject({ outcome: 'refused', reason: 'card-issuer-unknown' });
  // A wrong card never blocks the next.
  expect(await scan(text)).toMatchObject({ outcome: 'admitted' });
});

it('is told of in Vietnamese by the command for installers, with what this kiosk knows', async () => {
  const text = await issue('Lê Thị C');
  const number = formatCardNumber(cardNumberOf(parseCard(text)?.id ?? new Uint8Array(12)));
  await folder.command(['cards', 'revoke', number]);
  await kiosk.waitForLog('rules.held', promisedMs, { matches: ({ revoked }) => revoked === 1 });
  const shell = await runProcess(['-c', `echo '${text}' | ${process.execPath} kiosk/main.ts read`], {
    command: 'sh',
    env: folder.kioskEnv('gate-a', 1),
  });
  expect(JSON.parse(shell.stdout)).toEqual({ refused: 'card-revoked', ...refusalTexts['card-revoked'] });
});
