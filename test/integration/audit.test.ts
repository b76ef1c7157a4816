import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditPaths } from '../../gateway/audit/audit-file.ts';
import { verifyAudit } from '../../gateway/audit/verify.ts';
import { runProcess, startProcess } from '../fakes/processes.ts';
import { SiteFolder } from '../fakes/site.ts';
import { until } from '../fakes/until.ts';

const saidBy = (output: string) => output.split('\n').filter(Boolean).map(Number);

describe('several processes', () => {
  it('add to one audit at once, in turns, and each number that was said is there', async () => {
    using folder = new SiteFolder();
    mkdirSync(join(folder.gatewayDir, 'trust'), { recursive: true });
    const args = ['test/fakes/audit-writer.ts', folder.gatewayDir, '25'];
    let running = true;
    const all = Promise.all([1, 2, 3].map(() => runProcess(args))).finally(() => {
      running = false;
    });
    // Whoever looks meanwhile finds nothing wrong.
    await until('the end of all', 60_000, () => {
      expect(verifyAudit(folder.gatewayDir).problems).toEqual([]);
      return !running;
    });
    const ran = await all;
    const said = ran.flatMap(({ stdout }) => saidBy(stdout));
    expect(said.sort((a, b) => a - b)).toEqual(Array.from({ length: 75 }, (_, index) => index + 1));
    expect(verifyAudit(folder.gatewayDir)).toMatchObject({ lines: 75, problems: [], mended: 0 });
  });

  it('leave an audit that is whole, and holds what they said, when they are killed', async () => {
    using folder = new SiteFolder();
    mkdirSync(join(folder.gatewayDir, 'trust'), { recursive: true });
    const said: number[] = [];
    for (let round = 0; round < 4; round++) {
      await using writer = await startProcess(['test/fakes/audit-writer.ts', folder.gatewayDir, '100000']);
      await writer.waitForOutput(/\d+\n\d+\n\d+\n/, 20_000);
      await writer.kill('SIGKILL');
      said.push(...saidBy(writer.stdout()));
    }
    const report = verifyAudit(folder.gatewayDir);
    expect(report.problems).toEqual([]);
    expect(new Set(said).size).toBe(said.length);
    expect(report.end.seq).toBeGreaterThanOrEqual(Math.max(...said));
    expect((await runProcess(['test/fakes/audit-writer.ts', folder.gatewayDir, '1'])).code).toBe(0);
    expect(verifyAudit(folder.gatewayDir)).toMatchObject({ problems: [], unfinished: false });
  });
});

describe('the gateway', () => {
  it('records each enrolment and prints the audit, and check finds a changed line', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway } = await folder.startGateway();
    await using _ = gateway;
    expect(gateway.logs.find(({ event }) => event === 'audit.end')).toMatchObject({ seq: 2 });
    await folder.enrol('gate-b');
    expect(await folder.command(['audit'])).toMatch(
      /^1 {2}.*, enrol: kiosk\.enrol kiosk="gate-a" force=false\n2 .*\n3 .*"gate-b"/,
    );
    expect(await folder.command(['audit', '--format', 'csv'])).toContain('\n4,');
    expect(await folder.check()).toMatchObject({ code: 0, stdout: expect.stringContaining('Audit: 4 lines') });

    const { file } = auditPaths(folder.gatewayDir);
    expect(readFileSync(file, 'utf8')).toBe(await folder.command(['audit', '--format', 'ndjson']));
    writeFileSync(file, readFileSync(file, 'utf8').replace('gate-b', 'gate-c'));
    const checked = await folder.check();
    expect(checked.code).toBe(1);
    expect(checked.stdout).toContain('THE AUDIT WAS TAMPERED WITH:\n  line 3: was changed');
    const asJson = await runProcess(['gateway/main.ts', 'check', '--format', 'json'], { env: folder.gatewayEnv() });
    expect(JSON.parse(asJson.stdout)).toMatchObject({ audit: { problems: [{ line: 3 }] } });
    appendFileSync(file, 'torn');
    expect((await folder.check()).stdout).toContain('The end is torn');
  });
});
