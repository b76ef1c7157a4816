/** The pack for a notice: what it counts as a person's passage, and what it knows of the key and of cards. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import type { AuditLine } from '../../../gateway/audit/audit-line.ts';
import { runCards } from '../../../gateway/cards/command.ts';
import { openRegister } from '../../../gateway/cards/register.ts';
import { readArrival } from '../../../gateway/intake.ts';
import { runIncident } from '../../../gateway/retention/incident-command.ts';
import { findClearSpans, within } from '../../../gateway/retention/incident-keys.ts';
import type { Arrival } from '../../../gateway/store/store.ts';
import { makeEntry, uuid } from '../../fakes/entries.ts';
import { makePast } from '../../fakes/old-site.ts';
import { pipedInput } from '../../fakes/piped-input.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const noonMs = Date.UTC(2026, 10, 20, 5);

let dir: string;
let dataDir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-incident-'));
  dataDir = join(dir, 'data');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs it for that day; the page, the facts, and what is said. */
async function incident(changes: { readonly day?: string; readonly nowMs?: number } = {}) {
  const { day = '20/11/2026', nowMs = noonMs + 86_400_000 } = changes;
  const out = join(dir, `pack-${nowMs}`);
  let said = '';
  const code = await runIncident(['--why', 'mất ổ đĩa', '--from', day, '--to', day, '--out', out], {
    config: { dataDir, site: 'Nhà máy A', keepDays: 30, upstreams: [] },
    clock: new VirtualClock(nowMs),
    print: async (pieces) => {
      for (const piece of pieces) said += piece;
    },
    warn: (text) => {
      said += text;
    },
  });
  expect(code).toBe(0);
  const read = (name: string) => readFileSync(join(out, name), 'utf8');
  return { page: read('tom-tat.txt'), facts: JSON.parse(read('facts.json')), counts: read('counts.csv'), said };
}

function arrive(seq: number, changes: Parameters<typeof makeEntry>[1]): Arrival {
  const at = new Date(noonMs).toISOString();
  return readArrival('gate-a', makeEntry(seq, { id: uuid(seq), at, ...changes }).payload, noonMs);
}

async function makeBusyDay(): Promise<void> {
  const control = { kind: 'control', verified: true };
  const nobody = { subject: null, identity: null };
  const more = [
    arrive(101, { outcome: 'refused', reason: 'unknown-code', ...nobody }),
    arrive(102, { code: control, ...nobody }),
    arrive(103, { code: control, outcome: 'refused', reason: 'card-revoked', ...nobody }),
    arrive(104, { code: { kind: 'visitor', verified: false }, ...nobody }),
  ];
  await makePast(dataDir, { from: 1, count: 6, receivedMs: noonMs, personOf: (seq) => seq % 3 }, more);
}

async function issueCards(nowMs: number): Promise<void> {
  const list = join(dir, 'people.csv');
  writeFileSync(list, 'name,birth_year\nPhạm Văn Đ,1933\nLê Thị E,1940\nTrần Văn G,1950\n');
  const context = {
    ...{ dataDir, site: 'Nhà máy A', clock: new VirtualClock(nowMs), chance: seededChance(5), log: new RecordingLog() },
    ...{ signal: new AbortController().signal, desk: scriptedDesk(null), warn: () => {}, print: async () => 0 },
    input: pipedInput(''),
  };
  await runCards(['issue', '--from', list, '--out', join(dir, 'cards.pdf')], context);
  await runCards(['control', '--for', 'Chú Tư', '--out', join(dir, 'guard.pdf')], context);
}

describe('the pack of an incident', () => {
  it('tells passages from refusals and from uses of guards’ cards, which are no people', async () => {
    await makeBusyDay();
    const { page, facts, counts, said } = await incident();
    expect(facts).toMatchObject({
      entries: 10,
      passages: 7,
      refused: 1,
      controlUses: 2,
      persons: 3,
      withoutSubject: 2,
    });
    expect(page).toContain('7 lượt qua cổng và 1 lượt bị từ chối, tại 1 cổng;');
    expect(page).toContain('của 3 người (mã giả danh khác nhau), và 2 lượt không có mã giả danh');
    expect(page).toContain('2 lần dùng thẻ bảo vệ');
    expect(said).toMatch(/^7 passages and 1 refusal of 3 people\./);
    expect(counts).toContain('day,gate,code,entries,refused,with_identity');
    expect(counts).toMatch(/\n2026-11-20,Cổng A,control,2,0,0\n/);
  });

  it('says times as people in Viet Nam write them, and of kiosks what a person understands', async () => {
    await makeBusyDay();
    const enrolled = {
      kiosk: 'cong-a-2',
      serial: '01',
      notAfter: '2028-11-20T00:00:00.000Z',
      at: '2026-11-20T00:00:00.000Z',
    };
    writeFileSync(join(dataDir, 'trust', 'enrolled.jsonl'), `${JSON.stringify(enrolled)}\n`);
    const { page } = await incident();
    expect(page).toContain('Lập lúc: 21/11/2026 12:00 (giờ Việt Nam');
    expect(page).toContain('từ 20/11/2026 00:00 đến 21/11/2026 00:00.');
    expect(page).toContain('sớm nhất 20/11/2026 11:59, muộn nhất 20/11/2026 12:00');
    expect(page).toContain('cong-a-2 (đang dùng)');
    expect(page).not.toMatch(/\d{4}-\d{2}-\d{2}T/);
  });

  it('counts the register of cards, and says so where it cannot be read', async () => {
    await makeBusyDay();
    expect((await incident()).page).toContain('sổ thẻ in: 0 thẻ của 0 người');
    await issueCards(noonMs);
    {
      using register = openRegister(dataDir);
      register.forgetHolders([...register.all()].slice(0, 1));
    }
    const { page, facts } = await incident({ nowMs: noonMs + 1 });
    expect(page).toContain(
      'sổ thẻ in: 2 thẻ của 2 người, chủ thẻ đã mã hóa (họ tên, năm sinh, số giấy tờ, điện thoại, địa chỉ)',
    );
    expect(page).toContain('sổ thẻ bảo vệ: 6 thẻ của 1 người');
    expect(facts.cards).toMatchObject({ cards: 2, guardCards: 6, unread: null });
    // What was issued later was not there to be taken.
    expect((await incident({ day: '2026-11-19', nowMs: noonMs + 2 })).facts.cards).toMatchObject({
      cards: 0,
      guardCards: 0,
    });
    writeFileSync(join(dataDir, 'cards.db'), 'no database');
    expect((await incident({ nowMs: noonMs + 3 })).page).toContain('SỔ THẺ IN KHÔNG ĐỌC ĐƯỢC (REGISTER_CORRUPT)');
  });

  it('says that the key lay in clear in that time, also where it is protected by now', async () => {
    await makeBusyDay();
    expect((await incident()).page).toContain('trong khoảng xem xét: khóa NẰM RÕ trên máy này từ khi cài đặt đến nay');
    const audit = openAudit(dataDir, { clock: new VirtualClock(noonMs) });
    await audit.record({ action: 'key.protected', what: { keys: ['k'] } });
    rmSync(join(dataDir, 'trust', 'site.key'));
    const { page, facts } = await incident({ nowMs: noonMs + 1 });
    expect(page).toContain('lúc lập bản này: khóa mở danh tính không nằm trên máy này');
    expect(page).toContain('khóa NẰM RÕ trên máy này từ khi cài đặt đến 20/11/2026 12:00 (theo nhật ký kiểm toán)');
    expect(facts.keyInClear).toEqual([{ from: null, to: '2026-11-20T12:00:00.000+07:00' }]);
    const later = await incident({ day: '21/11/2026', nowMs: noonMs + 2 });
    expect(later.page).toContain(
      'trong khoảng xem xét: khóa không lúc nào nằm rõ trên máy này (theo nhật ký kiểm toán)',
    );
  });

  it('doubts the audit that was changed, and names as taken only what an upstream took', async () => {
    await makePast(dataDir, { from: 1, count: 2, receivedMs: noonMs, personOf: () => 1, forwarded: 0 });
    expect((await incident()).page).toContain('chưa chuyển đến đâu');
    const path = join(dataDir, 'audit.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace('mất ổ đĩa', 'không có gì'));
    expect((await incident({ nowMs: noonMs + 1 })).page).toContain('nhật ký đã bị sửa nên KHÔNG CHẮC');
  });
});

describe('the times of a key in clear', () => {
  const line = (action: string, atMs: number, what: AuditLine['what'] = {}) =>
    ({ action, at: new Date(atMs).toISOString(), what }) as AuditLine;
  const [protectedFirst, rotated] = [line('key.protected', 10), line('key.rotate', 20, { kind: 'site' })];

  it.each([
    ['a site that never protected it', [], true, [{ fromMs: null, toMs: null }]],
    ['one that took it away by hand', [], false, [{ fromMs: null, toMs: null }]],
    ['a protected one', [protectedFirst], false, [{ fromMs: null, toMs: 10 }]],
    [
      'one that was put back in clear by hand',
      [protectedFirst],
      true,
      [
        { fromMs: null, toMs: 10 },
        { fromMs: 10, toMs: null },
      ],
    ],
    [
      'a new key',
      [protectedFirst, rotated],
      true,
      [
        { fromMs: null, toMs: 10 },
        { fromMs: 20, toMs: null },
      ],
    ],
    [
      'a new key of another kind',
      [protectedFirst, line('key.rotate', 20, { kind: 'issuer' })],
      false,
      [{ fromMs: null, toMs: 10 }],
    ],
    [
      'a new key that was protected as well',
      [protectedFirst, rotated, line('key.protected', 30)],
      false,
      [
        { fromMs: null, toMs: 10 },
        { fromMs: 20, toMs: 30 },
      ],
    ],
  ])('are those of %s', (_, lines, isClearNow, spans) => {
    expect(findClearSpans(lines, isClearNow)).toEqual(spans);
  });

  it('touch a span or do not', () => {
    const spans = findClearSpans([protectedFirst, rotated, line('key.protected', 30)], false);
    expect(within(spans, { fromMs: 10, toMs: 20 })).toEqual([]);
    expect(within(spans, { fromMs: 9, toMs: 21 })).toEqual(spans);
    expect(within(findClearSpans([], true), { fromMs: 50, toMs: 60 })).toHaveLength(1);
  });
});
