import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../shared/entry.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { unreadable } from '../contract/store.ts';
import { CustodyClient } from '../fakes/custody-client.ts';
import { dayMs, grep, makePast, type OldEntry } from '../fakes/old-site.ts';
import { runProcess, startProcess } from '../fakes/processes.ts';
import { idNumber, SiteFolder, startDeadlineMs } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';

const deadlineMs = 60_000;

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Entries of 40 days ago and of yesterday, both forwarded, of the same people or of others; things in quarantine. */
async function makeSite(folder: SiteFolder, people: 'same' | 'other' = 'same') {
  const nowMs = systemClock.nowMs();
  const [longAgoMs, lastlyMs] = [nowMs - 40 * dayMs, nowMs - dayMs];
  const dir = folder.gatewayDir;
  const broken = (text: string, receivedMs: number) => unreadable(text, { receivedMs });
  const personOf = (seq: number) => seq % 50;
  const old = await makePast(dir, { from: 1, count: 1200, receivedMs: longAgoMs, personOf }, [
    broken('{"v":9,"old":"OldOldOldOldOldOldOldO"}', longAgoMs),
  ]);
  const young = await makePast(
    dir,
    { from: 1201, count: 600, receivedMs: lastlyMs, personOf: (seq) => personOf(seq) + (people === 'same' ? 0 : 100) },
    [broken(`{"v":9,"subject":"${people === 'same' ? old[6]?.subject : ''}"}`, lastlyMs)],
  );
  return { old, young };
}

/** Some of many: each is looked for in a dozen forms in every file. */
function someOf(entries: readonly OldEntry[], every: number): readonly OldEntry[] {
  return entries.filter((_, index) => index % every === 0);
}

/** Runs a command that is told of a person through standard input. */
async function person(folder: SiteFolder, args: readonly string[], input: string) {
  await using running = await startProcess(['gateway/main.ts', 'person', ...args], { env: folder.gatewayEnv() });
  running.write(input);
  running.endInput();
  const { code } = await running.exited;
  return { code, output: running.output() };
}

/** Starts the gateway and a kiosk that sends it entries without end. */
async function startWork(folder: SiteFolder): Promise<AsyncDisposable & { readonly client: CustodyClient }> {
  const kiosk = 'gate-b';
  await folder.enrol(kiosk);
  const { gateway, port } = await folder.startGateway();
  const client = new CustodyClient({ kiosk, port, credentialsDir: folder.credentialsDir(kiosk), windowMax: 20 });
  client.flood(true);
  return {
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

describe('after a purge', () => {
  it('no file of the data directory holds what went, while the gateway serves and takes entries', async () => {
    using folder = new SiteFolder();
    const { old, young } = await makeSite(folder, 'other');
    await folder.command(['backup']);
    expect(grep(folder.gatewayDir, someOf(old, 400)).length).toBeGreaterThan(10);
    await using work = await startWork(folder);
    const { client } = work;
    await client.acknowledges(500, deadlineMs);
    const before = client.acknowledged.size;

    const ran = await folder.command(['purge']);
    expect(ran).toMatch(/^Deleted: 1200 entries and 1 thing in quarantine/);
    expect(ran).toMatch(/: 1200 lines\. Backups removed: 0; deleted in others: 1201\./);
    expect(client.acknowledged.size).toBeGreaterThan(before);
    await client.drains(deadlineMs);
    expect(client.connections).toBe(1);

    expect(grep(folder.gatewayDir, [...someOf(old, 37), ...old.slice(-3)])).toEqual([]);
    expect(grep(folder.gatewayDir, someOf(young, 300)).length).toBeGreaterThan(10);
    const check = await folder.check();
    expect(check.stdout).toMatch(/Deleted after their time: 1200 entries/);
    expect(check.code, check.stdout).toBe(0);
    expect(await folder.command(['purge'])).toMatch(/^Deleted: 0 entries and 0 things/);
    expect(await folder.command(['audit'])).toMatch(/retention\.purged entries=1200/);
  }, 180_000);

  it('a kiosk that was put back from an old card sends again, is acknowledged, and nothing is stored', async () => {
    using folder = new SiteFolder();
    const { old } = await makeSite(folder, 'other');
    await folder.command(['purge']);
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    const rows = old.slice(0, 300).map(({ body }) => ({ ...(JSON.parse(body) as Entry), body }));
    using client = new CustodyClient({
      kiosk: 'gate-a',
      port,
      credentialsDir: folder.credentialsDir('gate-a'),
      windowMax: 20,
      rows: rows.values(),
    });
    client.offer(300);
    await client.acknowledges(300, deadlineMs);
    expect(await folder.entries()).toHaveLength(600);
    expect(await folder.quarantine()).toHaveLength(1);
    expect(grep(folder.gatewayDir, someOf(old, 100))).toEqual([]);
  }, 120_000);

  it('killed at any moment it is done by the next', async () => {
    using folder = new SiteFolder();
    const { old } = await makeSite(folder, 'other');
    await folder.command(['backup']);
    for (let kills = 0; kills < 6; kills++) {
      await using running = await startProcess(['gateway/main.ts', 'purge'], {
        env: folder.gatewayEnv(),
        stdin: 'ignore',
      });
      // Each time a little later: between slices, in the file's copying, in a backup.
      const endMs = systemClock.monotonicMs() + 250 + kills * 90;
      await until('the moment', deadlineMs, () => systemClock.monotonicMs() > endMs);
      await running.kill('SIGKILL');
      expect((await folder.check()).code).toBe(0);
    }
    await folder.command(['purge']);
    expect(grep(folder.gatewayDir, someOf(old, 100))).toEqual([]);
    expect(await folder.entries()).toHaveLength(600);
  }, 180_000);

  it('what an upstream has not taken is still there, and the command says which holds it', async () => {
    using folder = new SiteFolder();
    await makeSite(folder);
    const env = folder.gatewayEnv({ RAVAO_UPSTREAM_URL: 'file:./upstream.ndjson https://authority.example/entries' });
    const ran = await runProcess(['gateway/main.ts', 'purge'], { env });
    expect(ran.stdout).toMatch(/^Deleted: 0 entries/);
    expect(ran.stdout).toMatch(
      /Older entries that stay, as https:\/\/authority\.example\/entries has not taken them: 1200\./,
    );
    expect(await folder.entries()).toHaveLength(1800);
  }, 60_000);
});

describe('after an erasure', () => {
  it('no file of the data directory holds anything of the person, while the gateway serves', async () => {
    using folder = new SiteFolder();
    const { old, young } = await makeSite(folder);
    await folder.command(['backup']);
    await using work = await startWork(folder);
    const { client } = work;
    await client.acknowledges(300, deadlineMs);
    const own = [...old, ...young].filter((_, index) => (index + 1) % 50 === 7);
    expect(new Set(own.map(({ subject }) => subject)).size).toBe(1);
    const { code, output } = await person(folder, ['erase', '--why', 'asked on paper'], `${idNumber(7)}\n`);
    expect(output).toMatch(/Deleted: 36 entries, 1 thing in quarantine, 0 corrections; 36 lines .*; 37 in backups/);
    expect(output).not.toContain('NOT DONE');
    expect(code).toBe(0);
    await client.drains(deadlineMs);
    expect(client.connections).toBe(1);
    expect(grep(folder.gatewayDir, own)).toEqual([]);
    const audit = await folder.command(['audit']);
    expect(audit).toMatch(/person\.erase person=\["[\w-]{22}"\S* entries=36 cards=0 {2}because "asked on paper"/);
    expect(audit).toMatch(/person\.erased .* entries=36 quarantined=1/);
    expect((await folder.check()).stdout).toMatch(/Erased on request: 36 entries/);
  }, 180_000);

  it('what is not forwarded yet stays, and goes when the command is run again', async () => {
    using folder = new SiteFolder();
    const receivedMs = systemClock.nowMs() - dayMs;
    const past = { from: 1, count: 10, receivedMs, personOf: () => 7, forwarded: 4 };
    await makePast(folder.gatewayDir, past);
    const first = await person(folder, ['erase', '--why', 'asked'], `${idNumber(7)}\n`);
    expect(first).toMatchObject({
      code: 1,
      output: expect.stringMatching(/Deleted: 4 entries.*\n.*\nEntries that stay, .*: 6\./),
    });
    expect(await folder.entries()).toHaveLength(6);
    {
      const { gateway } = await folder.startGateway();
      await using _ = gateway;
      await until('forwarding', startDeadlineMs, async () => (await folder.check()).stdout.includes(': 0 waiting'));
    }
    const second = await person(folder, ['erase', '--why', 'asked'], `${idNumber(7)}\n`);
    expect(second).toMatchObject({ code: 0, output: expect.stringMatching(/Deleted: 6 entries/) });
  }, 120_000);
});

describe('a person', () => {
  it('is given what is kept, with names where the key is, and what was said to be wrong', async () => {
    using folder = new SiteFolder();
    await makeSite(folder);
    const wrong = 'name: Trần Thị Đúng\nbirth_year: 1990\nnote: tên sai\n';
    const corrected = await person(folder, ['correct', '--why', 'asked'], `${idNumber(9)}\n${wrong}`);
    expect(corrected).toMatchObject({ code: 0, output: expect.stringContaining('Kept beside the entries: 1.') });
    const sealed = await person(folder, ['export', '--why', 'asked'], `${idNumber(9)}\n`);
    expect(sealed.code).toBe(0);
    expect(sealed.output).toContain('sealed: only the health officer');
    expect(sealed.output).not.toContain('Nguyễn Thử');
    const out = join(folder.dir, 'export.json');
    const open = await person(folder, ['export', '--names', '--why', 'asked', '--out', out], `${idNumber(9)}\n`);
    expect(open.output).toContain('36 entries, 1 correction, 0 cards.');
    const { entries, corrections } = JSON.parse(readText(out));
    expect(entries).toHaveLength(36);
    expect(entries[0]).toMatchObject({ gate: 'Cổng A', identity: { name: 'Nguyễn Thử', number: idNumber(9) } });
    expect(corrections).toMatchObject([{ says: { name: 'Trần Thị Đúng', birthYear: 1990, note: 'tên sai' } }]);
    const table = await person(folder, ['export', '--format', 'csv', '--why', 'asked'], `${idNumber(9)}\n`);
    expect(table.output).toContain('id,at,gate,direction,outcome,reason,method,code,kiosk,identity');
    expect(await folder.command(['audit'])).not.toContain('Trần');
  }, 120_000);

  it('is never an argument, and a wrong number is not said again', async () => {
    using folder = new SiteFolder();
    await folder.command(['enrol', 'gate-a', '--out', join(folder.dir, 'a')]);
    for (const args of [['erase', idNumber(1)], ['erase', '--number', idNumber(1)], ['forget'], ['erase']]) {
      const { code, output } = await person(folder, args, '');
      expect(code).toBe(64);
      expect(output).not.toContain(idNumber(1));
    }
    const unknown = await person(folder, ['export', '--why', 'asked'], 'not a number at all\n');
    expect(unknown).toMatchObject({ code: 1, output: expect.stringContaining('Line 1 is no code and no number') });
  }, 60_000);
});

describe('an incident', () => {
  it('gives a pack of counts, with a page in Vietnamese, and pseudonyms only where asked for', async () => {
    using folder = new SiteFolder();
    const { young } = await makeSite(folder);
    const out = join(folder.dir, 'pack');
    const span = ['--from', '2020-01-01', '--to', '2100-01-01'];
    await folder.command(['incident', '--why', 'mất ổ đĩa', ...span, '--out', out]);
    const page = readText(join(out, 'tom-tat.txt'));
    expect(page).toMatch(/mất ổ đĩa/);
    expect(page).toMatch(/1800 lượt qua cổng và 0 lượt bị từ chối, tại 1 cổng/);
    expect(page).toMatch(/của 50 người/);
    expect(page).toMatch(/NẰM RÕ trên máy này/);
    expect(page).toMatch(/dòng cuối số 1, mã [0-9a-f]{64}/);
    expect(readText(join(out, 'counts.csv')).split('\n')[1]).toMatch(/^\d{4}-\d{2}-\d{2},Cổng A,cccd,1200,0,1200$/);
    expect(JSON.parse(readText(join(out, 'facts.json')))).toMatchObject({ persons: 50, keepDays: 30, quarantined: 2 });
    expect(readText(join(out, 'audit.ndjson'))).toContain('incident.pack');
    expect(grep(out, someOf(young, 300))).toEqual([]);
    await expect(folder.command(['incident', '--why', 'x', ...span, '--out', out])).rejects.toThrow('INCIDENT_FAILED');
    await folder.command(['incident', '--why', 'x', ...span, '--out', `${out}-2`, '--pseudonyms']);
    expect(readText(join(`${out}-2`, 'pseudonyms.txt')).split('\n')).toHaveLength(51);
  }, 60_000);
});

describe('a backup', () => {
  it('serves as a data directory, without the key that opens names, and is not made over anything', async () => {
    using folder = new SiteFolder();
    await makeSite(folder);
    const { gateway } = await folder.startGateway();
    await using _ = gateway;
    const out = join(folder.dir, 'copy');
    expect(await folder.command(['backup', '--out', out])).toContain(out);
    const env = { RAVAO_DATA_DIR: out };
    expect((await runProcess(['gateway/main.ts', 'check'], { env })).code).toBe(0);
    expect((await runProcess(['gateway/main.ts', 'entries'], { env })).stdout.split('\n')).toHaveLength(1801);
    expect(() => readText(join(out, 'trust', 'site.key'))).toThrow('ENOENT');
    await expect(folder.command(['backup', '--out', out])).rejects.toThrow('BACKUP_FAILED');
    writeFileSync(join(folder.dir, 'file'), '');
    await expect(folder.command(['backup', '--out', join(folder.dir, 'file', 'x')])).rejects.toThrow('BACKUP_FAILED');
  }, 60_000);
});
