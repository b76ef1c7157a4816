/** What is printed on cards is whole, or refused before a card is registered. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CardsContext, runCards } from '../../../gateway/cards/command.ts';
import { drawParagraphs, TooLong } from '../../../gateway/cards/paragraphs.ts';
import { openScratchPdf } from '../../../gateway/cards/pdf-file.ts';
import { controlActions } from '../../../shared/control-card.ts';
import { controlTexts } from '../../../shared/control-texts.ts';
import { readWords } from '../../fakes/pdf-reader.ts';
import { pipedInput } from '../../fakes/piped-input.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const site = 'Ủy ban nhân dân xã Bình Mỹ, huyện Củ Chi, Thành phố Hồ Chí Minh';
const contact = 'Trạm y tế xã Bình Mỹ, ĐT 0900 000 000 hoặc 0900 000 001 (giờ hành chính)';
const longName = 'Nguyễn Phước Bảo Trân Công Tằng Tôn Nữ Thị Hoàng Oanh Phượng Liên';

let dir: string;
let seed = 300;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-fitting-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const at = (name: string) => join(dir, name);

async function cards(args: readonly string[], changes: Partial<CardsContext> = {}) {
  const ran = { out: '', err: '' };
  const context: CardsContext = {
    ...{ dataDir: at('data'), site, clock: new VirtualClock(), chance: seededChance(++seed), log: new RecordingLog() },
    ...{ desk: scriptedDesk(null), input: pipedInput(''), signal: new AbortController().signal },
    warn: (text) => {
      ran.err += text;
    },
    print: async (pieces) => {
      for await (const piece of pieces) ran.out += piece;
      return 0;
    },
    ...changes,
  };
  return { code: await runCards(args, context), ...ran };
}

async function issue(...more: string[]) {
  await writeFile(at('people.csv'), `name,birth_year\nNguyễn Văn A,1950\n${longName},1940\n`);
  return cards(['issue', '--from', at('people.csv'), '--out', at('a.pdf'), ...more]);
}

/** The words of one column after another, each as one line. */
const wordsOf = async (name: string) => (await readWords(at(name))).replace(/\s+/g, ' ');

describe('cards', () => {
  it.each(['cards', 'large'])('of the page %s say all of a long name, issuer and contact', async (page) => {
    await writeFile(at('people.csv'), `name,birth_year\n${longName},1940\n`);
    const ran = await cards([
      ...['issue', '--from', at('people.csv'), '--out', at('a.pdf')],
      ...['--page', page, '--contact', contact],
    ]);
    expect(ran).toMatchObject({ code: 0, err: expect.not.stringContaining('too long') });
    const words = await wordsOf('a.pdf');
    expect(words).toContain(longName);
    expect(words).toContain(`Nơi cấp: ${site} Mất thẻ: báo ngay nơi cấp (${contact}) để`);
    expect(words).toMatch(/Mã in không chứa tên, số giấy tờ\.\s*$/);
  });

  it('of guards say all of it too, and what they do in one line', async () => {
    const guard = 'Chú Tư Nguyễn Văn Hùng Cường, tổ bảo vệ cổng A, ca đêm số 1';
    const kiosk = 'cong-b-2';
    const made = async (action: string) => {
      const order = ['--for', guard, '--kiosk', kiosk, '--actions', action, '--contact', contact];
      expect(await cards(['control', ...order, '--out', at('g.pdf')])).toMatchObject({ code: 0 });
      return readWords(at('g.pdf'));
    };
    for (const action of controlActions) {
      const words = await made(action);
      expect(words).toContain(controlTexts[action].vi.toUpperCase());
      const all = words.replace(/\s+/g, ' ');
      expect(all).toContain(`${guard} Số`);
      expect(all).toContain(`máy ${kiosk}`);
      expect(all).toContain(`báo ngay ${site} (${contact}).`);
    }
  });

  it.each([
    ['issue', [], /^--contact is too long for the paper: it has 900 characters, and (\d+) of them fit\.\n/],
    [
      'control',
      ['--for', 'A'],
      /^--contact is too long for the paper: it has 900 characters, and (\d+) of them fit\.\n/,
    ],
  ] as const)(
    'are not made by %s where a text does not fit, which is said with how much fits',
    async (command, args, message) => {
      const long = 'số 12345 '.repeat(100);
      const run = (text: string) =>
        command === 'issue'
          ? issue('--contact', text)
          : cards([command, ...args, '--out', at('a.pdf'), '--contact', text]);
      const ran = await run(long.trim().padEnd(900, '.'));
      expect(ran).toMatchObject({ code: 64, out: '', err: expect.stringMatching(message) });
      expect([existsSync(at('a.pdf')), existsSync(at('data'))]).toEqual([false, false]);
      const fitting = Number(message.exec(ran.err)?.[1]);
      expect(fitting).toBeGreaterThan(100);
      expect(await run(long.slice(0, fitting))).toMatchObject({ code: 0 });
      expect(await wordsOf('a.pdf')).toContain(`(${long.slice(0, fitting)}`.trim());
    },
  );

  it('name the setting where the issuer is too long, and the guard', async () => {
    const wide = { site: 'W'.repeat(400) };
    await writeFile(at('people.csv'), 'name\nA\n');
    const ran = await cards(['issue', '--from', at('people.csv'), '--out', at('a.pdf')], wide);
    expect(ran).toMatchObject({ code: 64, err: expect.stringMatching(/^RAVAO_SITE is too long .* 400 characters/) });
    const poster = await cards(['poster', '--text', 'A', '--title', 'Mời quét mã '.repeat(40), '--out', at('p.pdf')]);
    expect(poster).toMatchObject({ code: 64, err: expect.stringMatching(/^--title is too long/) });
    expect(existsSync(at('p.pdf'))).toBe(false);
  });
});

describe('paragraphs', () => {
  const room = { x: 0, y: 100, width: 100, bottom: 130 };
  const text = { sizeMax: 10, sizeMin: 5, lines: 9, gap: 2 };

  it('are as large as they fit, end where they say, and break a word only where nothing else helps', async () => {
    const pdf = await openScratchPdf();
    const line = (size: number) => pdf.fontSize(size).currentLineHeight(true);
    expect(drawParagraphs(pdf, [{ ...text, text: 'a' }], room)).toBeCloseTo(100 + line(10) + 2);
    expect(drawParagraphs(pdf, [{ ...text, text: 'W'.repeat(21) }], room)).toBeCloseTo(100 + line(5) + 2);
    expect(drawParagraphs(pdf, [{ ...text, text: 'W'.repeat(40) }], room)).toBeCloseTo(100 + 2 * line(5) + 2);
  });

  it('are refused where they are too many, or one has too few lines', async () => {
    const pdf = await openScratchPdf();
    const many = Array.from({ length: 5 }, () => ({ ...text, text: 'a' }));
    expect(() => drawParagraphs(pdf, many, room)).toThrow(TooLong);
    expect(() => drawParagraphs(pdf, [{ ...text, lines: 1, text: 'a b '.repeat(30) }], room)).toThrow(TooLong);
  });
});
