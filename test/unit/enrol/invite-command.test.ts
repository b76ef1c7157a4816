import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { qrMatrix } from '../../../gateway/cards/qr-matrix.ts';
import { gatewayAddresses } from '../../../gateway/enrol/gateway-addresses.ts';
import { runInvite } from '../../../gateway/enrol/invite-command.ts';
import { deriveKioskId } from '../../../gateway/enrol/kiosk-id.ts';
import { drawInTerminal } from '../../../gateway/enrol/terminal-code.ts';
import { decodeInvitation } from '../../../shared/invitation.ts';
import { kioskIdSchema } from '../../../shared/topics.ts';
import { readCodes, readWords } from '../../fakes/pdf-reader.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { readQrCodes } from '../../fakes/zxing.ts';

/** What a terminal's cells look like, eight pixels a module. @param inkIsDark whether letters are dark on light. */
function paint(text: string, inkIsDark: boolean) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal
  const letters = text.replace(/\u001b\[[\d;]*m/g, '');
  const lines = letters.split('\n').filter((line) => line !== '');
  const scale = 8;
  const width = Math.max(...lines.map((line) => line.length)) * scale;
  const height = lines.length * 2 * scale;
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = lines[Math.floor(y / scale / 2)]?.[Math.floor(x / scale)] ?? ' ';
      const inked = cell === '█' || cell === (Math.floor(y / scale) % 2 === 0 ? '▀' : '▄');
      if (inked === inkIsDark) data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return { data, width, height, colorSpace: 'srgb' as const };
}

describe('a code in a terminal', () => {
  it.each([true, false])('is read by a decoder (colours: %s)', async (color) => {
    const text = `RVE1:${'A0$:'.repeat(60)}`;
    const drawn = drawInTerminal(qrMatrix(text, 'L'), color);
    expect(await readQrCodes(paint(drawn, color))).toMatchObject([{ text }]);
    expect(drawn.includes('\u001b')).toBe(color);
  });
});

describe('an id for a kiosk that nobody named', () => {
  it.each([
    ['Cổng A', 'cong-a'],
    ['  Cổng Đông – số 2 ', 'cong-dong-so-2'],
    ['正門', 'gate'],
    ['../../etc', 'etc'],
    ['a'.repeat(60), 'a'.repeat(56)],
  ])('of %s is %s', (gate, id) => expect(deriveKioskId(gate, new Set())).toBe(id));

  it('is an id, and another one each time', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }), (gates) => {
        const taken = new Set<string>();
        for (const gate of [...gates, ...gates]) {
          const id = deriveKioskId(gate, taken);
          expect(taken.has(id)).toBe(false);
          taken.add(kioskIdSchema.parse(id));
        }
      }),
    );
  });
});

describe("a gateway's addresses", () => {
  const machine = {
    hostname: 'Cong-Truoc.example',
    interfaces: {
      lo: [{ address: '127.0.0.1', internal: true }],
      docker0: [{ address: '172.17.0.1', internal: false }],
      eth0: [
        { address: '192.168.7.20', internal: false },
        { address: 'fe80::1', internal: false },
      ],
    },
  };

  it('are the one it listens on, or all that lead out and its name', () => {
    expect(gatewayAddresses('192.168.7.9', 1, machine)).toEqual([{ host: '192.168.7.9', port: 1 }]);
    expect(gatewayAddresses('0.0.0.0', 8884, machine)).toEqual([
      { host: '192.168.7.20', port: 8884 },
      { host: 'cong-truoc.local', port: 8884 },
    ]);
  });
});

describe('invite', () => {
  let root: string;
  const clock = new VirtualClock();
  const chance = seededChance(1);
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'ravao-invite-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function invite(...args: string[]) {
    const printed: string[] = [];
    const warned: string[] = [];
    const code = await runInvite(
      args,
      { dataDir: root, site: 'Nhà máy A', host: '127.0.0.1', enrolPort: 8884 },
      {
        clock,
        chance,
        log: new RecordingLog(),
        print: async (pieces) => void printed.push(...pieces),
        warn: (text) => void warned.push(text),
        color: true,
      },
    );
    return { code, printed: printed.join(''), warned: warned.join('') };
  }

  it('prints a text that says everything that was asked for', async () => {
    const { code, printed } = await invite(
      ...['--gate', 'Cổng A', '--direction', 'toggle', '--kiosk', 'gate-a', '--hours', '2'],
      ...['--address', '192.168.7.20:1', '--address', 'cong.local:2', '--format', 'text'],
    );
    expect(code).toBe(0);
    expect(decodeInvitation(printed)?.invitation).toMatchObject({
      addresses: [
        { host: '192.168.7.20', port: 1 },
        { host: 'cong.local', port: 2 },
      ],
      gate: 'Cổng A',
      direction: 'toggle',
      kiosk: 'gate-a',
      expiresMs: clock.nowMs() + 2 * 3_600_000,
    });
  });

  it('gives each gate an id of its own, and says that a loopback address leads nowhere', async () => {
    const one = await invite('--gate', 'Cổng A', '--format', 'text');
    const other = await invite('--gate', 'Cổng A', '--format', 'text');
    expect(decodeInvitation(one.printed)?.invitation.kiosk).toBe('cong-a');
    expect(decodeInvitation(other.printed)?.invitation.kiosk).toBe('cong-a-2');
    expect(one.warned).toContain('RAVAO_MQTT_HOST=0.0.0.0');
  });

  it('shows a code that is read from the screen', async () => {
    const { printed } = await invite('--gate', 'Cổng A');
    const [found] = await readQrCodes(paint(printed.slice(0, printed.indexOf('\n\n')), true));
    expect(decodeInvitation(found?.text ?? '')?.invitation.gate).toBe('Cổng A');
  });

  it('writes a sheet for its owner alone that is read from paper', async () => {
    const out = join(root, 'invitation.pdf');
    expect((await invite('--gate', 'Cổng A', '--format', 'pdf', '--out', out)).code).toBe(0);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    const [text = ''] = await readCodes(out);
    expect(decodeInvitation(text)?.invitation.kiosk).toBe('cong-a');
    expect(await readWords(out)).toContain('Đưa mã này trước đầu đọc của máy mới.');
  });

  it('writes over no file, not even a sheet of its own, and then makes no invitation', async () => {
    const out = join(root, 'invitation.pdf');
    const onPaper = (place: string) => invite('--gate', 'A', '--format', 'pdf', '--out', place);
    await onPaper(out);
    const before = await readFile(out);
    const notes = join(root, 'notes.txt');
    await writeFile(notes, 'mine');
    for (const place of [out, notes]) await expect(onPaper(place)).rejects.toMatchObject({ code: 'INVITATION_EXISTS' });
    await expect(onPaper(join(root, 'none', 'x.pdf'))).rejects.toMatchObject({ code: 'PRINT_FAILED' });
    expect(await readFile(out)).toEqual(before);
    expect(await readFile(notes, 'utf8')).toBe('mine');
    expect(await readdir(join(root, 'trust', 'invitations'))).toHaveLength(1);
  });

  it('says that somebody else is invited for the gate and has not come', async () => {
    expect((await invite('--gate', 'A')).warned).not.toContain('invited');
    expect((await invite('--gate', 'A')).warned).toMatch(/^a is invited for this gate already.* for a-2 as well/m);
  });

  it.each([
    [[], /--gate is a name/],
    [['--gate', ' '], /--gate is a name/],
    [['--gate', 'x'.repeat(61)], /--gate is a name/],
    [['--gate', 'A', '--direction', 'up'], /--direction is in, out, toggle, not up/],
    [['--gate', 'A', '--hours', '0'], /--hours/],
    [['--gate', 'A', '--hours', 'x'], /--hours/],
    [['--gate', 'A', '--hours', '169'], /--hours/],
    [['--gate', 'A', '--format', 'png'], /--format/],
    [['--gate', 'A', '--format', 'pdf'], /--out/],
    [['--gate', 'A', '--out', 'x'], /--out/],
    [['--gate', 'A', '--address', 'nowhere'], /--address is HOST:PORT/],
    [['--gate', 'A', '--nonsense'], /nonsense/],
  ])('answers %j with what is wrong', async (args, message) => {
    const { code, warned } = await invite(...args);
    expect(code).toBe(64);
    expect(warned).toMatch(message);
  });

  it('refuses an id that is none', async () => {
    await expect(invite('--gate', 'A', '--kiosk', '../../x')).rejects.toMatchObject({ code: 'KIOSK_ID_INVALID' });
  });
});
