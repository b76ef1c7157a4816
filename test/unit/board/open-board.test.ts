import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { BoardSetting } from '../../../hardware/board/board-setting.ts';
import { openBoard } from '../../../hardware/board/open-board.ts';
import { makeLedFolder } from '../../fakes/led-folder.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const terminal = Object.assign(new EventEmitter(), { isTTY: false, write: () => true });

function open(setting: BoardSetting, ledsRoot: string) {
  const deps = { clock: new VirtualClock(), chance: seededChance(1), log: new RecordingLog(), terminal, color: false };
  return openBoard(setting, { ...deps, ledsRoot });
}

test('auto takes the LEDs of the machine where they are set up, else the terminal', async () => {
  await using leds = await makeLedFolder();
  await using onLeds = open({ type: 'auto' }, leds.root);
  expect(onLeds.name).toBe(`gpio-leds:${leds.root}`);
  await leds.unplug();
  await using onTerminal = open({ type: 'auto' }, leds.root);
  expect(onTerminal.name).toBe('terminal');
});

test('a board that is not there is waited for, not an error', async () => {
  const pins = { red: 10, yellow: 9, green: 8, buzzer: 7 };
  await using onLeds = open({ type: 'gpio-leds', root: '/nowhere/leds' }, '/nowhere');
  await using onArduino = open({ type: 'firmata', path: '/nowhere/tty', pins }, '/nowhere');
  expect([onLeds.health, onArduino.health]).toEqual(['lost', 'lost']);
});
