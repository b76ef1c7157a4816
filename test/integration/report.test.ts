import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { arrival } from '../contract/store.ts';
import { runProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { SiteFolder } from '../fakes/site.ts';

/** So many gates with long names, two passings each on 20 November 2026, a Friday, half of them out. */
async function fill(folder: SiteFolder, gates: number): Promise<void> {
  await using store = await openSqliteStore({ dir: folder.gatewayDir, log: new RecordingLog() });
  const arrivals = Array.from({ length: gates * 2 }, (_, index) => {
    const kind = ['cccd', 'bhyt', 'ravao-card', ...'abcdefgh'][index % 11] ?? 'cccd';
    return arrival(index + 1, {
      gate: `Cổng ${index % gates} ${'đường Nguyễn Văn Linh '.repeat(6)}`,
      direction: index < gates ? 'in' : 'out',
      code: { kind, verified: false },
    });
  });
  await store.append(arrivals);
}

const report = (folder: SiteFolder, args: readonly string[], env: Record<string, string> = {}) =>
  runProcess(['gateway/main.ts', 'report', ...args], { env: folder.gatewayEnv({ RAVAO_SITE: 'Trường X', ...env }) });

describe('the report', () => {
  it('is printed as a table, also while the gateway serves', async () => {
    using folder = new SiteFolder();
    await fill(folder, 2);
    const { gateway } = await folder.startGateway();
    await using _ = gateway;
    const ran = await report(folder, ['--day', '2026-11-20'], { RAVAO_SITE_KIND: 'school' });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('Trường X,"Trường học, cơ sở giáo dục",2026-11-20,Tổng số lượt,,,,,vào,2,0,\n');
  });

  it.each([
    [['--day', '2026-11-20'], 1, 'Ngày 20/11/2026'],
    [['--week', '2026-W47'], 60, 'Tuần 47/2026'],
    [['--week', '2026-W40'], 60, 'Không có lượt nào.'],
  ])('%j is one page as a PDF, with the letters of Vietnamese, however many gates', async (args, gates, words) => {
    using folder = new SiteFolder();
    await fill(folder, gates);
    const out = join(folder.dir, 'report.pdf');
    const ran = await report(folder, [...args, '--out', out]);
    expect(ran).toMatchObject({ code: 0, stdout: `${out} is written.\n`, stderr: '' });
    const info = await runProcess([out], { command: 'pdfinfo' });
    expect(info.stdout).toMatch(/Pages: +1\n/);
    const { stdout } = await runProcess(['-layout', out, '-'], { command: 'pdftotext' });
    for (const expected of [words, 'BÁO CÁO LƯỢT RA VÀO', 'Loại hình: chưa khai báo', 'Điểm chưa có dữ liệu']) {
      expect(stdout.normalize('NFC')).toContain(expected);
    }
    expect(stdout).not.toContain('Subject');
  });

  it('is refused with what is wrong', async () => {
    using folder = new SiteFolder();
    expect(await report(folder, [])).toMatchObject({ code: 64, stderr: expect.stringContaining('either --day or') });
    expect(await report(folder, ['--day', '2026-02-30'])).toMatchObject({ code: 64 });
    expect(await report(folder, ['--week', '2026-W47', '--format', 'pdf'])).toMatchObject({ code: 64 });
    expect(await report(folder, ['--week', '2026-W47', '--format', 'doc'])).toMatchObject({ code: 64 });
    expect(await report(folder, ['--day', '2026-11-20'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('STORE_MISSING'),
    });
    expect(await report(folder, ['--day', '2026-11-20'], { RAVAO_SITE_KIND: 'castle' })).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('RAVAO_SITE_KIND must be one of office'),
    });
    await fill(folder, 1);
    const out = join(folder.dir, 'none', 'report.csv');
    expect(await report(folder, ['--day', '2026-11-20', '--out', out])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('REPORT_FAILED'),
    });
    expect(existsSync(out)).toBe(false);
    const csv = join(folder.dir, 'report.csv');
    expect(await report(folder, ['--day', '2026-11-20', '--out', csv])).toMatchObject({ code: 0 });
    expect(readFileSync(csv, 'utf8')).toContain('Tổng số lượt');
  });
});
