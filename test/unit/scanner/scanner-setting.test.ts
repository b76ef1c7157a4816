import { describe, expect, it } from 'vitest';
import { parseScannerSetting } from '../../../hardware/scanner/scanner-setting.ts';

describe('RAVAO_SCANNER', () => {
  it.each([
    ['auto', { type: 'auto' }],
    ['stdin', { type: 'stdin' }],
    ['serial:/dev/ttyACM0', { type: 'serial', path: '/dev/ttyACM0', baudRate: 9600 }],
    ['serial:/dev/ttyACM0?baud=115200', { type: 'serial', path: '/dev/ttyACM0', baudRate: 115_200 }],
    [
      'serial:/dev/serial/by-id/usb-Honeywell_1900:1-if00',
      { type: 'serial', path: '/dev/serial/by-id/usb-Honeywell_1900:1-if00', baudRate: 9600 },
    ],
  ])('%s names a scanner', (text, value) => {
    expect(parseScannerSetting(text)).toEqual({ value });
  });

  it.each([
    ['', 'is none of auto, stdin or serial:/dev/ttyACM0?baud=9600'],
    ['AUTO', 'is none of'],
    ['/dev/ttyACM0', 'is none of'],
    ['serial', 'is none of'],
    ['serial:', 'needs a serial port'],
    ['serial:ttyACM0', 'needs a serial port'],
    ['serial:/dev/ttyACM0?speed=9600', 'knows no "speed"'],
    ['serial:/dev/ttyACM0?baud=fast', 'needs a baud of 1200, '],
    ['serial:/dev/ttyACM0?baud=-1', 'needs a baud'],
    ['serial:/dev/ttyACM0?baud=', 'needs a baud'],
    ['serial:/dev/ttyACM0?baud=9601', 'needs a baud'],
  ])('%j is refused with what is wrong', (text, reason) => {
    const parsed = parseScannerSetting(text);
    expect(parsed).toEqual({ problem: expect.stringContaining(reason) });
    expect(parsed).toEqual({ problem: expect.stringContaining(JSON.stringify(text)) });
  });
});
