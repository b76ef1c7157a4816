import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { thisActor } from '../../../gateway/audit/actor.ts';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { auditPaths, readAuditHead } from '../../../gateway/audit/audit-file.ts';
import { encodeAuditLine, readAuditLine } from '../../../gateway/audit/audit-line.ts';
import { listAudit } from '../../../gateway/audit/listing.ts';
import { verifyAudit } from '../../../gateway/audit/verify.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let file: string;
let headFile: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-audit-'));
  mkdirSync(join(dir, 'trust'));
  ({ file, head: headFile } = auditPaths(dir));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const actor = { user: 'ravao', login: 'an', command: 'enrol' };

async function record(...actions: string[]): Promise<void> {
  const audit = openAudit(dir, { actor, clock: new VirtualClock() });
  for (const action of actions) await audit.record({ action, what: { kiosk: 'gate-a', count: 2 }, why: 'thử' });
}

function problemLines(): number[] {
  return verifyAudit(dir).problems.map(({ line }) => line);
}

/** Lines of the file without their line feeds. */
function lines(): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

const writeLines = (kept: readonly string[]) => writeFileSync(file, kept.map((line) => `${line}\n`).join(''));

describe('the audit', () => {
  it('was never begun where nothing was recorded, which is no problem, and looking makes nothing', () => {
    expect(verifyAudit(dir)).toMatchObject({ lines: 0, problems: [], unfinished: false });
    expect(() => statSync(file)).toThrow(/ENOENT/);
  });

  it('holds who did what, when and why, for its owner alone, each line bound to the one before', async () => {
    await record('a', 'b');
    const [first, second] = lines().map((line) => JSON.parse(line));
    expect(first).toMatchObject({ seq: 1, user: 'ravao', login: 'an', command: 'enrol', action: 'a', why: 'thử' });
    expect(first.what).toEqual({ kiosk: 'gate-a', count: 2 });
    expect(second).toMatchObject({ seq: 2, prev: first.hash });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(verifyAudit(dir)).toMatchObject({ lines: 2, problems: [], end: { seq: 2, hash: second.hash } });
  });

  it('gives the end that it has then', async () => {
    const audit = openAudit(dir, { actor });
    const end = await audit.record({ action: 'a', what: {} });
    expect(verifyAudit(dir).end).toEqual(end);
    expect(readAuditHead(headFile)).toEqual({ ...end, bytes: statSync(file).size });
  });

  it('knows the user and the command of its own process', () => {
    expect(thisActor(['--force', 'unseal', 'x'])).toMatchObject({
      command: 'unseal',
      user: expect.stringMatching(/./),
    });
    expect(thisActor([])).toMatchObject({ command: 'gateway' });
    expect(thisActor(['serve'])).toMatchObject({ command: 'gateway' });
  });

  it('says AUDIT_WRITE_FAILED where there is no trust folder, and AUDIT_READ_FAILED where it cannot be read', async () => {
    rmSync(join(dir, 'trust'), { recursive: true });
    await expect(record('a')).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', retryable: true });
    rmSync(file);
    mkdirSync(file);
    expect(() => verifyAudit(dir)).toThrow(expect.objectContaining({ code: 'AUDIT_READ_FAILED' }));
  });

  it('refuses a line that is too long as a bug', async () => {
    await expect(openAudit(dir).record({ action: 'a', what: { x: 'y'.repeat(20_000) } })).rejects.toThrow(/too long/);
    expect(verifyAudit(dir)).toMatchObject({ lines: 0, problems: [] });
  });
});

describe('a line of the audit', () => {
  it('is read as it was written, and fits nothing else', () => {
    const draft = { at: '2026-11-20T00:00:00.000Z', ...actor, action: 'a', what: { ids: ['x'], n: null }, why: null };
    const { text, end } = encodeAuditLine(draft, { seq: 4, hash: 'a'.repeat(64) });
    const read = readAuditLine(Buffer.from(text.slice(0, -1)));
    expect(read).toMatchObject({ ok: true, line: { ...draft, seq: 5, prev: 'a'.repeat(64), hash: end.hash } });
    expect(readAuditLine(Buffer.from(text.slice(0, -2)))).toEqual({ ok: false, claimed: null });
    expect(readAuditLine(Buffer.from(text.trim().replace('"a"', '"b"')))).toEqual({ ok: false, claimed: end.hash });
  });
});

describe('tampering', () => {
  const acts = ['a', 'b', 'c', 'd', 'e', 'f'];

  it('is found wherever a byte is changed, and the line is named', async () => {
    await record(...acts);
    const whole = readFileSync(file);
    const anyEdit = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255) });
    fc.assert(
      fc.property(anyEdit, ({ at, to }) => {
        fc.pre(whole[at] !== to);
        const edited = Buffer.from(whole);
        edited[at] = to;
        writeFileSync(file, edited);
        const line = whole.subarray(0, at).toString('latin1').split('\n').length;
        expect(problemLines()[0]).toBe(line);
      }),
      { numRuns: 500 },
    );
  });

  it('is found wherever bytes are put in or taken out', async () => {
    await record(...acts);
    const whole = readFileSync(file);
    const edit = fc.record({ at: fc.nat(whole.length), out: fc.nat(300), put: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(edit, ({ at, out, put }) => {
        const edited = Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + out)]);
        // What is put in behind the last line was never said to be done: it is no change of what was.
        fc.pre(!edited.subarray(0, whole.length).equals(whole));
        writeFileSync(file, edited);
        expect(problemLines()).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('is found in every order of the lines but theirs, and when any are missing, repeated or replaced by old ones', async () => {
    await record(...acts);
    const whole = lines();
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length - 1), { maxLength: 8 }), (order) => {
        fc.pre(acts.some((_, index) => order[index] !== index));
        writeLines(order.map((index) => whole[index] ?? ''));
        expect(problemLines()).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('names the place of a line that was removed, and the two of a swap', async () => {
    await record(...acts);
    const whole = lines();
    writeLines(whole.toSpliced(2, 1));
    expect(verifyAudit(dir).problems).toEqual([
      { line: 3, problem: 'what had the numbers 3 to 3 is missing before number 4' },
    ]);
    const [a = '', b = '', c = '', d = '', ...rest] = whole;
    writeLines([a, c, b, d, ...rest]);
    expect(problemLines()).toEqual([2, 3, 4]);
  });

  it('is found when a line was replaced together with its own hash', async () => {
    await record(...acts);
    const whole = lines();
    const { seq, prev, hash: _, ...draft } = JSON.parse(whole[2] ?? '');
    const forged = encodeAuditLine({ ...draft, action: 'nothing' }, { seq: seq - 1, hash: prev });
    writeLines(whole.with(2, forged.text.trim()));
    expect(verifyAudit(dir).problems).toEqual([
      { line: 4, problem: 'number 4 does not follow the line before it: that one was replaced' },
    ]);
  });

  it.each(['cut', 'replaced', 'emptied', 'deleted'])(
    'is found when the end was %s, and stays so after more acts',
    async (how) => {
      await record(...acts);
      const whole = lines();
      const { seq, prev, hash: _, ...draft } = JSON.parse(whole[5] ?? '');
      const forged = encodeAuditLine({ ...draft, action: 'nothing' }, { seq: seq - 1, hash: prev });
      if (how === 'cut') writeLines(whole.slice(0, 4));
      if (how === 'replaced') writeLines(whole.with(5, forged.text.trim()));
      if (how === 'emptied') truncateSync(file, 0);
      if (how === 'deleted') rmSync(file);
      expect(verifyAudit(dir).problems.at(-1)?.problem).toMatch(
        /^number 6, the last that was written, is cut off or chan/,
      );
      await record('g', 'h');
      expect(verifyAudit(dir).problems.map(({ problem }) => problem)).toContainEqual(
        'the end was cut off or changed before this',
      );
      await record('i');
      expect(verifyAudit(dir).problems).not.toEqual([]);
      expect(verifyAudit(dir).end.seq).toBe(10);
    },
  );

  it('with the head is found, and stays so after more acts', async () => {
    await record(...acts);
    writeLines(lines().slice(0, 4));
    rmSync(headFile);
    expect(verifyAudit(dir).problems).toEqual([{ line: 4, problem: expect.stringContaining('is missing') }]);
    await record('g');
    expect(verifyAudit(dir).problems).toEqual([{ line: 5, problem: expect.stringContaining('head was lost') }]);
    writeFileSync(headFile, 'nonsense');
    expect(verifyAudit(dir).problems.at(-1)?.problem).toContain('is damaged');
    await record('h');
    expect(problemLines()).toEqual([5, 7]);
  });
});

describe('after a power cut', () => {
  it.each([0.001, 0.5, 0.999])(
    'a line that is torn at %d of its length is accounted for by the next',
    async (share) => {
      await record('a', 'b');
      const before = readFileSync(headFile);
      await record('c');
      const whole = readFileSync(file);
      const from = whole.lastIndexOf('\n', whole.length - 2) + 1;
      truncateSync(file, from + Math.ceil((whole.length - from - 1) * share));
      writeFileSync(headFile, before); // the head comes after the line
      expect(verifyAudit(dir)).toMatchObject({ lines: share > 0.99 ? 3 : 2, problems: [] });
      await record('d');
      expect(verifyAudit(dir).problems).toEqual([]);
      const torn = lines().map((line) => readAuditLine(Buffer.from(line)).ok);
      if (share > 0.99) return;
      expect(torn).toEqual([true, true, false, true, true]);
      expect(verifyAudit(dir)).toMatchObject({ lines: 5, mended: 1, end: { seq: 4 } });
      writeLines(lines().with(2, '{"seq":3,"at":"another"'));
      expect(problemLines()[0]).toBe(3);
    },
  );

  it('at whatever bytes, however often, nothing is wrong and nothing that was said to be done is missing', async () => {
    const cuts = fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(cuts, async (shares) => {
        rmSync(file, { force: true });
        rmSync(headFile, { force: true });
        await record('first');
        const done = ['first'];
        for (const [index, share] of shares.entries()) {
          const action = `act-${index}`;
          const head = readFileSync(headFile);
          const from = statSync(file).size;
          await record(action);
          if (share === null) {
            done.push(action);
            continue;
          }
          truncateSync(file, from + Math.round((statSync(file).size - from) * share));
          writeFileSync(headFile, head);
          expect(verifyAudit(dir).problems).toEqual([]);
        }
        await record('last');
        expect(verifyAudit(dir)).toMatchObject({ problems: [], unfinished: false });
        const kept = lines().flatMap((line) => {
          const read = readAuditLine(Buffer.from(line));
          return read.ok ? [read.line.action] : [];
        });
        expect(kept.filter((action) => done.includes(action))).toEqual(done);
      }),
      { numRuns: 40 },
    );
  });

  it('a whole line that did not come to the head is kept', async () => {
    await record('a');
    const before = readFileSync(headFile);
    await record('b');
    writeFileSync(headFile, before);
    await record('c');
    expect(verifyAudit(dir)).toMatchObject({ lines: 3, problems: [], mended: 0 });
  });

  it('zeros where a line should be are accounted for as well', async () => {
    await record('a');
    appendFileSync(file, Buffer.alloc(700));
    expect(verifyAudit(dir)).toMatchObject({ lines: 1, problems: [], unfinished: true });
    await record('b');
    expect(verifyAudit(dir)).toMatchObject({ problems: [], mended: 1, unfinished: false });
  });

  it('between making the head and the first line there is nothing wrong', async () => {
    await record('a');
    rmSync(file);
    writeFileSync(headFile, JSON.stringify({ seq: 0, hash: '0'.repeat(64), bytes: 0 }));
    expect(verifyAudit(dir)).toMatchObject({ lines: 0, problems: [] });
    await record('b');
    expect(verifyAudit(dir)).toMatchObject({ lines: 1, problems: [] });
  });
});

describe('the audit as it is printed', () => {
  it('is a table that a spreadsheet takes no formula from', async () => {
    await openAudit(dir, { actor, clock: new VirtualClock() }).record({ action: 'a', what: {}, why: '=1+1' });
    const table = [...listAudit(dir, 'csv')].join('');
    expect(table).toMatch(/^\ufeffseq,at,user,login,command,action,what,why,hash\n1,.*,ravao,an,enrol,a,\{\},'=1\+1,/);
  });

  it('is the bytes as they are, or lines for people, a strange one marked', async () => {
    await record('a', 'b');
    expect([...listAudit(dir, 'ndjson')].join('')).toBe(readFileSync(file, 'utf8'));
    writeLines(lines().with(1, 'strange'));
    const text = [...listAudit(dir, 'text')];
    expect(text[0]).toMatch(/^1 {2}\S+ \S+ {2}ravao \(an\), enrol: a kiosk="gate-a" count=2 {2}because "thử"\n$/);
    expect(text[1]).toContain('no line of the audit');
    expect([...listAudit(dir, 'csv')].at(-1)).toContain('unreadable');
  });
});
