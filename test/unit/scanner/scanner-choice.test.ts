import { describe, expect, it } from 'vitest';
import { chooseScanner, type SerialDevice } from '../../../hardware/scanner/scanner-choice.ts';

function device(path: string, changes: Partial<SerialDevice> = {}): SerialDevice {
  return { path, byId: null, vendorId: '', description: '', ...changes };
}

const honeywell = device('/dev/ttyACM1', {
  vendorId: '0c2e',
  byId: '/dev/serial/by-id/usb-Honeywell_Imaging___Mobility_1900_12345-if00',
});
const arduino = device('/dev/ttyACM0', {
  vendorId: '2341',
  byId: '/dev/serial/by-id/usb-Arduino__www.arduino.cc__0043_5573-if00',
  description: 'Arduino (www.arduino.cc)',
});

describe('auto takes', () => {
  it.each(['0c2e', '05e0', '05f9', '1eab', '0488'])('a device of the scanner vendor %s', (vendorId) => {
    expect(chooseScanner([device('/dev/ttyACM0', { vendorId })], [])).toBe('/dev/ttyACM0');
  });

  it('the path that stays the same, where there is one', () => {
    expect(chooseScanner([arduino, honeywell], [])).toBe(honeywell.byId);
  });

  it.each([
    ['0403', 'FTDI Barcode Scanner'],
    ['1a86', 'QR_Bar_Code'],
    ['10c4', 'Silicon Labs SCANNER'],
    ['28e9', 'BF SCAN CDC'],
    ['', 'Datalogic ADC, Inc. Handheld'],
  ])('a device of the vendor "%s" that calls itself %s', (vendorId, description) => {
    expect(chooseScanner([device('/dev/ttyUSB0', { vendorId, description })], [])).toBe('/dev/ttyUSB0');
  });

  it('a device whose link in by-id says what it is', () => {
    const byId = '/dev/serial/by-id/usb-USBKey_Chip_USBKey_Scanner_202730041341-if00';
    expect(chooseScanner([device('/dev/ttyACM0', { byId })], [])).toBe(byId);
  });

  it('a known vendor before a telling name, and otherwise the same one in whatever order they are listed', () => {
    const named = device('/dev/ttyACM0', { description: 'Barcode Scanner' });
    const second = device('/dev/ttyACM2', { vendorId: '05e0' });
    expect(chooseScanner([named, second], [])).toBe('/dev/ttyACM2');
    expect(chooseScanner([second, honeywell], [])).toBe(chooseScanner([honeywell, second], []));
  });
});

describe('auto leaves alone', () => {
  it.each([
    ['an Arduino', arduino],
    ['an Arduino that calls itself a scanner', { ...arduino, vendorId: '2a03', description: 'Barcode Scanner' }],
    ['a board behind a chip of a scanner vendor', device('/dev/ttyACM0', { vendorId: '0488', description: 'Arduino' })],
    ['a nameless CH340', device('/dev/ttyUSB0', { vendorId: '1a86', description: 'QinHeng USB Serial' })],
    ['a nameless FTDI', device('/dev/ttyUSB0', { vendorId: '0403', description: 'FTDI FT232R USB UART' })],
    ['a modem', device('/dev/ttyUSB0', { vendorId: '12d1', description: 'HUAWEI Mobile' })],
    ['a thing that was scanned for', device('/dev/ttyUSB0', { description: 'Scandinavian Microsystems' })],
  ])('%s', (_, other) => {
    expect(chooseScanner([other], [])).toBeNull();
  });

  it('what belongs to the board, under either of its paths', () => {
    expect(chooseScanner([honeywell], [honeywell.path])).toBeNull();
    expect(chooseScanner([honeywell], [String(honeywell.byId)])).toBeNull();
    expect(chooseScanner([honeywell], ['/dev/ttyACM0'])).toBe(honeywell.byId);
  });

  it('nothing, where there is nothing', () => {
    expect(chooseScanner([], [])).toBeNull();
  });
});
