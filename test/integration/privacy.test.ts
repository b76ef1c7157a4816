import { describe, expect, it } from 'vitest';
import { filesBelow } from '../fakes/files-below.ts';
import { idNumber, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

/** A site's first day: so many scans, each of another person. */
const people = 10_000;
// None of these is among the samples that a kiosk shows.
const families = ['Phạm', 'Hoàng', 'Huỳnh', 'Vũ', 'Đặng', 'Bùi', 'Đỗ', 'Hồ'];

function name(number: number): string {
  return `${families[number % families.length]} Thị Thử Nghiệm ${String.fromCharCode(65 + (number % 26))}`;
}

describe('after ten thousand scans', () => {
  it('no name and no number is readable in any file of kiosk or gateway, nor in their logs', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway({ RAVAO_LOG_LEVEL: 'debug' });
    await using _ = gateway;
    await using kiosk = await folder.startKiosk('gate-a', port, { RAVAO_LOG_LEVEL: 'debug' });
    const cards = Array.from(
      { length: people },
      (_, n) => `${idNumber(n)}|012345678|${name(n)}|01011999|Nữ|Thôn Bí Mật, Xã X|15082021\n`,
    );
    kiosk.write(cards.join(''));
    kiosk.write('tel:0900000123 no personal code of Phạm Thị Thử Nghiệm Z\n');
    await kiosk.waitForLog('scan.recorded', 400_000, { matches: ({ seq }) => seq === people + 1 });
    // While they run, the write-ahead logs hold what the databases do not yet.
    const places = new Map(filesBelow(folder.dir));
    await folder.waitForEntries(people + 1);
    for (const [path, bytes] of filesBelow(folder.dir)) places.set(`${path} in the end`, bytes);
    places.set('log of the kiosk', Buffer.from(kiosk.output()));
    places.set('log of the gateway', Buffer.from(gateway.output()));

    expect(
      [...places.keys()].filter((path) => /outbox\.db|gateway\.db|upstream\.ndjson/.test(path)).length,
    ).toBeGreaterThan(4);
    const secrets = [...families, 'Thử Nghiệm', 'Bí Mật', '012345678', '0900000123'];
    const numbers = new Set(Array.from({ length: people }, (_, n) => idNumber(n)));
    for (const [place, bytes] of places) {
      for (const secret of secrets) expect(bytes.includes(secret), `${secret} in ${place}`).toBe(false);
      const digits = bytes.toString('latin1').match(/\d{12}/g) ?? [];
      expect(
        digits.filter((run) => numbers.has(run)),
        place,
      ).toEqual([]);
    }
    await kiosk.kill('SIGTERM');
    await gateway.waitForLog('broker.listening', startDeadlineMs);
  }, 450_000);
});
