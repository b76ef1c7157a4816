import { describe, expect, it } from 'vitest';
import { parseBoardSetting } from '../../../hardware/board/board-setting.ts';
import { parseScannerSetting } from '../../../hardware/scanner/scanner-setting.ts';
import { readKioskConfig } from '../../../kiosk/config.ts';
import type { Fault } from '../../../shared/fault.ts';

const parsers = { scanner: parseScannerSetting, board: parseBoardSetting };
const required = { RAVAO_GATEWAY_URL: 'mqtts://gateway.example:8883', RAVAO_CREDENTIALS: '/etc/ravao' };

/** The message of the fault that reading the environment ends in. */
function problemsOf(environment: Record<string, string>): string {
  try {
    readKioskConfig(environment, parsers);
  } catch (error) {
    expect((error as Fault).code).toBe('CONFIG_INVALID');
    return (error as Fault).message;
  }
  throw new Error('the environment was accepted');
}

describe("a kiosk's configuration", () => {
  it('needs nothing: without credentials a kiosk waits to be enrolled', () => {
    expect(readKioskConfig({ RAVAO_DATA_DIR: '/data' }, parsers)).toMatchObject({
      gateway: null,
      credentialsDir: '/data/credentials',
      mayEnrol: true,
    });
  });

  it('waits for no invitation where the credentials are named', () => {
    expect(readKioskConfig(required, parsers)).toEqual({
      dataDir: './data/kiosk',
      kioskId: null,
      gate: null,
      direction: null,
      gateway: { host: 'gateway.example', port: 8883 },
      credentialsDir: '/etc/ravao',
      mayEnrol: false,
      mdns: true,
      scanner: { type: 'auto' },
      board: { type: 'auto' },
      repeatWindowMs: 5000,
      certificateSigners: new Map(),
      logLevel: 'info',
    });
  });

  it('cannot be changed once it is read', () => {
    expect(Object.isFrozen(readKioskConfig(required, parsers))).toBe(true);
  });

  it('takes a variable that is set to nothing as unset', () => {
    expect(readKioskConfig({ ...required, RAVAO_GATE: '', RAVAO_REPEAT_MS: '' }, parsers)).toMatchObject({
      gate: null,
      repeatWindowMs: 5000,
    });
  });

  it('lists every problem at once, each with its variable', () => {
    const message = problemsOf({
      RAVAO_KIOSK_ID: '../gate',
      RAVAO_DIRECTION: 'sideways',
      RAVAO_GATEWAY_URL: 'mqtt://gateway',
      RAVAO_SCANNER: 'usb',
      RAVAO_BOARD: 'lamp',
      RAVAO_REPEAT_MS: 'soon',
      RAVAO_LOG_LEVEL: 'loud',
      RAVAO_CERTIFICATE_SIGNERS: '/nowhere/at/all',
    });
    for (const variable of [
      'KIOSK_ID',
      'DIRECTION',
      'GATEWAY_URL',
      'SCANNER',
      'BOARD',
      'REPEAT_MS',
      'LOG_LEVEL',
      'CERTIFICATE_SIGNERS',
    ]) {
      expect(message).toContain(`\n  RAVAO_${variable} `);
    }
  });

  it.each([
    ['mqtts://gateway', { host: 'gateway', port: 8883 }],
    ['mqtts://192.0.2.7:1234', { host: '192.0.2.7', port: 1234 }],
    ['mqtts://[2001:db8::1]:8883', { host: '2001:db8::1', port: 8883 }],
  ])('reads the gateway %s', (url, gateway) => {
    expect(readKioskConfig({ ...required, RAVAO_GATEWAY_URL: url }, parsers).gateway).toEqual(gateway);
  });

  it.each(['mqtt://gateway:1883', 'https://gateway', 'gateway:8883', 'mqtts://'])('refuses the gateway %s', (url) => {
    expect(problemsOf({ ...required, RAVAO_GATEWAY_URL: url })).toContain(JSON.stringify(url));
  });

  it.each(['-1', '1.5', '3600001'])('refuses a repeat window of %s', (text) => {
    expect(problemsOf({ ...required, RAVAO_REPEAT_MS: text })).toContain('RAVAO_REPEAT_MS');
  });
});
