import { describe, expect, it, vi } from 'vitest';
import { makeLedFolder } from '../fakes/led-folder.ts';
import type { RunningProcess } from '../fakes/processes.ts';
import { openPtyPair } from '../fakes/pty.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

const patience = { timeout: startDeadlineMs, interval: 20 };

function recorded(kiosk: RunningProcess, seq: number) {
  return kiosk.waitForLog('scan.recorded', startDeadlineMs, { matches: (fields) => fields.seq === seq });
}

describe('a gate with a serial scanner and lights', () => {
  it('goes from bytes on the line to the stored entry, by way of the green light', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    await using pty = await openPtyPair();
    await using leds = await makeLedFolder();
    const devices = { RAVAO_SCANNER: `serial:${pty.kioskPath}`, RAVAO_BOARD: `gpio-leds:${leds.root}` };
    await using kiosk = await folder.startKiosk('gate-a', port, {
      ...devices,
      RAVAO_GATE: 'Cổng A',
      RAVAO_DIRECTION: 'out',
    });
    await kiosk.waitForLog('scanner.found', startDeadlineMs);
    await kiosk.waitForLog('link.connected', startDeadlineMs);

    await pty.write(`\u0002${idCard(1)}\r\n`);
    await vi.waitFor(async () => expect(await leds.read()).toMatchObject({ red: false, green: true }), patience);
    await vi.waitFor(async () => expect((await leds.read()).green).toBe(false), patience);
    const [entry] = await folder.waitForEntries(1);
    expect(entry).toMatchObject({ kiosk: 'gate-a', gate: 'Cổng A', direction: 'out', outcome: 'admitted', seq: 1 });

    await pty.write(']Q1https://example.org/\r');
    await vi.waitFor(async () => expect(await leds.read()).toMatchObject({ red: true, green: false }), patience);
    await recorded(kiosk, 2);

    // Three people at once, in pieces, without a wait.
    const cards = Buffer.from(`${idCard(2)}\r${idCard(3)}\r${idCard(4)}\r`);
    for (let at = 0; at < cards.length; at += 50) await pty.write(cards.subarray(at, at + 50));
    await recorded(kiosk, 5);
    expect((await folder.waitForEntries(5)).map(({ outcome }) => outcome)).toEqual([
      'admitted',
      'refused',
      'admitted',
      'admitted',
      'admitted',
    ]);
    expect((await kiosk.kill('SIGTERM')).code).toBe(0);
    expect(await leds.read()).toEqual({ red: false, yellow: false, green: false, buzzer: false });
  });

  it('says that the scanner is gone, and goes on when it is back', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    await using pty = await openPtyPair();
    await using leds = await makeLedFolder();
    const devices = { RAVAO_SCANNER: `serial:${pty.kioskPath}`, RAVAO_BOARD: `gpio-leds:${leds.root}` };
    await using kiosk = await folder.startKiosk('gate-a', 1, devices);
    await kiosk.waitForLog('scanner.found', startDeadlineMs);
    await pty.write(idCard(1).slice(0, 40));
    await pty.unplug();
    await kiosk.waitForLog('scanner.lost', startDeadlineMs);
    await vi.waitFor(async () => expect((await leds.read()).red).toBe(true), patience);
    const since = kiosk.logs.length;
    await pty.replug();
    await kiosk.waitForLog('scanner.found', startDeadlineMs, { since });
    await pty.write(`${idCard(2)}\r`);
    // The torn card is no scan, or one of its own where the silence before the loss ended it: never glued to the next.
    const admitted = await kiosk.waitForLog('scan.recorded', startDeadlineMs, {
      since,
      matches: ({ outcome }) => outcome === 'admitted',
    });
    expect(admitted.seq).toBeLessThanOrEqual(2);
  });

  it.each([
    ['whose LEDs vanish', async () => makeLedFolder()],
    ['whose Arduino never answers', async () => openPtyPair()],
  ])('goes on scanning with a board %s', async (_title, makeBoard) => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    await using pty = await openPtyPair();
    await using board = await makeBoard();
    const setting = 'root' in board ? `gpio-leds:${board.root}` : `firmata:${board.kioskPath}`;
    const devices = { RAVAO_SCANNER: `serial:${pty.kioskPath}`, RAVAO_BOARD: setting };
    await using kiosk = await folder.startKiosk('gate-a', 1, devices);
    await kiosk.waitForLog('scanner.found', startDeadlineMs);
    await pty.write(`${idCard(1)}\r`);
    await recorded(kiosk, 1);
    await board.unplug();
    await pty.write(`${idCard(2)}\r`);
    await recorded(kiosk, 2);
    expect(await kiosk.waitForLog('board.lost', startDeadlineMs)).toMatchObject({ fault: 'BOARD_LOST' });
    await pty.write(`${idCard(3)}\r`);
    await recorded(kiosk, 3);
    expect((await kiosk.kill('SIGTERM')).code).toBe(0);
  });
});
