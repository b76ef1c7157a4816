/** What `unseal` says of people with printed cards: who they are stands in the register alone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { runCards } from '../../../gateway/cards/command.ts';
import { bindingOf } from '../../../gateway/cards/issue.ts';
import { openRegister, openRegisterReader } from '../../../gateway/cards/register.ts';
import type { RegisteredCard, RegisterReader } from '../../../gateway/cards/registered-cards.ts';
import { correctionBinding } from '../../../gateway/officer/corrections.ts';
import { type Ending, investigate } from '../../../gateway/officer/investigation.ts';
import type { Question } from '../../../gateway/officer/unseal.ts';
import type { Meeting, Passage } from '../../../gateway/tracing/tracing.ts';
import { readIssuers } from '../../../gateway/trust/issuer.ts';
import { readTrustFolder } from '../../../gateway/trust/trust-files.ts';
import { cardPrefix } from '../../../shared/card.ts';
import { formatCardNumber, nineDigits, tenDigits } from '../../../shared/card-number.ts';
import { Fault } from '../../../shared/fault.ts';
import { createOpener, type IdentityOpener, importSiteKey, sealIdentity, subjectOf } from '../../../shared/identity.ts';
import { listedTracing, makePassage } from '../../fakes/listed-tracing.ts';
import { MemoryRemover } from '../../fakes/memory-remover.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { pipedInput } from '../../fakes/piped-input.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { watchedOpener } from '../../fakes/watched-opener.ts';

const people =
  'name,birth_year,number,phone,address\nPhạm Văn Đ,1933,001033000001,0900000001,Xã X\nLê Thị E,1940,001040000002,0900000002,Xã Y\n';
const window = { fromMs: Date.UTC(2026, 10, 19, 17), toMs: Date.UTC(2026, 10, 20, 17) };
const atGate: Question = { type: 'gate', gate: null, window };
const together: Question = { type: 'together', numbers: ['001099012345'], window: null };

let dir: string;
let dataDir: string;
let keys: Awaited<ReturnType<typeof readTrustFolder>>;
let real: IdentityOpener;
let cards: readonly RegisteredCard[];
let store: MemoryStore;
/** What was opened: what each was bound to. */
let tried: string[];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-holders-'));
  dataDir = join(dir, 'data');
  store = new MemoryStore();
  tried = [];
  await issue();
  keys = await readTrustFolder(join(dataDir, 'trust'));
  real = await createOpener(readFileSync(join(dataDir, 'trust', 'site.key')));
  using register = openRegisterReader(dataDir);
  cards = [...(register?.all() ?? [])];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

let lists = 0;
async function issue(): Promise<void> {
  writeFileSync(join(dir, 'people.csv'), people);
  await runCards(['issue', '--from', join(dir, 'people.csv'), '--out', join(dir, `cards-${++lists}.pdf`)], {
    ...{ dataDir, site: 'Nhà máy A', clock: new VirtualClock(Date.UTC(2026, 10, 1)), chance: seededChance(lists) },
    ...{ log: new RecordingLog(), signal: new AbortController().signal, desk: scriptedDesk(null) },
    ...{ warn: () => {}, print: async () => 0, input: pipedInput('') },
  });
}

const cardAt = (index: number): RegisteredCard => cards[index] ?? expect.fail(`no card ${index}`);
const numberOf = ({ issuer, number }: Pick<RegisteredCard, 'issuer' | 'number'>) =>
  `${cardPrefix}${issuer}:${nineDigits(number)}`;
const newestKey = () => keys.subjectKeys.at(-1)?.key ?? expect.fail('no key of subjects');
const siteKey = () => importSiteKey(Buffer.from(keys.sealingKeys.at(-1)?.notice.key.publicKey ?? '', 'base64url'));

/** Somebody shows a card; `says` is the card whose number the kiosk seals. */
async function show(index: number, card: Pick<RegisteredCard, 'issuer' | 'number'>, says = card): Promise<Passage> {
  const passage = makePassage(index, { subject: subjectOf(newestKey(), numberOf(card)), kind: 'ravao-card' });
  const identity = await sealIdentity(await siteKey(), { number: tenDigits(says.number) }, passage.id);
  return { ...passage, identity };
}

function meetingOf({ id, identity, kiosk, subject }: Passage): Meeting {
  const span = { fromMs: 0, toMs: 1, togetherMs: 1, withFromMs: 0, withToMs: 1 };
  return { id, identity, kiosk, subject: subject ?? '', gates: ['Cổng A'], certain: true, position: 1, ...span };
}

interface Given {
  readonly passages?: readonly Passage[];
  readonly meetings?: readonly Meeting[];
  readonly register?: () => RegisterReader | null;
}

async function ask(question: Question, given: Given) {
  const { passages = [], meetings = [], register = () => openRegisterReader(dataDir) } = given;
  const opener = watchedOpener(real, tried);
  const endings: Ending[] = [];
  const parts = {
    ...{ tracing: listedTracing(passages, meetings), corrections: store, register },
    ...{ openers: new Map([[opener.id, opener]]), subjectKeys: keys.subjectKeys.map(({ key }) => key) },
    ...{ issuers: () => readIssuers(join(dataDir, 'trust')), audit: openAudit(dataDir) },
    signal: new AbortController().signal,
  };
  let text = '';
  for await (const piece of investigate(question, 'vụ 12', parts, (end) => void endings.push(end))) text += piece;
  return { rows: parse(text, { bom: true, columns: true }) as Record<string, string>[], ending: endings[0] };
}

describe('the holder of a printed card', () => {
  it('is named from the register, with phone and address, and no other holder is opened', async () => {
    const { rows, ending } = await ask(atGate, { passages: [await show(1, cardAt(0))] });
    expect(rows).toMatchObject([
      {
        ...{ name: 'Phạm Văn Đ', birth_year: '1933', phone: '0900000001', address: 'Xã X' },
        ...{ number: tenDigits(cardAt(0).number), holder_number: '001033000001' },
        note: 'printed card: who it is says the register of cards',
      },
    ]);
    expect(ending).toMatchObject({ rows: 1, persons: 1, unopened: 0 });
    expect(tried).toEqual([makePassage(1).id, bindingOf(cardAt(0).id)]);
    const audited = readFileSync(join(dataDir, 'audit.jsonl'), 'utf8');
    expect(audited).toMatch(/"identities.unseal".*\n.*"identities.unsealed".*"persons":1/);
    expect(audited).not.toContain('Phạm');
  });

  it('is named among those who were there together with somebody', async () => {
    const { rows } = await ask(together, { meetings: [meetingOf(await show(1, cardAt(1)))] });
    expect(rows).toMatchObject([{ name: 'Lê Thị E', phone: '0900000002' }]);
  });

  it('is not looked for by a number that does not make the row’s own pseudonym', async () => {
    const { rows, ending } = await ask(atGate, { passages: [await show(1, cardAt(0), cardAt(1))] });
    expect(rows).toMatchObject([
      { name: '', phone: '', note: expect.stringContaining('not in the register of cards') },
    ]);
    expect(ending).toMatchObject({ persons: 0 });
    expect(tried).toEqual([makePassage(1).id]);
  });

  it('stands with what was said to be wrong, also what was kept under another card of theirs', async () => {
    using register = openRegister(dataDir);
    register.revoke(cardAt(0), 'lost', Date.UTC(2026, 10, 2));
    register[Symbol.dispose]();
    await issue();
    using reader = openRegisterReader(dataDir);
    const second = [...(reader?.all() ?? [])].at(-1) ?? expect.fail('no second card');
    expect(second.person).toEqual(cardAt(0).person);
    const sealed = await sealIdentity(await siteKey(), { phone: '0911111111' }, correctionBinding('c1'));
    const correction = { id: 'c1', subject: subjectOf(newestKey(), numberOf(cardAt(0))), atMs: 0, sealed };
    await new MemoryRemover(store).addCorrection(correction);
    const passages = [await show(1, second), await show(2, cardAt(1))];
    const { rows, ending } = await ask(atGate, { passages });
    expect(rows.map(({ corrections }) => corrections)).toEqual([expect.stringContaining('phone="0911111111"'), '']);
    expect(ending).toMatchObject({ corrections: 1, persons: 2 });
  });
});

describe('a printed card without a holder', () => {
  it('says so where it is of another site, erased or damaged, and counts as nobody who was opened', async () => {
    const stranger = { issuer: readIssuers(join(dataDir, 'trust'))[0]?.id ?? '', number: 123 };
    {
      using register = openRegister(dataDir);
      register.forgetHolders([cardAt(0)]);
      register.reassign(cardAt(1), cardAt(1).person, { ...cardAt(1).sealed, enc: cardAt(0).sealed.enc });
    }
    const passages = [await show(1, stranger), await show(2, cardAt(0)), await show(3, cardAt(1))];
    const { rows, ending } = await ask(atGate, { passages });
    expect(rows.map(({ name, number, note }) => [name, number, note])).toEqual([
      ['', tenDigits(123), `printed card ${formatCardNumber(123)}: not in the register of cards of this site`],
      ['', tenDigits(cardAt(0).number), expect.stringMatching(/: whose it is was erased$/)],
      ['', tenDigits(cardAt(1).number), expect.stringMatching(/: damaged, its holder in the register does not open$/)],
    ]);
    expect(ending).toMatchObject({ rows: 3, persons: 0, unopened: 1 });
    const met = await ask(together, { meetings: passages.map(meetingOf) });
    expect(met.rows.map(({ note }) => note)).toEqual(rows.map(({ note }) => note));
  });

  it('says which key it is sealed to where that was not opened', async () => {
    {
      using register = openRegister(dataDir);
      register.reassign(cardAt(0), cardAt(0).person, { ...cardAt(0).sealed, key: 'A'.repeat(16) });
    }
    const { rows, ending } = await ask(atGate, { passages: [await show(1, cardAt(0))] });
    expect(rows[0]?.note).toMatch(/its holder is sealed to the key A{16}, which was not opened$/);
    expect(ending).toMatchObject({ unopened: 1 });
  });

  it('does not keep the other rows from being answered where the register cannot be read', async () => {
    const passage = makePassage(2, { subject: subjectOf(newestKey(), '001099012345') });
    const identity = await sealIdentity(await siteKey(), { name: 'Trần B', number: '001099012345' }, passage.id);
    const passages = [await show(1, cardAt(0)), { ...passage, identity }];
    const register = () => {
      throw new Fault('REGISTER_MISSING', 'File: cards.db');
    };
    const { rows, ending } = await ask(atGate, { passages, register });
    expect(rows).toMatchObject([
      { name: '', note: expect.stringMatching(/the register of cards cannot be read \(REGISTER_MISSING\)$/) },
      { name: 'Trần B', note: '' },
    ]);
    expect(ending).toMatchObject({ persons: 1, unopened: 1 });
  });
});

describe('a use of a guard’s card', () => {
  it('is no passage of anybody, while a visitor without a code is one', async () => {
    const passages = [makePassage(1, { kind: 'control' }), makePassage(2, { kind: 'visitor' })];
    const { rows, ending } = await ask(atGate, { passages });
    expect(rows.map(({ kind }) => kind)).toEqual(['visitor']);
    expect(ending).toMatchObject({ rows: 1 });
  });
});
