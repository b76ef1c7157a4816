import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { readCredentials } from '../../../kiosk/credentials.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

describe('the folder that enrol wrote', () => {
  let dir: string;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'ravao-credentials-'));
    const trust = await openTrust(join(dir, 'trust'), {
      site: 'Bệnh viện',
      clock: new VirtualClock(),
      log: new RecordingLog(),
    });
    for (const kiosk of ['gate-a', 'gate-b']) await trust.enrol(kiosk, join(dir, kiosk));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('says who the kiosk is and holds the keys of the site', async () => {
    const [a, b] = [await readCredentials(join(dir, 'gate-a')), await readCredentials(join(dir, 'gate-b'))];
    expect([a.kiosk, b.kiosk, a.site]).toEqual(['gate-a', 'gate-b', 'Bệnh viện']);
    expect(a.siteKey.id).toBe(b.siteKey.id);
    expect(a.subjectKey).toEqual(b.subjectKey);
  });

  it.each<[string, RegExp, (folder: string) => void]>([
    ['without its certificate', /cert\.pem cannot be read/, (folder) => rmSync(join(folder, 'cert.pem'))],
    ['without its key', /key\.pem cannot be read/, (folder) => rmSync(join(folder, 'key.pem'))],
    ['without the site', /site\.json/, (folder) => rmSync(join(folder, 'site.json'))],
    [
      'with a garbled certificate',
      /cert\.pem is no certificate/,
      (folder) => writeFileSync(join(folder, 'cert.pem'), 'x'),
    ],
    ['with a garbled key', /key\.pem is no private key/, (folder) => writeFileSync(join(folder, 'key.pem'), 'x')],
    [
      'with a garbled notice',
      /site\.json is not a site's notice/,
      (folder) => writeFileSync(join(folder, 'site.json'), '{}'),
    ],
    [
      'with a cut subject key',
      /subject\.key must hold 32 bytes/,
      (folder) => truncateSync(join(folder, 'subject.key'), 31),
    ],
    [
      "with another kiosk's key",
      /key\.pem does not belong to cert\.pem/,
      (folder) => copyFileSync(join(folder, '..', 'gate-b', 'key.pem'), join(folder, 'key.pem')),
    ],
  ])('is refused %s, naming the file', async (_title, message, spoil) => {
    spoil(join(dir, 'gate-a'));
    await expect(readCredentials(join(dir, 'gate-a'))).rejects.toMatchObject({
      code: 'CREDENTIALS_INVALID',
      message: expect.stringMatching(message),
    });
  });
});
