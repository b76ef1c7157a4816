import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { auditPseudonym, type Ending, investigate } from '../../../gateway/officer/investigation.ts';
import type { Question } from '../../../gateway/officer/unseal.ts';
import type { Meeting, Passage, Tracing } from '../../../gateway/tracing/tracing.ts';
import {
  createOpener,
  generateSiteKey,
  type Identity,
  importSiteKey,
  sealIdentity,
  subjectOf,
} from '../../../shared/identity.ts';
import { auditLines } from '../../fakes/audit-lines.ts';
import { listedTracing, makePassage } from '../../fakes/listed-tracing.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';

const site = await generateSiteKey();
const siteKey = await importSiteKey(site.publicKey);
const opener = await createOpener(site.privateKey);
const [oldSubjectKey, subjectKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const number = '001099012345';
const person: Identity = { name: 'Nguyễn Văn A', number, birthYear: 1999, sex: 'male', phone: '0900000000' };
const noCorrections = { corrections: 0, correctionsUnopened: 0 };
const atGate: Question = {
  type: 'gate',
  gate: 'Cổng A',
  window: { fromMs: Date.UTC(2026, 10, 19, 17), toMs: Date.UTC(2026, 10, 20, 17) },
};

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-unseal-'));
  mkdirSync(join(dataDir, 'trust'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** A passage of somebody whose identity is sealed as a kiosk does. */
async function passageOf(index: number, identity: Identity, changes: Partial<Passage> = {}): Promise<Passage> {
  const passage = makePassage(index, { subject: subjectOf(subjectKey, identity.number ?? ''), ...changes });
  return { ...passage, identity: await sealIdentity(siteKey, identity, passage.id) };
}

/** Investigates; the table's rows by column, its text, how it ended, and what the audit then holds. */
async function ask(question: Question, tracing: Tracing, signal = new AbortController().signal) {
  const audit = openAudit(dataDir);
  const parts = {
    ...{ tracing, openers: new Map([[opener.id, opener]]), subjectKeys: [oldSubjectKey, subjectKey] },
    ...{ corrections: new MemoryStore(), issuers: () => [], register: () => null },
  };
  const endings: Ending[] = [];
  let text = '';
  const table = investigate(question, 'vụ 12/2026', { ...parts, audit, signal }, (end) => void endings.push(end));
  for await (const piece of table) text += piece;
  const rows = parse(text, { bom: true, columns: true }) as Record<string, string>[];
  return { text, rows, ending: endings[0], audited: auditLines(dataDir) };
}

describe('an investigation', () => {
  it('tells who passed a gate in a window, with names', async () => {
    const tracing = listedTracing([
      await passageOf(1, person),
      await passageOf(2, { number: '2' }, { gate: 'Cổng B' }),
      await passageOf(3, { name: 'Trần Thị B' }, { direction: 'out', fromMs: 1000, toMs: 2000 }),
    ]);
    const { rows, ending, text } = await ask(atGate, tracing);
    expect(
      text.startsWith('\ufeffname,number,birth_year,sex,phone,address,holder_number,corrections,gate,direction,'),
    ).toBe(true);
    expect(rows).toMatchObject([
      {
        ...{ name: 'Nguyễn Văn A', number, birth_year: '1999', sex: 'male', phone: '0900000000', gate: 'Cổng A' },
        ...{ direction: 'in', at: '2026-11-20T07:01:00.000+07:00', certain: 'true', kind: 'cccd', method: 'scan' },
        note: '',
      },
      { name: 'Trần Thị B', number: '', certain: 'false', not_before: '1970-01-01T07:00:01.000+07:00' },
    ]);
    expect(ending).toEqual({ ...noCorrections, rows: 2, persons: 2, unopened: 0, complete: true });
  });

  it('finds a person’s passages under every subject key that the site has had', async () => {
    const tracing = listedTracing([
      await passageOf(1, person, { subject: subjectOf(oldSubjectKey, number) }),
      await passageOf(2, { number: 'another' }),
      await passageOf(3, person),
    ]);
    const { rows } = await ask({ type: 'visits', numbers: [number, 'cmnd:123456789'], window: null }, tracing);
    expect(rows.map(({ at }) => at)).toEqual(['2026-11-20T07:01:00.000+07:00', '2026-11-20T07:03:00.000+07:00']);
    expect(tracing.asked[0]).toHaveLength(4);
  });

  it('tells who was there together with a person, from when to when', async () => {
    const { id, identity, kiosk } = await passageOf(5, { name: 'Lê C' });
    const span = { fromMs: Date.UTC(2026, 10, 20, 1), toMs: Date.UTC(2026, 10, 20, 2), togetherMs: 1_800_000 };
    const meeting: Meeting = {
      ...{ id, identity, kiosk, subject: 'SubjectSubjectSubject1', gates: ['Cổng A', 'Cổng B'], position: 1 },
      ...{ ...span, withFromMs: span.fromMs, withToMs: span.toMs, certain: false },
    };
    const { rows } = await ask({ type: 'together', numbers: [number], window: null }, listedTracing([], [meeting]));
    expect(rows).toMatchObject([
      {
        ...{ name: 'Lê C', gates: 'Cổng A, Cổng B', minutes: '30.0', certain: 'false' },
        ...{ from: '2026-11-20T08:00:00.000+07:00', until: '2026-11-20T09:00:00.000+07:00' },
      },
    ]);
  });

  it('gives a row to what it cannot open, without a name and with the reason', async () => {
    const stranger = await generateSiteKey();
    const foreign = await sealIdentity(await importSiteKey(stranger.publicKey), person, makePassage(1).id);
    const moved = (await passageOf(9, person)).identity;
    const good = (await passageOf(2, person)).identity;
    const hostile = await passageOf(4, { name: 12 as unknown as string });
    const tracing = listedTracing([
      makePassage(1, { identity: foreign }),
      makePassage(2, { identity: good && { ...good, ct: `${good.ct.slice(0, -2)}AA` } }),
      makePassage(3, { identity: moved }),
      hostile,
      makePassage(5),
    ]);
    const { rows, ending } = await ask(atGate, tracing);
    expect(rows.map(({ name, note }) => [name, note])).toEqual([
      ['', expect.stringMatching(/^sealed to the key [\w-]{16}, which was not opened$/)],
      ['', 'damaged: the identity does not open'],
      ['', 'damaged: the identity does not open'],
      ['', 'damaged: the identity does not open'],
      ['', 'the code gave no identity'],
    ]);
    expect(ending).toEqual({ ...noCorrections, rows: 5, persons: 0, unopened: 4, complete: true });
  });

  it('gives a spreadsheet no formula, whatever stands in a name, a number or a gate', async () => {
    const starts = ['=', '+', '-', '@', '\t=', '\r=', '\n=', '\u0000=', '＝', '＋', '－', '＠'];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...starts),
        fc.string({ unit: 'grapheme', maxLength: 20 }),
        async (start, rest) => {
          const text = `${start}${rest}`;
          const passage = await passageOf(
            1,
            { name: text, number: text, phone: text, sex: text as 'male' },
            { gate: text },
          );
          const { text: table } = await ask({ ...atGate, type: 'gate', gate: null }, listedTracing([passage]));
          const [, ...records] = parse(table, { bom: true }) as string[][];
          expect(records).toHaveLength(1);
          for (const cell of records.flat()) expect(cell).not.toMatch(/^[\s\p{Cc}]*[=+\-@＝＋－＠]/u);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the audit of an investigation', () => {
  const byPerson: Question = { type: 'visits', numbers: [number], window: { fromMs: 0, toMs: Date.UTC(2026, 11, 1) } };

  it('holds what was asked and why before anything is opened, and how much it told', async () => {
    const seen: unknown[] = [];
    const tracing = listedTracing([await passageOf(1, person)]);
    const watched: Tracing = {
      ...tracing,
      visitsOf: (subjects, window) => {
        seen.push(...auditLines(dataDir));
        return tracing.visitsOf(subjects, window);
      },
    };
    const { audited } = await ask(byPerson, watched);
    const before = {
      action: 'identities.unseal',
      what: {
        question: 'visits',
        person: [auditPseudonym(subjectKey, number)],
        ...{ from: '1970-01-01T07:00:00.000+07:00', to: '2026-12-01T07:00:00.000+07:00' },
      },
      why: 'vụ 12/2026',
    };
    expect(seen).toMatchObject([before]);
    expect(audited).toMatchObject([
      before,
      { action: 'identities.unsealed', what: { rows: 1, persons: 1, unopened: 0, complete: true } },
    ]);
  });

  it('names nobody: neither number nor name, nor the subject that stands in entries', async () => {
    await ask(byPerson, listedTracing([await passageOf(1, person)]));
    await ask({ type: 'gate', gate: null, window: atGate.window ?? { fromMs: 0, toMs: 1 } }, listedTracing([]));
    const text = readFileSync(join(dataDir, 'audit.jsonl'), 'utf8');
    for (const secret of [
      number,
      'Nguyễn',
      '0900000000',
      subjectOf(subjectKey, number),
      subjectOf(oldSubjectKey, number),
    ])
      expect(text).not.toContain(secret);
  });

  it('keeps everything closed where it cannot be written', async () => {
    mkdirSync(join(dataDir, 'audit.jsonl'));
    let asked = false;
    const tracing = listedTracing([]);
    const watched: Tracing = {
      ...tracing,
      passagesAt: (gate, window) => {
        asked = true;
        return tracing.passagesAt(gate, window);
      },
    };
    await expect(ask(atGate, watched)).rejects.toThrow(/AUDIT_WRITE_FAILED/);
    expect(asked).toBe(false);
  });

  it('says that it was not the whole where it was stopped, or the reader went away', async () => {
    const tracing = listedTracing([await passageOf(1, person), await passageOf(2, person)]);
    const stop = new AbortController();
    stop.abort();
    expect((await ask(atGate, tracing, stop.signal)).ending).toMatchObject({ complete: false });
    const parts = {
      ...{ tracing, openers: new Map([[opener.id, opener]]), subjectKeys: [subjectKey] },
      ...{ corrections: new MemoryStore(), issuers: () => [], register: () => null },
    };
    const signal = new AbortController().signal;
    const table = investigate(atGate, 'why', { ...parts, audit: openAudit(dataDir), signal }, () => {});
    await table.next();
    await table.return(undefined);
    expect(auditLines(dataDir).at(-1)).toMatchObject({
      action: 'identities.unsealed',
      what: { rows: 2, complete: false },
    });
  });
});
