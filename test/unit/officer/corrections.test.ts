/** What `unseal` shows of corrections: whose, under which keys, and what it leaves closed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { correctionBinding } from '../../../gateway/officer/corrections.ts';
import { type Ending, investigate } from '../../../gateway/officer/investigation.ts';
import type { Question } from '../../../gateway/officer/unseal.ts';
import type { Meeting, Passage, Tracing } from '../../../gateway/tracing/tracing.ts';
import { cardPrefix } from '../../../shared/card.ts';
import { tenDigits } from '../../../shared/card-number.ts';
import type { SealedIdentity } from '../../../shared/entry.ts';
import {
  createOpener,
  generateSiteKey,
  type Identity,
  importSiteKey,
  sealIdentity,
  subjectOf,
} from '../../../shared/identity.ts';
import { listedTracing, makePassage } from '../../fakes/listed-tracing.ts';
import { MemoryRemover } from '../../fakes/memory-remover.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { watchedOpener } from '../../fakes/watched-opener.ts';

const site = await generateSiteKey();
const siteKey = await importSiteKey(site.publicKey);
const real = await createOpener(site.privateKey);
const lost = await importSiteKey((await generateSiteKey()).publicKey);
const [oldKey, newKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const [anna, binh] = ['001099012345', '036199054321'];
const issuer = { id: '0a1b2c3d', name: 'Nhà máy A', publicKey: 'x' };
const window = { fromMs: Date.UTC(2026, 10, 19, 17), toMs: Date.UTC(2026, 10, 20, 17) };
const atGate: Question = { type: 'gate', gate: 'Cổng A', window };
const morningMs = Date.UTC(2026, 10, 21, 1);

let dataDir: string;
let store: MemoryStore;
let passages: Passage[];
let meetings: Meeting[];
/** What identities and corrections were bound to that were tried to be opened. */
let tried: string[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-corrections-'));
  mkdirSync(join(dataDir, 'trust'));
  store = new MemoryStore();
  passages = [];
  meetings = [];
  tried = [];
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Somebody passes; their subject is made of `number` with a key. */
async function pass(number: string, key = newKey, identity: Identity = { name: 'Nguyễn Văn A', number }) {
  const passage = makePassage(passages.length + 1, { subject: subjectOf(key, number) });
  passages.push({ ...passage, identity: await sealIdentity(siteKey, identity, passage.id) });
}

interface Saying {
  readonly number: string;
  readonly key?: Uint8Array;
  readonly atMs?: number;
  readonly sealed?: SealedIdentity;
}

let said = 0;
/** Keeps a correction as `person correct` does. */
async function correct({ number, key = newKey, atMs = morningMs, sealed }: Saying, right: object) {
  const id = `correction-${++said}`;
  const own = sealed ?? (await sealIdentity(siteKey, right as Identity, correctionBinding(id)));
  await new MemoryRemover(store).addCorrection({ id, subject: subjectOf(key, number), atMs, sealed: own });
  return correctionBinding(id);
}

async function ask(question: Question, watched: (tracing: Tracing) => Tracing = (tracing) => tracing) {
  const opener = watchedOpener(real, tried);
  const endings: Ending[] = [];
  const parts = {
    tracing: watched(listedTracing(passages, meetings)),
    corrections: store,
    ...{
      openers: new Map([[opener.id, opener]]),
      subjectKeys: [oldKey, newKey],
      issuers: () => [issuer],
      register: () => null,
    },
    ...{ audit: openAudit(dataDir), signal: new AbortController().signal },
  };
  let text = '';
  for await (const piece of investigate(question, 'vụ 12', parts, (end) => void endings.push(end))) text += piece;
  const rows = parse(text, { bom: true, columns: true }) as Record<string, string>[];
  return { cells: rows.map(({ corrections }) => corrections), rows, ending: endings[0] };
}

const auditText = () => readFileSync(join(dataDir, 'audit.jsonl'), 'utf8');

describe('a correction', () => {
  it('stands beside whom it is of, with its time, oldest first, and beside nobody else', async () => {
    await pass(anna);
    await pass(binh);
    await correct({ number: anna }, { phone: '0900000001', note: 'số cũ; phone="0911111111"' });
    await correct(
      { number: anna, atMs: morningMs + 60_000 },
      { name: 'Nguyễn Văn Đúng', birthYear: 1990, address: 'Xã X' },
    );
    const { cells, rows, ending } = await ask(atGate);
    expect(cells).toEqual([
      '2026-11-21T08:00:00.000+07:00 phone="0900000001" note="số cũ; phone=\\"0911111111\\""; ' +
        '2026-11-21T08:01:00.000+07:00 name="Nguyễn Văn Đúng" birth_year=1990 address="Xã X"',
      '',
    ]);
    // What the entry said stays what it was.
    expect(rows[0]).toMatchObject({ name: 'Nguyễn Văn A', phone: '' });
    expect(ending).toMatchObject({ corrections: 2, correctionsUnopened: 0, complete: true });
  });

  it.each([
    ['an ID card', anna, anna],
    ['an old ID card', 'cmnd:123456789', '123456789'],
    ['an insurance card', 'bhxh:0123456789', 'DN4010123456789'],
    ['a declaration', 'hcmc:abc-1', 'abc-1'],
    ['a vaccine certificate', 'uvci:URN:UVCI:01:VN:X', 'URN:UVCI:01:VN:X'],
    ['a national code with a masked number', 'qid:Ab_C-123456789012345678', 'Ab_C-123456789012345678'],
    ['a printed card', `${cardPrefix}0a1b2c3d:000000042`, tenDigits(42)],
  ])('that was kept under a former key is found from the name of %s at a gate', async (_, number, printed) => {
    await pass(number, newKey, { number: printed });
    await correct({ number, key: oldKey }, { phone: '0900000001' });
    expect((await ask(atGate)).cells).toEqual([expect.stringContaining('phone="0900000001"')]);
  });

  it('that was kept under a former key is found where the person is asked for', async () => {
    await pass(anna);
    await correct({ number: 'cmnd:123456789', key: oldKey }, { phone: '0900000001' });
    const question: Question = { type: 'visits', numbers: [anna, 'cmnd:123456789'], window: null };
    expect((await ask(question)).cells).toEqual([expect.stringContaining('phone="0900000001"')]);
  });

  it('that is kept under several subjects is told once, and twice where it was said twice', async () => {
    await pass(anna);
    for (const atMs of [morningMs, morningMs + 60_000]) {
      for (const key of [oldKey, newKey]) await correct({ number: anna, key, atMs }, { phone: '0900000001' });
    }
    const { cells, ending } = await ask(atGate);
    expect(cells).toEqual([
      '2026-11-21T08:00:00.000+07:00 phone="0900000001"; 2026-11-21T08:01:00.000+07:00 phone="0900000001"',
    ]);
    expect(ending).toMatchObject({ corrections: 2 });
  });

  it('stays closed where the order does not name its person, though a kiosk says their number', async () => {
    await pass(anna);
    // A row whose subject is not made of the number inside: it is told as it is, and leads to nobody else.
    await pass(anna, newKey, { name: 'Kẻ Giả', number: binh });
    const own = await correct({ number: anna }, { phone: '0900000001' });
    const others = [
      await correct({ number: binh }, { phone: '0900000002' }),
      await correct({ number: binh, key: oldKey }, { phone: '0900000002' }),
    ];
    expect((await ask(atGate)).cells).toEqual(Array(2).fill(expect.stringContaining('0900000001')));
    const visits: Question = { type: 'visits', numbers: [anna], window: null };
    expect((await ask(visits)).cells).toEqual(Array(2).fill(expect.stringContaining('0900000001')));
    expect(tried.filter((boundTo) => boundTo === own)).toHaveLength(4);
    for (const other of others) expect(tried).not.toContain(other);
  });

  it('of whom somebody met is told, and not of the one who is asked about', async () => {
    await pass(binh);
    const [{ id, identity, kiosk, subject } = makePassage(1)] = passages;
    const span = { ...window, togetherMs: 60_000, withFromMs: window.fromMs, withToMs: window.toMs, certain: true };
    meetings = [{ id, identity, kiosk, subject: subject ?? '', gates: ['Cổng A'], position: 1, ...span }];
    const own = await correct({ number: anna }, { phone: '0900000001' });
    await correct({ number: binh }, { phone: '0900000002' });
    const { cells } = await ask({ type: 'together', numbers: [anna], window: null });
    expect(cells).toEqual([expect.stringContaining('phone="0900000002"')]);
    expect(tried).not.toContain(own);
  });

  it('that does not open is named and counted, beside an identity that does or does not', async () => {
    await pass(anna);
    passages.push(makePassage(2, { subject: subjectOf(newKey, binh) }));
    const sealed = await sealIdentity(lost, { phone: '0900000001' }, 'whatever');
    await correct({ number: anna, sealed }, {});
    await correct({ number: anna, sealed: await sealIdentity(siteKey, { phone: '1' }, 'moved') }, {});
    await correct({ number: binh }, { phone: 12 });
    await correct({ number: binh }, { phone: '0900000002' });
    const { cells, ending } = await ask(atGate);
    const at = '2026-11-21T08:00:00.000+07:00';
    expect(cells).toEqual([
      `${at} sealed to the key ${lost.id}, which was not opened; ${at} damaged: the correction does not open`,
      `${at} damaged: the correction does not open; ${at} phone="0900000002"`,
    ]);
    expect(ending).toMatchObject({ unopened: 0, corrections: 1, correctionsUnopened: 3 });
  });
});

describe('the audit', () => {
  it('knows of the question before a correction is opened, and how many were afterwards, without what they say', async () => {
    await pass(anna);
    await correct({ number: anna }, { name: 'Nguyễn Văn Đúng', phone: '0900000001' });
    let before = '';
    await ask(atGate, (tracing) => ({
      ...tracing,
      passagesAt: (...what) => {
        before = auditText();
        expect(tried).toEqual([]);
        return tracing.passagesAt(...what);
      },
    }));
    expect(before).toContain('"identities.unseal"');
    expect(auditText()).toContain('"rows":1,"persons":1,"unopened":0,"corrections":1,"correctionsUnopened":0');
    for (const secret of ['Đúng', '0900000001', subjectOf(newKey, anna)]) expect(auditText()).not.toContain(secret);
  });
});
