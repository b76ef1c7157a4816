import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openUpstream, type UpstreamSettings } from '../../../gateway/upstream/open-upstream.ts';
import { parseUpstreamUrl } from '../../../gateway/upstream/upstream-url.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { makeTestAuthority } from '../../fakes/upstream-certificates.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let settings: UpstreamSettings;

const inDir = (name: string) => join(dir, name);

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-open-upstream-'));
  const authority = await makeTestAuthority();
  const [own, other] = await Promise.all([authority.certify(), authority.certify()]);
  writeFileSync(inDir('ca.pem'), authority.ca);
  writeFileSync(inDir('cert.pem'), own.cert);
  writeFileSync(inDir('key.pem'), own.key);
  writeFileSync(inDir('other-key.pem'), other.key);
  writeFileSync(inDir('text.pem'), 'no certificate at all');
  writeFileSync(inDir('damaged.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  writeFileSync(inDir('file'), '');
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

beforeEach(() => {
  settings = {
    site: 'Site A',
    token: null,
    tls: { ca: null, cert: null, key: null },
    version: '1.2.3',
    clock: new VirtualClock(),
    log: new RecordingLog(),
  };
});

async function open(text: string, changes: Partial<UpstreamSettings> = {}) {
  const parsed = parseUpstreamUrl(text, dir);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return openUpstream(parsed.value, { ...settings, ...changes });
}

describe('opening an upstream', () => {
  test('makes the folder of a file in the data directory, for its owner only', async () => {
    await using upstream = await open('file:./out/entries.ndjson');
    expect(upstream.name).toBe('file:./out/entries.ndjson');
    expect(statSync(inDir('out')).mode & 0o777).toBe(0o700);
  });

  test('makes no folder elsewhere', async () => {
    await using upstream = await open('file:///nowhere-at-all/entries.ndjson');
    expect(upstream.name).toBe('file:///nowhere-at-all/entries.ndjson');
    expect(() => statSync('/nowhere-at-all')).toThrow();
  });

  test('says when the folder cannot be made', async () => {
    await expect(open('file:./file/entries.ndjson')).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
  });

  test('accepts certificate files that fit together', async () => {
    const tls = { ca: inDir('ca.pem'), cert: inDir('cert.pem'), key: inDir('key.pem') };
    await using upstream = await open('https://health.example/v1', { tls, token: 'made-up' });
    expect(upstream.name).toBe('https://health.example/v1');
  });

  test.each([
    ['a missing file', { ca: 'missing.pem' }, 'missing.pem'],
    ['a file without a certificate', { ca: 'text.pem' }, 'text.pem'],
    ['a damaged certificate', { ca: 'damaged.pem' }, 'damaged.pem'],
    ['a key that is none', { cert: 'cert.pem', key: 'text.pem' }, 'text.pem'],
    ['a key of another certificate', { cert: 'cert.pem', key: 'other-key.pem' }, 'other-key.pem'],
    ['a certificate without a key', { cert: 'cert.pem' }, 'only one'],
  ])('refuses %s with UPSTREAM_TLS_INVALID', async (_, names, said) => {
    const paths = Object.fromEntries(Object.entries(names).map(([name, file]) => [name, inDir(file)]));
    const opening = open('https://health.example/v1', { tls: { ...settings.tls, ...paths } });
    await expect(opening).rejects.toMatchObject({
      code: 'UPSTREAM_TLS_INVALID',
      message: expect.stringContaining(said),
    });
  });

  test.each(['two words', 'line\r\nx-other: 1', 'mật-khẩu'])(
    'refuses the token %j, which no header can carry',
    async (token) => {
      const opening = open('https://health.example/v1', { token });
      await expect(opening).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining(token) });
    },
  );
});
