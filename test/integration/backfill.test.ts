import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { subjectOf } from '../../shared/identity.ts';
import { bytesBelow } from '../fakes/files-below.ts';
import { freePort, runProcess } from '../fakes/processes.ts';
import { SiteFolder } from '../fakes/site.ts';

const list = [
  'thoi_gian;chieu;ho_ten;nam_sinh;so_giay_to;dien_thoai',
  '20/11/2026 07:30;vào;Nguyễn Văn A;1999;001099012345;0900000000',
  '20/11/2026 07:31;vào;Trần Thị B;;;',
  '31/02/2026 07:31;vào;Lê Văn C;;;',
  '20/11/2026 07:31;vào;Trần Thị B;;;',
];

function backfill(folder: SiteFolder, port: number, lines: readonly string[], ...more: string[]) {
  const path = join(folder.dir, 'paper.csv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return runProcess(['gateway/main.ts', 'backfill', '--from', path, '--gate', 'Cổng A', ...more], {
    env: folder.gatewayEnv({ RAVAO_MQTT_PORT: String(port) }),
  });
}

describe('a list written during an outage', () => {
  it('comes into the entries of a gateway that serves, each line once, wrong ones named', async () => {
    using folder = new SiteFolder();
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    const first = await backfill(folder, port, list, '--why', 'mất điện');
    expect(first.stderr).toBe('');
    expect(first).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/Taken into the entries: 3\. There before: 0\. Wrong: 1\.\n {2}line 4: the time/),
    });
    const entries = await folder.entries();
    expect(entries.map(({ method, gate, seq }) => [method, gate, seq])).toEqual(
      Array(3).fill(['backfill', 'Cổng A', 1]),
    );
    const subjectKey = readFileSync(join(folder.gatewayDir, 'trust', 'subject.key'));
    expect(entries[0]?.subject).toBe(subjectOf(subjectKey, '001099012345'));

    expect((await backfill(folder, port, list)).stdout).toContain(
      'Taken into the entries: 0. There before: 3. Wrong: 1.',
    );
    const mended = list.with(3, '20/11/2026 07:32;ra;Lê Văn C;;;').toReversed();
    const again = await backfill(folder, port, [list[0] ?? '', ...mended.slice(0, 4)]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('entries: 1. There before: 3. Wrong: 0') });
    expect(await folder.entries()).toHaveLength(4);
    expect(await folder.quarantine()).toEqual([]);

    expect(await folder.check()).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing is missing') });
    const audit = await folder.command(['audit']);
    expect(audit).toMatch(
      /backfill\.begun file="[0-9a-f]{64}" gate="Cổng A" kiosk="paper" lines=4 new=3 known=0 wrong=1 {2}because "mất điện"/,
    );
    expect(audit.match(/backfill\.done/g)).toHaveLength(3);
    const kept = bytesBelow(folder.gatewayDir);
    for (const secret of ['Nguy', 'Thị', '001099012345', '0900000000'])
      expect(kept.includes(secret), secret).toBe(false);
  });

  it('waits for nothing when the gateway does not serve: it says so, and taking it later works', async () => {
    using folder = new SiteFolder();
    const { gateway } = await folder.startGateway();
    await gateway.kill();
    const ran = await backfill(folder, await freePort(), list);
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('GATEWAY_UNREACHABLE') });
    expect(ran.stderr).toContain('it took 0 of 3');
    const points = await runProcess(['gateway/main.ts', 'report', '--day', '2026-11-20'], { env: folder.gatewayEnv() });
    expect(points.stdout).toContain(',Điểm đã đăng ký,,,,,,0,,');
    const { gateway: again, port } = await folder.startGateway();
    await using _ = again;
    expect((await backfill(folder, port, list)).stdout).toContain('Taken into the entries: 3.');
  });

  it('is given to no gateway of another site, whoever answers at its address', async () => {
    using folder = new SiteFolder();
    using stranger = new SiteFolder();
    const { gateway } = await folder.startGateway();
    await gateway.kill();
    const { gateway: other, port } = await stranger.startGateway();
    await using _ = other;
    expect(await backfill(folder, port, list)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('GATEWAY_UNREACHABLE'),
    });
    expect(await stranger.entries()).toEqual([]);
    expect(await stranger.quarantine()).toEqual([]);
  });

  it('is refused when it is no list, when it would pass for a real kiosk, and when options are wrong', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    expect(await backfill(folder, 1, ['a,b'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('PAPER_LIST_INVALID'),
    });
    expect(await backfill(folder, 1, list, '--kiosk', 'gate-a')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('KIOSK_ID_TAKEN'),
    });
    expect(await backfill(folder, 1, list, '--kiosk', '../x')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('KIOSK_ID_INVALID'),
    });
    const run = (...args: string[]) =>
      runProcess(['gateway/main.ts', 'backfill', ...args], { env: folder.gatewayEnv() });
    expect(await run()).toMatchObject({ code: 64, stderr: expect.stringContaining('--from') });
    expect(await run('--from', 'x')).toMatchObject({ code: 64, stderr: expect.stringContaining('--gate') });
    expect(await run('--nonsense')).toMatchObject({ code: 64 });
    expect(await run('--from', join(folder.dir, 'none'), '--gate', 'A')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('LIST_UNREADABLE'),
    });
  });
});
