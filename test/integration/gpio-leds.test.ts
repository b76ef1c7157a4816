import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GpioLeds } from '../../hardware/board/gpio-leds.ts';
import { createIndicator } from '../../hardware/indicator/five-indicator.ts';
import { frameAt } from '../../hardware/indicator/signals.ts';
import { describeBoard } from '../contract/board.ts';
import { type LedFolder, makeLedFolder } from '../fakes/led-folder.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

async function openBench() {
  const leds = await makeLedFolder();
  const clock = new VirtualClock();
  const io = new GpioLeds({ root: leds.root, clock, chance: seededChance(1), log: new RecordingLog() });
  return {
    io,
    async waitFor(outputs: unknown) {
      expect(await leds.read()).toEqual(outputs);
    },
    unplug: leds.unplug,
    async waitForLoss() {},
    async replug() {
      await leds.replug();
      await clock.advance(10_000);
    },
    async [Symbol.asyncDispose]() {
      await io[Symbol.asyncDispose]();
      await leds[Symbol.asyncDispose]();
    },
  };
}

describeBoard('a folder of LEDs', openBench, true);

describe('an indicator on a folder of LEDs', () => {
  let leds: LedFolder;
  let clock: VirtualClock;
  let log: RecordingLog;

  beforeEach(async () => {
    leds = await makeLedFolder();
    clock = new VirtualClock();
    log = new RecordingLog();
  });

  afterEach(() => leds[Symbol.asyncDispose]());

  const open = () => {
    const io = new GpioLeds({ root: leds.root, clock, chance: seededChance(1), log });
    return createIndicator({ io, clock, log });
  };
  const boardEvents = () => log.events.filter((event) => event.startsWith('board.'));

  test('plays every instant of a scan as the table says, and falls back to the state', async () => {
    await using indicator = open();
    indicator.show('ready');
    for (const moment of ['heard', 'admitted', 'heard', 'repeat', 'heard', 'refused'] as const) {
      indicator.show(moment);
      for (let elapsedMs = 0; elapsedMs < 700; elapsedMs += 50) {
        expect(await leds.read(), `${moment} after ${elapsedMs} ms`).toEqual(frameAt(moment, elapsedMs)?.outputs);
        await clock.advance(50);
      }
    }
    await clock.advance(3000);
    const shown = log.lines.filter((line) => line.event === 'indicator.shown').map((line) => line.fields.signal);
    expect(shown).toEqual(['ready', 'heard', 'admitted', 'heard', 'repeat', 'heard', 'refused', 'ready']);
  });

  test('has lit yellow when show("heard") returns', async () => {
    await using indicator = open();
    indicator.show('heard');
    expect((await readFile(leds.file('yellow', 'brightness'), 'utf8')).trim()).toBe('255');
  });

  test('takes the LEDs from the kernel and starts dark, whatever an earlier run left lit', async () => {
    await writeFile(leds.file('green', 'brightness'), '255\n');
    await using _indicator = open();
    expect(await readFile(leds.file('green', 'brightness'), 'utf8')).toBe('0');
    expect(await readFile(leds.file('green', 'trigger'), 'utf8')).toBe('none');
  });

  test('lights a LED without trigger and max_brightness with 1', async () => {
    await rm(leds.file('red', 'trigger'));
    await rm(leds.file('red', 'max_brightness'));
    await using indicator = open();
    indicator.show('refused');
    expect(await readFile(leds.file('red', 'brightness'), 'utf8')).toBe('1');
  });

  test('waits for LEDs that are not there, logging BOARD_LOST once, and creates no file of its own', async () => {
    await leds.unplug();
    await using indicator = open();
    for (let scan = 0; scan < 50; scan++) {
      indicator.show('heard');
      indicator.show('admitted');
      await clock.advance(2000);
    }
    expect(indicator.board).toBe('lost');
    expect(log.lines.filter((line) => line.event === 'board.lost')).toMatchObject([
      { fields: { fault: 'BOARD_LOST' } },
    ]);
    expect(clock.timers).toBeLessThanOrEqual(2);
    await leds.replug();
    indicator.show('fault');
    await clock.advance(10_000);
    expect(indicator.board).toBe('working');
    expect(boardEvents()).toEqual(['board.lost', 'board.found']);
  });

  test('notices at the next blink that one LED vanished, and logs each loss once', async () => {
    await using indicator = open();
    indicator.show('ready');
    for (let round = 0; round < 3; round++) {
      await clock.advance(3000);
      await rm(leds.file('yellow', 'brightness'));
      await clock.advance(3100);
      expect(indicator.board).toBe('lost');
      await writeFile(leds.file('yellow', 'brightness'), '0');
      await clock.advance(10_000);
      expect(indicator.board).toBe('working');
    }
    expect(boardEvents()).toEqual([
      'board.found',
      ...Array.from({ length: 3 }, () => ['board.lost', 'board.found']).flat(),
    ]);
  });

  test('leaves all LEDs dark and no timer when it is disposed twice in the middle of a beep', async () => {
    const indicator = open();
    indicator.show('fault');
    indicator.show('admitted');
    await indicator[Symbol.asyncDispose]();
    await indicator[Symbol.asyncDispose]();
    indicator.show('admitted');
    expect(await leds.read()).toEqual({ red: false, yellow: false, green: false, buzzer: false });
    expect(clock.timers).toBe(0);
  });
});
