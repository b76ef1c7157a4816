import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { programAt, startAtTerminal } from '../fakes/at-terminal.ts';
import { filesBelow } from '../fakes/files-below.ts';
import { readWords } from '../fakes/pdf-reader.ts';
import { runProcess, startProcess } from '../fakes/processes.ts';
import { idCard, idNumber, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

const passphrase = 'quả xoài vàng ngủ trưa';
const askedMs = 30_000;

/** A serving gateway, with a gate through which so many people have gone. */
async function makeBusySite(folder: SiteFolder, people: number) {
  if (!existsSync(folder.credentialsDir('gate-a'))) await folder.enrol('gate-a');
  const { gateway, port } = await folder.startGateway({ RAVAO_LOG_LEVEL: 'debug' });
  await using kiosk = await folder.startKiosk('gate-a', port, { RAVAO_GATE: 'Cổng A' });
  for (let number = 1; number <= people; number++) kiosk.write(`${idCard(number)}\n`);
  await kiosk.waitForLog('scan.recorded', startDeadlineMs, { matches: ({ seq }) => seq === people });
  await folder.waitForEntries(people);
  await kiosk.kill('SIGTERM');
  return gateway;
}

const atTerminal = (folder: SiteFolder, line: string) =>
  startAtTerminal(`node gateway/main.ts ${line}`, { env: folder.gatewayEnv() });

/** Runs `site-key protect` at a terminal; everything that was shown there. */
async function protect(folder: SiteFolder): Promise<string> {
  await using command = await atTerminal(folder, 'site-key protect');
  await command.waitForOutput(/New passphrase of the health officer: $/, askedMs);
  command.write(`${passphrase}\r`);
  await command.waitForOutput(/The same once more: $/, askedMs);
  command.write(`${passphrase.normalize('NFD')}\r`);
  await command.exited;
  return command.output();
}

const run = (folder: SiteFolder, ...args: string[]) =>
  runProcess(['gateway/main.ts', ...args], { env: folder.gatewayEnv() });

/** Runs a command that is told of a person through standard input. */
async function runOf(folder: SiteFolder, input: string, ...args: string[]) {
  await using command = await startProcess(['gateway/main.ts', ...args], { env: folder.gatewayEnv() });
  command.write(input);
  command.endInput();
  const { code } = await command.exited;
  return { code, stdout: command.stdout(), output: command.output() };
}

/** Where any of these is readable: in which files of the gateway, or in its log. */
function findSecrets(folder: SiteFolder, log: string, secrets: readonly (string | Buffer)[]): readonly string[] {
  const places = [...filesBelow(folder.gatewayDir), ['the log', Buffer.from(log)] as const];
  return places.flatMap(([place, bytes]) =>
    secrets.filter((secret) => bytes.includes(secret)).map((secret) => `${secret} in ${place}`),
  );
}

const rowsOf = (text: string) => parse(text, { bom: true, columns: true }) as Record<string, string>[];

describe('the health officer', () => {
  it('puts the key under a passphrase that is never shown, and opens what was asked, while the gateway serves', async () => {
    using folder = new SiteFolder();
    await using gateway = await makeBusySite(folder, 3);
    const key = readFileSync(join(folder.gatewayDir, 'trust', 'site.key'));
    expect(await protect(folder)).toContain('site.key.wrapped opens with the passphrase');

    await using command = await atTerminal(folder, 'unseal --person --why "vụ 12"');
    await command.waitForOutput(/The person's code or number: $/, askedMs);
    command.write(`${idNumber(1)}\r`);
    await command.waitForOutput(/Another one, or Enter: $/, askedMs);
    command.write('\r');
    await command.waitForOutput(/Passphrase of the health officer: $/, askedMs);
    const cmdline = readFileSync(`/proc/${programAt(command)}/cmdline`, 'utf8');
    const environment = readFileSync(`/proc/${programAt(command)}/environ`, 'utf8');
    command.write(`${passphrase}\r`);
    await command.exited;
    const shown = command.stdout();
    // What may be seen is seen, so that what may not would be.
    expect(shown).toContain(idNumber(1));
    expect(shown).toContain('Nguyễn Văn A');
    expect(shown.normalize('NFC')).not.toContain(passphrase.slice(0, 3));
    expect(cmdline).toContain('unseal');
    for (const text of [cmdline, environment]) {
      expect(text).not.toContain(idNumber(1));
      expect(text).not.toContain(passphrase);
    }

    // Nowhere on the gateway's disk, nor in its log: the key, the passphrase, a name, a number.
    const secrets = [key, passphrase, passphrase.normalize('NFD'), 'Nguyễn Văn A', idNumber(1)];
    expect(findSecrets(folder, gateway.output(), secrets)).toEqual([]);
    expect(await folder.command(['audit'])).toMatch(
      /key\.protect .*\n.*key\.protected .*\n.*passphrase\.attempt purpose="unseal".*\n.*passphrase\.right .*\n.*identities\.unseal question="visits" person=\["[\w-]{22}",.*because "vụ 12"\n.*identities\.unsealed rows=1 persons=1 unopened=0 corrections=0 correctionsUnopened=0 complete=true\n$/,
    );
    expect((await folder.check()).code).toBe(0);
  }, 180_000);

  it('takes another hand’s wrong passphrase for what it is: it is counted, slowed, and told to who comes next', async () => {
    using folder = new SiteFolder();
    await using _ = await makeBusySite(folder, 1);
    await protect(folder);
    const words = join(folder.dir, 'words');
    writeFileSync(words, 'not the right words\n', { mode: 0o600 });
    const guess = () =>
      run(
        folder,
        'unseal',
        '--all-gates',
        '--from',
        '2020-01-01',
        '--to',
        '2099-01-01',
        '--why',
        'x',
        '--passphrase-file',
        words,
      );
    // Two at once: one is refused or waits for its turn, none gets past the count.
    const both = await Promise.all([guess(), guess()]);
    expect(both.map(({ code }) => code)).toEqual([1, 1]);
    const busy = both.filter(({ stderr }) => stderr.includes('PASSPHRASE_BUSY')).length;
    const status = (await run(folder, 'site-key', 'status')).stdout;
    expect(status).toContain(`Wrong passphrases since the last right one: ${2 - busy}.`);
    const third = await guess();
    expect(third).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/That is not the passphrase/) });
    expect(third.stderr).toMatch(/this one waits \d s|Wrong attempts: 2/);
    writeFileSync(words, `${passphrase}\n`);
    const right = await guess();
    expect(right).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`Wrong attempts since it was last right: ${3 - busy}.`),
    });
    expect((await run(folder, 'site-key', 'status')).stdout).toContain('since the last right one: 0.');
    const audit = await folder.command(['audit']);
    expect(audit.match(/passphrase\.wrong/g)).toHaveLength(3 - busy);
  }, 180_000);

  it('gives the terminal back as it was, whether it is answered, given up or killed', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    await protect(folder);
    for (const end of ['\u0003', 'SIGTERM'] as const) {
      await using command = await atTerminal(folder, 'site-key change-passphrase; stty -a; echo the end');
      await command.waitForOutput(/Passphrase of the health officer: $/, askedMs);
      if (end === 'SIGTERM') process.kill(programAt(command), end);
      else command.write(end);
      await command.waitForOutput(/the end\r?\n$/, askedMs);
      expect(command.output()).toMatch(/[^-]icanon/);
      expect(command.output()).toMatch(/[^-]echo /);
      expect(command.output()).toContain('Nothing was changed.');
    }
  }, 180_000);
});

describe('an investigation', () => {
  it('finds who was there together with a person, and the names on printed cards, with the passphrase alone', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    const byTurns = { RAVAO_GATE: '=cmd|Cổng', RAVAO_DIRECTION: 'toggle', RAVAO_REPEAT_MS: '1' };
    await using kiosk = await folder.startKiosk('gate-a', port, byTurns);
    // 1 and 2 come, 1 leaves, 3 comes, 2 leaves: 1 met 2 alone, 2 met both.
    let seq = 0;
    for (const person of [1, 2, 1, 3, 2]) {
      seq++;
      kiosk.write(`${idCard(person).replace('Nguyễn Văn A', `Người Thứ ${person}`)}\n`);
      await kiosk.waitForLog('scan.recorded', startDeadlineMs, { matches: (fields) => fields.seq === seq });
    }
    await folder.waitForEntries(5);
    const cards = join(folder.dir, 'cards.pdf');
    await folder.command(['cards', 'issue', '--out', cards], 'name: Bà Cụ Bảy\nbirth_year: 1940\n');
    await protect(folder);
    const words = join(folder.dir, 'words');
    writeFileSync(words, `${passphrase}\n`, { mode: 0o600 });
    const met = async (person: number) => {
      const args = ['unseal', '--person', '--together', '--why', 'x', '--passphrase-file', words];
      await using command = await startProcess(['gateway/main.ts', ...args], { env: folder.gatewayEnv() });
      command.write(`${idNumber(person)}\n`);
      command.endInput();
      expect(await command.exited, command.output()).toMatchObject({ code: 0 });
      return rowsOf(command.stdout());
    };
    const names = (rows: readonly Record<string, string>[]) => rows.map(({ name }) => name).toSorted();
    const [meeting] = await met(1);
    expect(meeting).toMatchObject({ name: 'Người Thứ 2', number: idNumber(2), gates: "'=cmd|Cổng" });
    expect(names(await met(1))).toEqual(['Người Thứ 2']);
    expect(names(await met(2))).toEqual(['Người Thứ 1', 'Người Thứ 3']);

    expect((await run(folder, 'cards', 'list')).stdout).not.toContain('Bà Cụ');
    const listed = await run(folder, 'cards', 'list', '--names', '--passphrase-file', words);
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('Bà Cụ Bảy 1940') });
    // In a session of its own, so that whoever runs this at a terminal is not asked.
    const alone = ['--wait', process.execPath, 'gateway/main.ts', 'cards', 'list', '--names'];
    expect(await runProcess(alone, { command: 'setsid', env: folder.gatewayEnv() })).toMatchObject({
      ...{ code: 1, stdout: '', stderr: expect.stringContaining('PASSPHRASE_UNASKED') },
    });
    const [number = ''] = /\d{3} \d{3} \d{3} \d/.exec(listed.stdout) ?? [];
    const again = join(folder.dir, 'again.pdf');
    const reprint = ['cards', 'reprint', number, '--out', again];
    await folder.command([...reprint, '--passphrase-file', words]);
    expect(await readWords(again)).toContain('Bà Cụ Bảy');
    writeFileSync(words, 'another one by mistake\n');
    const without = await run(folder, ...reprint, '--passphrase-file', words);
    expect(without).toMatchObject({ code: 0, stderr: expect.stringContaining('stays wrapped') });
    expect(await readWords(again)).not.toContain('Bà Cụ');
  }, 180_000);
});

describe('what a person said is wrong', () => {
  it('is shown to the officer beside them, over a change of both keys, and is in no file, log or audit', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway({ RAVAO_LOG_LEVEL: 'debug' });
    await using _ = gateway;
    const startAtGate = (id: string) => folder.startKiosk(id, port, { RAVAO_GATE: 'Cổng A' });
    await using kiosk = await startAtGate('gate-a');
    kiosk.write(`${idCard(1)}\n`);
    await folder.waitForEntries(1);
    const right = 'phone: 0912 345 678\nnote: số cũ là của người khác\n';
    const kept = await runOf(folder, `${idNumber(1)}\n${right}`, 'person', 'correct', '--why', 'thư 1');
    expect(kept.code, kept.output).toBe(0);
    for (const kind of ['site', 'subject']) await folder.command(['keys', 'rotate', kind, '--why', 'yearly']);
    // A kiosk that is enrolled now has the new keys at once.
    await folder.enrol('gate-b');
    await using newer = await startAtGate('gate-b');
    for (const person of [1, 2]) {
      newer.write(`${idCard(person)}\n`);
      await folder.waitForEntries(person + 1);
    }

    const span = ['--from', '2020-01-01', '--to', '2099-01-01', '--why', 'vụ 12'];
    const correction = expect.stringMatching(/^\S+\+07:00 phone="0912345678" note="số cũ là của người khác"$/);
    const byGate = await run(folder, 'unseal', '--gate', 'Cổng A', ...span);
    expect(byGate).toMatchObject({ code: 0, stderr: expect.stringContaining('1 correction: what people said') });
    const found = rowsOf(byGate.stdout);
    expect(new Set(found.map(({ subject }) => subject)).size).toBe(3);
    expect(found.map(({ number, corrections }) => [number, corrections])).toEqual([
      [idNumber(1), correction],
      [idNumber(1), correction],
      [idNumber(2), ''],
    ]);
    for (const [person, cells] of [[1, [correction, correction]] as const, [2, ['']] as const]) {
      const ran = await runOf(folder, `${idNumber(person)}\n`, 'unseal', '--person', '--why', 'vụ 12');
      expect(ran.code, ran.output).toBe(0);
      expect(rowsOf(ran.stdout).map(({ corrections }) => corrections)).toEqual(cells);
    }
    expect(await folder.command(['audit'])).toMatch(
      /identities\.unsealed rows=3 .* corrections=1 correctionsUnopened=0/,
    );

    const secrets = ['0912345678', '0912 345 678', 'người khác', 'Nguyễn Văn A'];
    expect(findSecrets(folder, gateway.output() + byGate.stderr, secrets)).toEqual([]);
    // The key that it was sealed to is lost: that is said, and the rest is shown.
    rmSync(join(folder.gatewayDir, 'trust', 'site.key'));
    const half = await run(folder, 'unseal', '--gate', 'Cổng A', ...span);
    expect(half).toMatchObject({ code: 1, stderr: expect.stringContaining('1 correction could not be opened') });
    const closed = expect.stringMatching(/^\S+ sealed to the key [\w-]{16}, which was not opened$/);
    expect(rowsOf(half.stdout).map(({ name, corrections }) => [name, corrections])).toEqual([
      ['', closed],
      ['Nguyễn Văn A', closed],
      ['Nguyễn Văn A', ''],
    ]);
  }, 360_000);
});

describe('a gateway without the key', () => {
  it('seals, counts and forwards; and what was sealed opens when the key is brought', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    await protect(folder);
    const stick = join(folder.dir, 'stick.key');
    expect((await run(folder, 'site-key', 'export', '--out', stick)).stdout).toContain('holds the wrapped key');
    await using gateway = await makeBusySite(folder, 2);
    expect(gateway.logs.find(({ event }) => event === 'trust.opened')).toMatchObject({ siteKeyHere: false });
    expect(readFileSync(join(folder.gatewayDir, 'upstream.ndjson'), 'utf8').trim().split('\n')).toHaveLength(2);
    const span = ['--all-gates', '--from', '2020-01-01', '--to', '2099-01-01', '--why', 'x'];
    expect(await run(folder, 'unseal', ...span)).toMatchObject({
      ...{ code: 1, stdout: '', stderr: expect.stringContaining('not on this machine') },
    });
    const words = join(folder.dir, 'words');
    writeFileSync(words, `${passphrase}\n`, { mode: 0o600 });
    const out = join(folder.dir, 'answer.csv');
    const ran = await run(folder, 'unseal', ...span, '--key-file', stick, '--passphrase-file', words, '--out', out);
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    expect(rowsOf(readFileSync(out, 'utf8')).map(({ name, number, gate }) => [name, number, gate])).toEqual([
      ['Nguyễn Văn A', idNumber(1), 'Cổng A'],
      ['Nguyễn Văn A', idNumber(2), 'Cổng A'],
    ]);
    expect(statSync(out).mode & 0o777).toBe(0o600);
  }, 180_000);

  it('goes on when the file is lost, or damaged, or the passphrase is; nothing opens what was sealed, and nothing says it did', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    await protect(folder);
    const wrapped = join(folder.gatewayDir, 'trust', 'site.key.wrapped');
    writeFileSync(wrapped, `${readFileSync(wrapped, 'utf8').slice(0, -20)}\n`);
    await using gateway = await makeBusySite(folder, 2);
    const span = ['--all-gates', '--from', '2020-01-01', '--to', '2099-01-01', '--why', 'x'];
    expect(await run(folder, 'unseal', ...span)).toMatchObject({
      ...{ code: 1, stdout: '', stderr: expect.stringContaining('KEY_FILE_INVALID') },
    });
    rmSync(wrapped);
    expect(await run(folder, 'unseal', ...span)).toMatchObject({ code: 1, stdout: '' });
    expect((await run(folder, 'site-key', 'status')).stdout).toContain('It is not on this machine.');
    await gateway.kill('SIGTERM');
    const { gateway: again } = await folder.startGateway();
    await using _ = again;
    expect(await folder.entries()).toHaveLength(2);
    // No key was made anew in its place.
    expect(existsSync(join(folder.gatewayDir, 'trust', 'site.key'))).toBe(false);
  }, 180_000);
});
