import { describe, expect, it } from 'vitest';
import { describeReadings } from '../../../kiosk/read-command.ts';
import { nothingKnown } from '../../../shared/code/known.ts';
import { Fault } from '../../../shared/fault.ts';
import type { Reading } from '../../../shared/ports.ts';

const full = '001090000000|NGUYỄN VĂN A|1990-01-18|0|162900000000000000|<1<HS4010000000000<0900000000|more';

async function describeAll(readings: readonly Reading[], clear = false) {
  async function* all() {
    yield* readings;
  }
  const described: unknown[] = [];
  for await (const line of describeReadings(all(), () => nothingKnown, { clear })) {
    expect(line).toMatch(/^[^\n]+\n$/);
    described.push(JSON.parse(line));
  }
  return described;
}

const frame = (text: string, aim: string | null = null): Reading => ({ type: 'frame', text, aim });

describe('what read says', () => {
  it('of a personal code, its names and numbers masked', async () => {
    expect(await describeAll([frame(full, ']Q1')])).toEqual([
      {
        kind: 'personal-qr',
        verified: false,
        warnings: [],
        number: '*********000',
        name: 'N*** V*** A***',
        birthYear: 1990,
        sex: 'male',
        phone: '*******000',
        extras: ['***'],
        aim: ']Q1',
      },
    ]);
  });

  it('of a personal code in clear, when that is asked for', async () => {
    expect(await describeAll([frame(full)], true)).toEqual([
      {
        kind: 'personal-qr',
        verified: false,
        warnings: [],
        number: '001090000000',
        name: 'NGUYỄN VĂN A',
        normalName: 'NGUYEN VAN A',
        birthYear: 1990,
        sex: 'male',
        phone: '0900000000',
        extras: ['more'],
      },
    ]);
  });

  it('of a short number, nothing that could be guessed from', async () => {
    const address = 'https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=12345';
    expect(await describeAll([frame(address)])).toMatchObject([{ kind: 'hcmc-result', number: '*****' }]);
  });

  it('of when an insurance card ends', async () => {
    const card = '0100000000|41|01/01/2000|1|-|01 - 028|01/01/2024|31/12/2026|01/01/2024|$';
    expect(await describeAll([frame(card)])).toMatchObject([{ expires: '2026-12-31', warnings: ['expiry-unchecked'] }]);
  });

  it('of what is no personal code, why not, in both languages', async () => {
    expect(await describeAll([frame('https://example.org/')])).toEqual([
      {
        refused: 'web-address',
        vi: expect.stringMatching(/^Đây là liên kết web/),
        en: expect.stringMatching(/^This is a web address/),
      },
    ]);
  });

  it('of readings without a text, what the scanner is to be set to; of noise, nothing', async () => {
    const readings: readonly Reading[] = [
      { type: 'found', device: 'stdin' },
      { type: 'discarded', reason: 'undecodable', bytes: 90, digest: 'd' },
      { type: 'discarded', reason: 'overlong', bytes: 9000, digest: 'd' },
      { type: 'noise', bytes: 3 },
      { type: 'lost', fault: new Fault('SCANNER_LOST', 'gone') },
    ];
    expect(await describeAll(readings)).toMatchObject([
      { refused: 'scanner-not-utf8', bytes: 90 },
      { refused: 'code-too-long', bytes: 9000 },
    ]);
  });
});
