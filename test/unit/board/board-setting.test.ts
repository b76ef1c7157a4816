import { describe, expect, test } from 'vitest';
import { parseBoardSetting } from '../../../hardware/board/board-setting.ts';

const pins = { red: 10, yellow: 9, green: 8, buzzer: 7 };

describe('RAVAO_BOARD', () => {
  test.each([
    ['auto', { type: 'auto' }],
    ['terminal', { type: 'terminal' }],
    ['gpio-leds:/sys/class/leds', { type: 'gpio-leds', root: '/sys/class/leds' }],
    ['firmata:/dev/ttyUSB0', { type: 'firmata', path: '/dev/ttyUSB0', pins }],
    [
      'firmata:/dev/serial/by-id/usb-Arduino-if00',
      { type: 'firmata', path: '/dev/serial/by-id/usb-Arduino-if00', pins },
    ],
    ['firmata:/dev/ttyACM0?green=3', { type: 'firmata', path: '/dev/ttyACM0', pins: { ...pins, green: 3 } }],
    [
      'firmata:/dev/ttyUSB0?red=2&yellow=3&green=4&buzzer=5',
      { type: 'firmata', path: '/dev/ttyUSB0', pins: { red: 2, yellow: 3, green: 4, buzzer: 5 } },
    ],
  ])('reads %s', (text, value) => {
    expect(parseBoardSetting(text)).toEqual({ value });
  });

  test.each([
    ['', 'none of auto'],
    ['Terminal', 'none of auto'],
    ['terminal:', 'none of auto'],
    ['arduino:/dev/ttyUSB0', 'none of auto'],
    ['gpio-leds', 'needs a folder'],
    ['gpio-leds:leds', 'needs a folder'],
    ['firmata:', 'needs a serial port'],
    ['firmata:COM3', 'needs a serial port'],
    ['firmata:/dev/ttyUSB0?blue=3', 'knows no "blue"'],
    ['firmata:/dev/ttyUSB0?red=1', 'needs a pin from 2 to 127 for red'],
    ['firmata:/dev/ttyUSB0?red=128', 'needs a pin from 2 to 127 for red'],
    ['firmata:/dev/ttyUSB0?red=A0', 'not "A0"'],
    ['firmata:/dev/ttyUSB0?red=', 'not ""'],
    ['firmata:/dev/ttyUSB0?red=9', 'gives one pin to two outputs'],
  ])('refuses %s and says what it was and why', (text, reason) => {
    const parsed = parseBoardSetting(text);
    expect(parsed).toHaveProperty('problem');
    const problem = 'problem' in parsed ? parsed.problem : '';
    expect(problem).toContain(`"${text}"`);
    expect(problem).toContain(reason);
  });
});
