import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CardsContext, runCards } from '../../gateway/cards/command.ts';
import { openCardLists, openRegister } from '../../gateway/cards/register.ts';
import { readIssuers } from '../../gateway/trust/issuer.ts';
import { importIssuerKey, parseCard } from '../../shared/card.ts';
import { cardNumberOf, formatCardNumber } from '../../shared/card-number.ts';
import { type Known, nothingKnown } from '../../shared/code/known.ts';
import { ravaoCard } from '../../shared/code/ravao-card.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { auditLines } from '../fakes/audit-lines.ts';
import { readCodes, readCodesByZbar, readFonts, readSize, readWords, renderPages } from '../fakes/pdf-reader.ts';
import { pipedInput } from '../fakes/piped-input.ts';
import { runProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { scriptedDesk } from '../fakes/scripted-desk.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { SiteFolder } from '../fakes/site.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

const dayMs = 86_400_000;
const national = '001060012345||Lê Thị D|01011960|Nữ|Xã X, Huyện Y|15082021';

let dir: string;
let dataDir: string;
let clock: VirtualClock;
let log: RecordingLog;
let stop: AbortController;
let seed = 0;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-cards-'));
  dataDir = join(dir, 'data');
  clock = new VirtualClock();
  log = new RecordingLog();
  stop = new AbortController();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const at = (name: string) => join(dir, name);

/** What is said when the first card is issued. */
const keyWasMade = /The key that signs cards was made, in .*: cards say that Nhà máy A issued them\.\n/;

/** Runs one `cards` command (or `poster`) as the command line does. */
async function cards(args: readonly string[], changes: Partial<CardsContext> = {}) {
  const ran = { out: '', err: '' };
  const context: CardsContext = {
    dataDir,
    site: 'Nhà máy A',
    clock,
    chance: seededChance(++seed),
    log,
    signal: stop.signal,
    desk: scriptedDesk(null),
    input: pipedInput(''),
    warn: (text) => {
      ran.err += text;
    },
    print: async (pieces) => {
      for await (const piece of pieces) ran.out += piece;
      return 0;
    },
    ...changes,
  };
  const code = await runCards(args, context);
  return { code, ...ran };
}

async function list(text: string): Promise<string> {
  await writeFile(at('people.csv'), text);
  return at('people.csv');
}

async function issueList(text: string, ...more: string[]) {
  return cards(['issue', '--from', await list(text), '--out', at('cards.pdf'), ...more]);
}

/** What a kiosk knows that was told of this gateway's lists. */
function kioskKnows(nowMs = clock.nowMs()): Known {
  using lists = openCardLists(dataDir);
  const revoked = new Set<string>(
    Buffer.from(lists.read('revoked', 0, 1000))
      .toString('hex')
      .match(/.{24}/g),
  );
  const issuers = lists
    .issuers()
    .map(
      ({ id, name, publicKey }) =>
        [id, { id, name, publicKey: importIssuerKey(Buffer.from(publicKey, 'base64url')) }] as const,
    );
  return {
    ...nothingKnown,
    nowMs,
    clockSynced: true,
    cards: {
      issuers: new Map(issuers),
      isRevoked: (id) => revoked.has(Buffer.from(id).toString('hex')),
      issuerOfNumber: () => null,
      isNumberRevoked: () => false,
    },
  };
}

const people = 'ho_ten;nam_sinh;dien_thoai;ma\nNguyễn Thị Bích Phượng;1950;0900000001;\nTrần Văn Ước;;;\n';

describe('cards issue', () => {
  it('prints a card for everybody in a list, which two decoders and a kiosk read', async () => {
    const ran = await issueList(`${people}Lê Thị D;1960;;${national}\n`);
    expect(ran).toEqual({
      code: 0,
      err: expect.stringMatching(keyWasMade),
      out: `2 issued, 0 issued before, 1 national codes. ${at('cards.pdf')}: 3 cards on 1 page.\n`,
    });
    const texts = await readCodes(at('cards.pdf'));
    expect(texts).toHaveLength(3);
    expect(texts[2]).toBe(national);
    expect([...(await readCodesByZbar(at('cards.pdf')))].sort()).toEqual([...texts].sort());
    for (const text of texts.slice(0, 2)) {
      expect(ravaoCard.read(text, kioskKnows())).toMatchObject({ type: 'code', verified: true });
      expect(ravaoCard.read(text, kioskKnows(clock.nowMs() + 366 * dayMs))).toMatchObject({ reason: 'card-expired' });
    }
  });

  it('says on each card whose it is, its number, who issued it and what to do when it is lost', async () => {
    await issueList(people, '--contact', 'ĐT 0900 000 000');
    const words = await readWords(at('cards.pdf'));
    for (const word of [
      'Nguyễn Thị Bích',
      'Phượng',
      'Trần Văn Ước',
      'Năm sinh: 1950',
      'Nơi cấp: Nhà máy A',
      '20/11/2027',
      'ĐT 0900 000 000',
      'Mất thẻ',
    ]) {
      expect(words).toContain(word);
    }
    const numbers = (await readCodes(at('cards.pdf'))).map((text) =>
      cardNumberOf(parseCard(text)?.id ?? new Uint8Array(12)),
    );
    for (const number of numbers) expect(words).toContain(`Số thẻ ${formatCardNumber(number)}`);
    expect(words).not.toContain('0900000001');
  });

  it('prints codes of at least 50 mm on A4, with embedded fonts', async () => {
    await issueList(people);
    expect(await readSize(at('cards.pdf'))).toEqual({ pages: 1, widthMm: 210, heightMm: 297 });
    const fonts = await readFonts(at('cards.pdf'));
    expect(fonts.map(({ name }) => name.replace(/^.*\+/, '')).sort()).toEqual([
      'DejaVuSansCondensed',
      'DejaVuSansCondensed-Bold',
    ]);
    expect(fonts.every(({ whole }) => whole)).toBe(true);
    expect(await codeWidthMm(at('cards.pdf'))).toBeGreaterThanOrEqual(50);
  });

  it('prints one large code a page for people with poor sight', async () => {
    const ran = await issueList(people, '--page', 'large');
    expect(ran.out).toContain('2 cards on 2 pages');
    expect(await readSize(at('cards.pdf'))).toMatchObject({ pages: 2 });
    expect(await codeWidthMm(at('cards.pdf'))).toBeGreaterThanOrEqual(160);
    expect(await readCodes(at('cards.pdf'), 80)).toHaveLength(2);
  });

  it('issues nothing twice, says so, and prints all of the list again', async () => {
    await issueList(people);
    const before = await readCodes(at('cards.pdf'));
    clock.jumpWall(30 * dayMs);
    const ran = await issueList(`${people}Võ Thị E;1970;;\n`);
    expect(ran.out).toContain('1 issued, 2 issued before.');
    const after = await readCodes(at('cards.pdf'));
    expect(after.slice(0, 2)).toEqual(before);
    expect(after).toHaveLength(3);
  });

  it('with --only-new prints who has no printed card, also after a print that failed', async () => {
    await issueList(people);
    expect((await issueList(people, '--only-new')).out).toContain(
      '0 issued, 2 issued before. Nothing is to be printed.',
    );
    stop.abort();
    await expect(issueList(`${people}Võ Thị E;1970;;\n`)).rejects.toMatchObject({ code: 'PRINT_FAILED' });
    stop = new AbortController();
    const ran = await issueList(`${people}Võ Thị E;1970;;\n`, '--only-new');
    expect(ran.out).toContain('0 issued, 3 issued before.');
    expect(ran.out).toContain('1 card on 1 page');
    expect(await readWords(at('cards.pdf'))).toContain('Võ Thị E');
  });

  it('names each wrong row by line and reason, issues the others, and ends with 1', async () => {
    const ran = await issueList(
      `${people};1960;;\nVõ Thị E;1850;;\nTrần văn ước;;;\nLê D;;;hello\nLê D;;;${national}\n`,
    );
    expect(ran.code).toBe(1);
    expect(ran.err.replace(keyWasMade, '').split('\n')).toEqual([
      `${at('people.csv')} line 4: name is missing.`,
      `${at('people.csv')} line 5: birth_year is no year from 1900 to 2026.`,
      `${at('people.csv')} line 6: is the same person as line 3: tell them apart by number or phone.`,
      `${at('people.csv')} line 7: code is no personal code (unknown-code).`,
      '4 of 7 rows got no card: mend them and run it again.',
      '',
    ]);
    expect(ran.out).toContain('2 issued');
    expect(await readCodes(at('cards.pdf'))).toHaveLength(3);
  });

  it('issues nothing and ends with 1 where every row is wrong', async () => {
    expect(await issueList('name\n123\n')).toMatchObject({ code: 1, err: expect.stringContaining('nobody to print') });
    expect(existsSync(at('cards.pdf'))).toBe(false);
  });

  it('issues a card to one person, whom lines of standard input name', async () => {
    const one = (text: string) => cards(['issue', '--out', at('one.pdf')], { input: pipedInput(text) });
    expect(await one('\nName: Phạm Văn Đ\r\nNăm sinh: 1933\r\n')).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 card on 1 page'),
    });
    expect(await readWords(at('one.pdf'))).toMatch(/Phạm Văn Đ[\s\S]*Năm sinh: 1933/);
    expect(await one('name: Phạm Văn Đ\nphone: none')).toMatchObject({
      code: 1,
      err: 'phone is no phone number of 8 to 15 digits.\n',
    });
  });

  it('registers nobody where the list or the PDF cannot be used', async () => {
    const gone = cards(['issue', '--from', at('gone.csv'), '--out', at('a.pdf')]);
    await expect(gone).rejects.toMatchObject({ code: 'LIST_UNREADABLE' });
    await writeFile(at('old.csv'), Buffer.from([0x6e, 0x61, 0x6d, 0x65, 0x0a, 0xea, 0xde, 0x0a]));
    const old = cards(['issue', '--from', at('old.csv'), '--out', at('a.pdf')]);
    await expect(old).rejects.toMatchObject({
      code: 'PEOPLE_FILE_INVALID',
      remedy: expect.stringContaining('CSV UTF-8'),
    });
    const path = await list(people);
    for (const out of [at('gone/a.pdf'), dir, path]) {
      await expect(cards(['issue', '--from', path, '--out', out]), out).rejects.toMatchObject({ code: 'PRINT_FAILED' });
    }
    expect(await readFile(path, 'utf8')).toBe(people);
    expect(existsSync(join(dataDir, 'cards.db'))).toBe(false);
    expect(await readdir(dir)).toEqual(['old.csv', 'people.csv']);
  });

  it('leaves no half of a PDF, keeps the older one, and prints all the next time', async () => {
    await issueList(people);
    const older = await readFile(at('cards.pdf'));
    stop.abort();
    await expect(issueList(`${people}Võ Thị E;1970;;\n`)).rejects.toMatchObject({ code: 'PRINT_FAILED' });
    expect(await readFile(at('cards.pdf'))).toEqual(older);
    expect((await readdir(dir)).sort()).toEqual(['cards.pdf', 'data', 'people.csv']);
    stop = new AbortController();
    expect((await issueList(`${people}Võ Thị E;1970;;\n`)).out).toContain('0 issued, 3 issued before.');
    expect(await readCodes(at('cards.pdf'))).toHaveLength(3);
    expect((await stat(at('cards.pdf'))).mode & 0o777).toBe(0o600);
  });

  it('issues nothing by a clock that cannot be right', async () => {
    const ran = await cards(['issue', '--from', await list(people), '--out', at('a.pdf')], {
      clock: new VirtualClock(Date.UTC(2024, 0, 1)),
    });
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('01/01/2024') });
  });

  it('draws 500 cards in less than 10 s and tells how far it is', async () => {
    const rows = Array.from(
      { length: 500 },
      (_, index) => `Nguyễn Thị Bích Phượng,${1930 + (index % 80)},${100_000_000 + index}`,
    );
    const begunMs = systemClock.monotonicMs();
    const ran = await issueList(`name,birth_year,number\n${rows.join('\n')}`);
    expect(systemClock.monotonicMs() - begunMs).toBeLessThan(10_000);
    expect(ran.out).toContain('500 cards on 56 pages');
    expect(ran.err.split('\n').filter((line) => / of 500 cards are drawn\.$/.test(line)).length).toBeGreaterThan(5);
    expect(await readSize(at('cards.pdf'))).toMatchObject({ pages: 56 });
  });
});

/** How wide the first code of a PDF is, in millimetres, as a decoder sees it. */
async function codeWidthMm(pdf: string): Promise<number> {
  const dpi = 200;
  const { readQrCodes } = await import('../fakes/zxing.ts');
  const [picture = Buffer.alloc(0)] = await renderPages(pdf, dpi);
  const [found] = await readQrCodes(picture);
  if (found === undefined) throw new Error('no code was found');
  const pixelMm = 25.4 / dpi;
  // A decoder names the pixels at the corners, not the edges behind them.
  return (found.position.topRight.x - found.position.topLeft.x + 2) * pixelMm;
}

describe('cards reprint', () => {
  async function issuedNumbers(): Promise<readonly string[]> {
    await issueList(people);
    const texts = await readCodes(at('cards.pdf'));
    return texts.map((text) => formatCardNumber(cardNumberOf(parseCard(text)?.id ?? new Uint8Array(12))));
  }

  it('prints the same code again, with the name where the key that opens it is', async () => {
    const [first = ''] = await issuedNumbers();
    const [text] = await readCodes(at('cards.pdf'));
    const ran = await cards(['reprint', first.replaceAll(' ', ''), '--out', at('again.pdf')]);
    expect(ran).toEqual({ code: 0, err: '', out: `${at('again.pdf')}: 1 card on 1 page.\n` });
    expect(await readCodes(at('again.pdf'))).toEqual([text]);
    expect(await readWords(at('again.pdf'))).toMatch(/Nguyễn Thị Bích/);
  });

  it('prints an empty line for the name where that key was taken away, and says so', async () => {
    const [first = '', second = ''] = await issuedNumbers();
    await rename(join(dataDir, 'trust', 'site.key'), at('site.key'));
    const ran = await cards(['reprint', first, ...second.split(' '), '--out', at('again.pdf')]);
    expect(ran).toMatchObject({ code: 0, err: expect.stringMatching(/site\.key, which opens them, is not here/) });
    expect(await readCodes(at('again.pdf'))).toHaveLength(2);
    const words = await readWords(at('again.pdf'));
    expect(words).toContain('Họ tên:');
    expect(words).not.toContain('Nguyễn');
  });

  it('names numbers that are wrong, unknown, revoked or expired, and prints the others', async () => {
    const [first = '', second = ''] = await issuedNumbers();
    await cards(['revoke', second]);
    const ran = await cards(['reprint', '123 456 789 0', '0000005724', first, second, '--out', at('again.pdf')]);
    expect(ran.code).toBe(1);
    expect(ran.err).toMatch(
      /^1234567890 is no card's number.*\n000 000 572 4 is in no card.*\n.* was revoked: issue a new card\.\n$/,
    );
    expect(await readCodes(at('again.pdf'))).toHaveLength(1);
    clock.jumpWall(400 * dayMs);
    const late = await cards(['reprint', first, '--out', at('late.pdf')]);
    expect(late).toMatchObject({ code: 1, out: '', err: `${first} was valid until 20/11/2027: issue a new card.\n` });
    expect(existsSync(at('late.pdf'))).toBe(false);
  });
});

describe('cards revoke', () => {
  it('makes kiosks refuse the card, and says when it was revoked before', async () => {
    await issueList(people);
    const [text = '', other = ''] = await readCodes(at('cards.pdf'));
    const number = formatCardNumber(cardNumberOf(parseCard(text)?.id ?? new Uint8Array(12)));
    expect(await cards(['revoke', number, '--reason', 'stolen'])).toEqual({
      code: 0,
      err: '',
      out: `${number} is revoked (stolen).\n`,
    });
    expect(ravaoCard.read(text, kioskKnows())).toEqual({ type: 'unknown', reason: 'card-revoked' });
    expect(ravaoCard.read(other, kioskKnows())).toMatchObject({ type: 'code' });
    clock.jumpWall(dayMs);
    expect((await cards(['revoke', number])).out).toBe(`${number} was revoked on 20/11/2026 already.\n`);
  });

  it('finds the card by whose it is, without the key that opens names', async () => {
    await issueList(people);
    await rm(join(dataDir, 'trust', 'site.key'));
    const revokeOf = (text: string) => cards(['revoke'], { input: pipedInput(text) });
    expect(await revokeOf('name: nguyễn thị bích phượng\nbirth_year: 1950\nphone: 0900 000 001\n')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/is revoked \(other\)/),
    });
    expect(await revokeOf('name: Nguyễn Văn X')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Nobody of that name'),
    });
    expect((await issueList(people)).out).toContain('1 issued, 1 issued before.');
  });

  it('revokes what it finds where another number is wrong', async () => {
    await issueList(people);
    const numbers = (await cards(['list'])).out.match(/\d{3} \d{3} \d{3} \d/g) ?? [];
    const ran = await cards(['revoke', ...numbers, '000 000 572 4']);
    expect(ran).toMatchObject({ code: 1, err: '000 000 572 4 is in no card of this register.\n' });
    expect(ran.out.match(/is revoked/g)).toHaveLength(2);
  });
});

describe('cards list', () => {
  it('is empty before anything was issued, and makes nothing', async () => {
    expect((await cards(['list'])).out).toBe('0 cards.\n');
    expect((await cards(['list', '--format', 'json'])).out).toBe('[]\n');
    expect(existsSync(dataDir)).toBe(false);
  });

  it('is not empty where the data directory is a file, or cannot be looked into', async () => {
    await writeFile(dataDir, 'no folder');
    await expect(cards(['list'])).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    await rm(dataDir);
    await symlink('data', dataDir);
    await expect(cards(['list'])).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
  });

  it('tells the state of each card and nobody’s name', async () => {
    await issueList(people);
    await cards(['revoke', '--reason', 'lost'], { input: pipedInput('name: Trần Văn Ước') });
    expect((await cards(['list'])).out).toMatch(
      /^\d{3} \d{3} \d{3} \d {2}20\/11\/2026 to 20\/11\/2027 {2}valid\n.* {2}revoked 2026-11-20 \(lost\)\n2 cards\.\n$/,
    );
    const json = JSON.parse((await cards(['list', '--format', 'json'])).out);
    expect(json).toMatchObject([
      { state: 'valid', printed: true },
      { state: 'revoked', reason: 'lost' },
    ]);
    expect(Object.keys(json[0])).not.toContain('holder');
    clock.jumpWall(366 * dayMs);
    expect((await cards(['list', '--format', 'csv'])).out).toMatch(
      /^\ufeffnumber,issued,.*\n.*,expired,true,,,,\n.*,revoked,/,
    );
  });

  it('tells names where they are asked for and the key is there', async () => {
    await issueList(people);
    expect((await cards(['list', '--names'])).out).toContain('Nguyễn Thị Bích Phượng 1950');
    expect((await cards(['list', '--names', '--format', 'csv'])).out).toContain(
      'Nguyễn Thị Bích Phượng,1950,,0900000001,',
    );
    expect(JSON.parse((await cards(['list', '--names', '--format', 'json'])).out)[1].holder).toEqual({
      name: 'Trần Văn Ước',
    });
    await rm(join(dataDir, 'trust', 'site.key'));
    expect(await cards(['list', '--names'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('site.key'),
    });
  });
});

describe('issuers', () => {
  it('are exchanged as files, after which each takes the cards of the other', async () => {
    const commune = join(dir, 'commune');
    const printed = await cards(['issuer'], { dataDir: commune, site: 'Xã B' });
    const print = /([0-9a-f]{4} ){4}[0-9a-f]{4}/.exec(printed.err)?.[0] ?? 'none';
    await writeFile(at('commune.json'), printed.out);
    const there = { dataDir: commune, site: 'Xã B', input: pipedInput('name: Nguyễn Văn A') };
    await cards(['issue', '--out', at('a.pdf')], there);
    const [text = ''] = await readCodes(at('a.pdf'));
    await cards(['issuer']);
    expect(ravaoCard.read(text, kioskKnows())).toEqual({ type: 'unknown', reason: 'card-issuer-unknown' });
    const ran = await cards(['trust', at('commune.json')]);
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('Cards of Xã B') });
    expect(ran.out).toContain(print);
    expect(ravaoCard.read(text, kioskKnows())).toMatchObject({ type: 'code', verified: true });
    expect((await cards(['trust', at('commune.json')])).out).toContain('Nothing was changed');
  });

  it('do not trust themselves, and not what is no issuer', async () => {
    await writeFile(at('own.json'), (await cards(['issuer'])).out);
    expect(await cards(['trust', at('own.json')])).toMatchObject({
      code: 1,
      err: expect.stringContaining('this site itself'),
    });
    await writeFile(at('own.json'), 'hello');
    await expect(cards(['trust', at('own.json')])).rejects.toMatchObject({ code: 'ISSUER_FILE_INVALID' });
  });

  it('make their key after the register, and tell of it once', async () => {
    await mkdir(dataDir);
    expect((await cards(['issuer'])).err).toMatch(
      /^The key that signs cards was made, in .*: cards say that Nhà máy A /,
    );
    expect((await cards(['issuer'])).err).toMatch(/^Fingerprint/);
    expect((await cards(['issuer'], { site: 'Nhà máy B' })).err).toMatch(/^Cards say .* Nhà máy B .* not Nhà máy A\./);
    expect(log.events.filter((event) => event.startsWith('issuer.'))).toEqual([]);
    expect(readIssuers(join(dataDir, 'trust'))).toHaveLength(1);
    await rm(join(dataDir, 'cards.db'));
    await expect(cards(['issuer'])).rejects.toMatchObject({ code: 'REGISTER_MISSING' });
  });
});

describe('poster', () => {
  it('is a page of A4 with a code of at least 15 cm and the name of the site', async () => {
    const text = 'https://qr.tokhaiyte.vn/diem/0123456789';
    expect(await cards(['poster', '--text', text, '--out', at('poster.pdf')])).toMatchObject({ code: 0 });
    expect(await readCodes(at('poster.pdf'), 80)).toEqual([text]);
    expect(await readSize(at('poster.pdf'))).toEqual({ pages: 1, widthMm: 210, heightMm: 297 });
    expect(await codeWidthMm(at('poster.pdf'))).toBeGreaterThanOrEqual(150);
    expect(await readWords(at('poster.pdf'))).toMatch(/Nhà máy A[\s\S]*Mời quét mã/);
  });

  it.each(['A', 'https://example.com/a', 'ă'.repeat(300)])('keeps its quiet zone around %j', async (text) => {
    await cards([
      'poster',
      '--text',
      text,
      '--out',
      at('poster.pdf'),
      '--title',
      'Ủy ban nhân dân xã Bình Mỹ, huyện Củ Chi, Thành phố X',
    ]);
    expect(await readCodes(at('poster.pdf'), 100)).toEqual([text]);
    expect(await readSize(at('poster.pdf'))).toMatchObject({ pages: 1 });
  });
});

describe('wrong arguments', () => {
  it.each([
    [['dance'], /no command "cards dance"/],
    [['issue'], /needs --out/],
    [['issue', '--name', 'A', '--out', 'a.pdf'], /takes no --name: .* is asked for; or give lines like "name: …"/],
    [['issue', '--phone=0900000001', '--out', 'a.pdf'], /takes no --phone: everybody on the machine sees arguments/],
    [['issue', '--out', 'a.pdf', '--valid-days', '0'], /--valid-days is a number from 1 to 3650/],
    [['issue', '--out', 'a.pdf', '--page', 'small'], /--page is cards or large/],
    [['issue', 'people.csv', '--out', 'a.pdf'], /takes no "people.csv"/],
    [['reprint', '--out', 'a.pdf'], /needs the number/],
    [['revoke', '1', '--name', 'A'], /takes no --name: .* the shell keeps them/],
    [['revoke', '1', '--for', 'A'], /not both/],
    [['revoke', '1', '--reason', 'boredom'], /--reason is lost or stolen or error or other/],
    [['list', '--format', 'xml'], /--format is text or csv or json/],
    [['list', '--out', 'a.pdf'], /list takes no --out/],
    [['trust'], /trust needs one file/],
    [['poster', '--out', 'a.pdf'], /poster needs --text/],
    [['poster', '--text', 'A'], /poster needs --out/],
    [['poster', '--text', 'ă'.repeat(3000), '--out', 'a.pdf'], /too long/],
    [['--nonsense'], /nonsense/],
  ])('%j are answered with what is wrong, where help is, and 64', async (args, message) => {
    const ran = await cards(args);
    expect(ran).toMatchObject({ code: 64, out: '', err: expect.stringMatching(message) });
    expect(ran.err).toContain('\nTry "npm run -s gateway -- cards --help".\n');
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe('the program', () => {
  it('issues and revokes while the gateway serves, and the lists grow', async () => {
    using folder = new SiteFolder();
    const { gateway } = await folder.startGateway();
    await using _ = gateway;
    using lists = openCardLists(folder.gatewayDir);
    const out = join(folder.dir, 'a.pdf');
    expect(await folder.command(['cards', 'issue', '--out', out], 'name: Nguyễn Văn A')).toContain('1 issued');
    expect(lists.counts()).toEqual({ revoked: 0, issued: 1 });
    await folder.command(['cards', 'revoke', '--reason', 'lost'], 'name: Nguyễn Văn A');
    expect(lists.counts()).toEqual({ revoked: 1, issued: 1 });
    expect(
      await folder.command(['poster', '--text', 'https://example.com', '--out', join(folder.dir, 'p.pdf')]),
    ).toContain('A4');
  });

  it('ends with what a command says, and names the fault of another', async () => {
    using folder = new SiteFolder();
    const env = folder.gatewayEnv();
    await folder.enrol('gate-a');
    expect(await runProcess(['gateway/main.ts', 'cards', 'dance'], { env })).toMatchObject({ code: 64 });
    const ran = await runProcess(['gateway/main.ts', 'cards', 'issue', '--from', 'gone.csv', '--out', 'a.pdf'], {
      env,
    });
    expect(ran).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/LIST_UNREADABLE: .*gone\.csv[\s\S]*Check its name/),
    });
    using _ = openRegister(folder.gatewayDir);
    const busy = await runProcess(['gateway/main.ts', 'cards', 'revoke'], { env, input: 'name: A' });
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringContaining('REGISTER_BUSY') });
  });
});

describe('the audit of cards', () => {
  it('tells of each use how many and why, and of nobody', async () => {
    await issueList(people);
    const [text = ''] = await readCodes(at('cards.pdf'));
    const number = formatCardNumber(cardNumberOf(parseCard(text)?.id ?? new Uint8Array(12)));
    await cards(['reprint', number, '--out', at('again.pdf')]);
    await cards(['revoke', number, '--reason', 'stolen']);
    await cards(['revoke', number, '--reason', 'stolen']);
    await cards(['list', '--names']);
    expect(auditLines(dataDir)).toMatchObject([
      { action: 'cards.issued', what: { cards: 2 }, why: null },
      { action: 'cards.reprinted', what: { cards: 1 } },
      { action: 'card.revoked', what: { card: number }, why: 'stolen' },
      { action: 'cards.listed-with-names' },
    ]);
    expect(await readFile(join(dataDir, 'audit.jsonl'), 'utf8')).not.toMatch(/Phượng|Ước|0900000001/);
  });

  it('comes before the act: without it nobody gets a card and none is revoked', async () => {
    await issueList(people);
    const [text = ''] = await readCodes(at('cards.pdf'));
    const number = formatCardNumber(cardNumberOf(parseCard(text)?.id ?? new Uint8Array(12)));
    const before = (await cards(['list'])).out;
    const file = join(dataDir, 'audit.jsonl');
    await rename(file, `${file}.aside`);
    await mkdir(file);
    for (const acting of [
      () => cards(['revoke', number]),
      () => cards(['issue', '--out', at('c.pdf')], { input: pipedInput('name: C') }),
    ]) {
      await expect(acting()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' });
    }
    expect((await cards(['list'])).out).toBe(before);
  });
});
