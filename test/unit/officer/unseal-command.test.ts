import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { correctionBinding } from '../../../gateway/officer/corrections.ts';
import { askAt, readFrom } from '../../../gateway/officer/passphrase-source.ts';
import { protectKeys } from '../../../gateway/officer/protecting.ts';
import { runUnseal } from '../../../gateway/officer/unseal-command.ts';
import { openTrust, type Trust } from '../../../gateway/trust/authority.ts';
import { generateSiteKey, importSiteKey, sealIdentity, subjectOf } from '../../../shared/identity.ts';
import { listedTracing, makePassage } from '../../fakes/listed-tracing.ts';
import { MemoryRemover } from '../../fakes/memory-remover.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const passphrase = 'quả xoài vàng ngủ trưa';
const number = '001099012345';
const code = `${number}|123456789|Nguyễn Văn A|01011999|Nam|Xã X|15082021`;
const why = ['--why', 'vụ 12'];
const day = ['--from', '2026-11-20', '--to', '20/11/2026', ...why];

let dir: string;
let dataDir: string;
let clock: VirtualClock;
let trust: Trust;
let tracing: ReturnType<typeof listedTracing>;
let corrections: MemoryStore;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-unseal-'));
  dataDir = join(dir, 'data');
  clock = new VirtualClock();
  trust = await openTrust(join(dataDir, 'trust'), { site: 'Nhà máy A', clock, log: new RecordingLog() });
  const key = await importSiteKey(Buffer.from(trust.notice.key.publicKey, 'base64url'));
  const passage = makePassage(1, { subject: subjectOf(trust.subjectKey, number) });
  const identity = await sealIdentity(key, { name: 'Nguyễn Văn A', number }, passage.id);
  tracing = listedTracing([{ ...passage, identity }]);
  corrections = new MemoryStore();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Given {
  /** What is typed at the terminal; null: there is none. */
  readonly typed?: readonly string[] | null;
  /** What is piped into standard input; null: it is the terminal. */
  readonly piped?: string | null;
}

/** Runs the command as the command line does. */
async function unseal(args: readonly string[], { typed = null, piped = null }: Given = {}) {
  const desk = scriptedDesk(typed);
  const ran = { out: '', err: '', prompts: desk.prompts };
  const exit = await runUnseal(args, {
    ...{ config: { dataDir }, clock, desk, signal: new AbortController().signal },
    input: piped === null ? null : inPieces(Buffer.from(piped)),
    openStored: async () => ({ tracing, corrections, async [Symbol.asyncDispose]() {} }),
    print: async (pieces) => {
      for await (const piece of pieces) ran.out += piece;
    },
    warn: (text) => {
      ran.err += text;
    },
  });
  return { exit, ...ran };
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 7) yield bytes.subarray(start, start + 7);
}

/** Puts the key under the passphrase, so that a guess costs nothing here. */
async function protect(): Promise<void> {
  const desk = scriptedDesk([passphrase, passphrase]);
  const source = askAt(() => desk.open());
  const access = { dataDir, keyFile: null, passphrase: source, newPassphrase: source, clock, warn: () => {} };
  const { signal } = new AbortController();
  const done = await protectKeys({ ...access, signal, cost: { n: 16, r: 1, p: 1 } });
  expect(done.type).toBe('protected');
}

const auditText = () => readFileSync(join(dataDir, 'audit.jsonl'), 'utf8');

describe('unseal', () => {
  it('asks at the terminal for the person, which is shown, and for the passphrase, which is not', async () => {
    await protect();
    const ran = await unseal(['--person', ...why], { typed: [code, '', passphrase] });
    expect(ran).toMatchObject({ exit: 0, err: '1 passage, 1 identity opened.\n' });
    expect(ran.prompts.map(({ hidden }) => hidden)).toEqual([false, false, true]);
    expect(ran.out).toContain(`\nNguyễn Văn A,${number},`);
  });

  it('takes the person from standard input, and the passphrase from a file', async () => {
    await protect();
    writeFileSync(join(dir, 'words'), `${passphrase.normalize('NFD')}\nnot this\n`, { mode: 0o600 });
    const args = ['--person', ...why, '--passphrase-file', join(dir, 'words')];
    expect(await unseal(args, { piped: `${number}\r\n` })).toMatchObject({ exit: 0 });
    writeFileSync(join(dir, 'words'), 'not the passphrase\n');
    const wrong = await unseal(args, { piped: number });
    expect(wrong).toMatchObject({ exit: 1, out: '', err: expect.stringContaining('Wrong attempts: 1;') });
    expect(wrong.err).toContain('Nothing was opened.');
  });

  it('needs no passphrase where the key lies in clear, and none but that of a file that is named', async () => {
    expect(await unseal(['--gate', 'Cổng A', ...day])).toMatchObject({
      exit: 0,
      err: expect.stringContaining('1 passage,'),
    });
    await protect();
    const wrapped = join(dataDir, 'trust', 'site.key.wrapped');
    const stick = join(dir, 'stick');
    writeFileSync(stick, readFileSync(wrapped));
    rmSync(wrapped);
    expect(await unseal(['--all-gates', ...day])).toMatchObject({
      ...{ exit: 1, out: '', err: expect.stringContaining('--key-file') },
    });
    expect(await unseal(['--all-gates', ...day, '--key-file', stick], { typed: [passphrase] })).toMatchObject({
      exit: 0,
    });
    await expect(unseal(['--all-gates', ...day, '--key-file', join(dir, 'no')])).rejects.toThrow(/KEY_FILE_INVALID/);
  });

  it('shows what the person said is wrong, says that it did, and ends with 1 where that stays closed', async () => {
    const keep = async (id: string, publicKey: Uint8Array) => {
      const sealed = await sealIdentity(await importSiteKey(publicKey), { phone: '0900000001' }, correctionBinding(id));
      const subject = subjectOf(trust.subjectKey, number);
      await new MemoryRemover(corrections).addCorrection({ id, subject, atMs: Date.UTC(2026, 10, 21), sealed });
    };
    await keep('a', Buffer.from(trust.notice.key.publicKey, 'base64url'));
    const shown = await unseal(['--person', ...why], { piped: number });
    expect(shown).toMatchObject({ exit: 0, err: expect.stringContaining('1 correction: what people said is wrong') });
    expect(parse(shown.out, { bom: true, columns: true })).toMatchObject([
      { name: 'Nguyễn Văn A', corrections: '2026-11-21T07:00:00.000+07:00 phone="0900000001"' },
    ]);
    await keep('b', (await generateSiteKey()).publicKey);
    const half = await unseal(['--person', ...why], { piped: number });
    expect(half).toMatchObject({ exit: 1, err: expect.stringContaining('1 correction could not be opened') });
    expect(half.out).toMatch(/phone=""0900000001""; \S+ sealed to the key [\w-]{16}, which was not opened/);
    expect(half.err).not.toContain('0900000001');
  });

  it('writes a file for the officer alone, and never over another', async () => {
    const out = join(dir, 'answer.csv');
    const ran = await unseal(['--gate', 'Cổng A', ...day, '--out', out]);
    expect(ran).toMatchObject({ exit: 0, out: '', err: expect.stringContaining('to be deleted') });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(readFileSync(out, 'utf8')).toContain('Nguyễn Văn A');
    const before = auditText();
    await expect(unseal(['--gate', 'Cổng A', ...day, '--out', out])).rejects.toThrow(/UNSEAL_FAILED: .*EEXIST/);
    await expect(unseal(['--gate', 'Cổng A', ...day, '--out', join(dir, 'no', 'x')])).rejects.toThrow(/UNSEAL_FAILED/);
    expect(auditText()).toBe(before);
    expect(readdirSync(dir).toSorted()).toEqual(['answer.csv', 'data']);
  });

  it('leaves no file where reading fails halfway', async () => {
    tracing = Object.assign(listedTracing([]), {
      async *passagesAt() {
        yield makePassage(1);
        throw new Error('the disk is gone');
      },
    });
    const failed = unseal(['--gate', 'Cổng A', ...day, '--out', join(dir, 'answer.csv')]);
    await expect(failed).rejects.toThrow('the disk is gone');
    expect(readdirSync(dir)).toEqual(['data']);
    expect(auditText()).toContain('"complete":false');
  });

  it('says so where nobody is found, and where what was given is nobody, without saying it again', async () => {
    expect((await unseal(['--person', ...why], { piped: '036099000000' })).err).toContain('No entry is of that person');
    const nobody = await unseal(['--person', ...why], { piped: 'Trần Thị Bí Mật' });
    expect(nobody).toMatchObject({ exit: 1, out: '', err: expect.stringContaining('Line 1') });
    expect(nobody.err).not.toContain('Bí Mật');
    expect(await unseal(['--person', ...why], { typed: [] })).toMatchObject({ exit: 1, err: 'Nothing was opened.\n' });
  });

  it('cannot ask without a terminal, and says what to do', async () => {
    await protect();
    await expect(unseal(['--person', ...why], { piped: number })).rejects.toThrow(/PASSPHRASE_UNASKED/);
    await expect(unseal(['--person', ...why])).rejects.toThrow(/PASSPHRASE_UNASKED/);
    await expect(readFrom(join(dir, 'no such file')).ask('')).rejects.toThrow(/PASSPHRASE_UNASKED/);
    writeFileSync(join(dir, 'words'), `${passphrase}\n`, { mode: 0o640 });
    await expect(readFrom(join(dir, 'words')).ask('')).rejects.toThrow(/PASSPHRASE_UNASKED: .*others can read it/);
    writeFileSync(join(dir, 'book'), 'x'.repeat(100_000), { mode: 0o600 });
    await expect(readFrom(join(dir, 'book')).ask('')).rejects.toThrow(/PASSPHRASE_UNASKED: .*too long/);
  });
});

describe('the arguments of unseal', () => {
  it.each([
    ['a number', ['--number', number, ...why]],
    ['a number with a sign', [`--number=${number}`, ...why]],
    ['a code', ['--code', code, ...why]],
    ['a printed card', ['--card', '123 456 789 4', ...why]],
    ['a passphrase', ['--all-gates', ...day, '--passphrase', passphrase]],
    ['a number without a name', ['--person', ...why, number]],
  ])('may not hold %s: everybody can read them', async (_, args) => {
    const ran = await unseal(args);
    expect(ran).toMatchObject({ exit: 64, out: '' });
    for (const secret of [number, 'Nguyễn', '123 456', passphrase]) expect(ran.err).not.toContain(secret);
    expect(ran.err).toMatch(/^.+\.\nTry "npm run -s gateway -- unseal --help"\.\n$/);
  });

  it.each([
    [['--person'], /--why is the reason/],
    [['--person', '--why', ' '], /--why is the reason/],
    [['--person', '--why', 'x'.repeat(501)], /at most 500/],
    [why, /needs one of --person/],
    [['--person', '--all-gates', ...day], /needs one of --person/],
    [['--all-gates', '--together', ...day], /--together belongs to --person/],
    [['--gate', 'Cổng A', ...why], /with --from and --to/],
    [['--person', '--from', 'yesterday', ...why], /--from and --to are like/],
    [['--person', '--from', '2026-11-21', '--to', '2026-11-20', ...why], /--from must be before --to/],
  ])('that are wrong are told apart: %j', async (args, problem) => {
    expect(await unseal(args)).toMatchObject({ exit: 64, err: expect.stringMatching(problem) });
    expect(existsSync(join(dataDir, 'audit.jsonl'))).toBe(false);
  });
});
