import { execFile } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  hasIssuer,
  openIssuer,
  otherIssuersMax,
  readIssuers,
  toFile,
  trustIssuer,
} from '../../../gateway/trust/issuer.ts';
import { exportIssuerKey, issuerIdOf } from '../../../shared/card.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ravao-issuer-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const keyPath = () => join(folder, 'issuer.key.pem');
const noticePath = () => join(folder, 'issuer.json');

function otherIssuer(name: string) {
  const publicKey = exportIssuerKey(generateKeyPairSync('ed25519').publicKey);
  return { id: issuerIdOf(publicKey), name, publicKey: Buffer.from(publicKey).toString('base64url') };
}

async function fileOf(content: unknown): Promise<string> {
  const path = join(folder, '..', `${folder.split('/').at(-1) ?? ''}.json`);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe("the site's issuer", () => {
  it('is made at first need, its key for the owner alone, and the same ever after', async () => {
    expect(hasIssuer(folder)).toBe(false);
    const made = await openIssuer(folder, 'Nhà máy A');
    expect((await stat(keyPath())).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).sort()).toEqual(['issuer.json', 'issuer.key.pem']);
    const key = await readFile(keyPath());
    const again = await openIssuer(folder, 'Nhà máy A');
    expect(await readFile(keyPath())).toEqual(key);
    expect(again.notice).toEqual(made.notice);
    expect(again.personKey).toEqual(made.personKey);
    expect(issuerIdOf(exportIssuerKey(createPrivateKey(key)))).toBe(made.notice.id);
    expect(hasIssuer(folder)).toBe(true);
  });

  it('tells others its id, name and public key, and nothing else', async () => {
    const { notice } = await openIssuer(folder, 'Nhà máy A');
    expect(JSON.parse(await readFile(noticePath(), 'utf8'))).toEqual(notice);
    expect(toFile(notice)).toBe(await readFile(noticePath(), 'utf8'));
    expect(Object.keys(notice)).toEqual(['id', 'name', 'publicKey']);
  });

  it('is one when several processes make it at once', async () => {
    const module = join(import.meta.dirname, '../../../gateway/trust/issuer.ts');
    const script = `const { openIssuer } = await import(${JSON.stringify(module)});
      process.stdout.write((await openIssuer(${JSON.stringify(folder)}, 'A')).notice.id);`;
    const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    const ids = (await Promise.all([run(), run(), run(), run()])).map(({ stdout }) => stdout);
    expect(new Set(ids).size).toBe(1);
    expect((await readdir(folder)).sort()).toEqual(['issuer.json', 'issuer.key.pem']);
  });

  it('takes a new name of the site into the public file, with the same key', async () => {
    const { notice } = await openIssuer(folder, 'Nhà máy A');
    const renamed = await openIssuer(folder, 'Nhà máy B');
    expect(renamed.notice).toEqual({ ...notice, name: 'Nhà máy B' });
    expect(readIssuers(folder)).toEqual([renamed.notice]);
  });

  it('completes what a crash between its two files left', async () => {
    const { notice } = await openIssuer(folder, 'A');
    await rm(noticePath());
    expect((await openIssuer(folder, 'A')).notice).toEqual(notice);
    expect(existsSync(noticePath())).toBe(true);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the key is missing', () => rm(keyPath())],
    ['the key is no key', () => writeFile(keyPath(), 'hello')],
    [
      'the key is of another kind',
      () =>
        writeFile(
          keyPath(),
          generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
        ),
    ],
    ['the public file is cut', () => writeFile(noticePath(), '{"id":')],
    ['the public file is of another key', () => writeFile(noticePath(), JSON.stringify(otherIssuer('A')))],
    ['the public file is huge', () => writeFile(noticePath(), ' '.repeat(20_000))],
  ])('is left as it is when %s', async (_, damage) => {
    await openIssuer(folder, 'A');
    await damage();
    const before = await readdir(folder);
    await expect(openIssuer(folder, 'A')).rejects.toMatchObject({ code: 'ISSUER_DAMAGED' });
    expect(await readdir(folder)).toEqual(before);
  });

  it('is made anew once the public file of a lost key is among the others, whose cards stay valid', async () => {
    const lost = await openIssuer(folder, 'A');
    await rm(keyPath());
    await mkdir(join(folder, 'issuers'));
    await rename(noticePath(), join(folder, 'issuers', 'issuer.json'));
    const made = await openIssuer(folder, 'A');
    expect(readIssuers(folder)).toEqual([made.notice, lost.notice]);
  });

  it('says what the disk says', async () => {
    await expect(openIssuer(join(folder, 'gone'), 'A')).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
  });
});

describe("other places' issuers", () => {
  it('are none at first', () => {
    expect(readIssuers(folder)).toEqual([]);
  });

  it('are taken from the file that they printed, after the own one', async () => {
    const { notice } = await openIssuer(folder, 'A');
    const others = [otherIssuer('Xã B'), otherIssuer('Tỉnh C')];
    for (const other of others) {
      expect(await trustIssuer(folder, await fileOf(other))).toEqual({ issuer: other, outcome: 'new' });
      expect(await trustIssuer(folder, await fileOf(other))).toMatchObject({ outcome: 'known' });
    }
    const [own, ...rest] = readIssuers(folder);
    expect(own).toEqual(notice);
    expect(rest).toEqual(others.sort((a, b) => (a.id < b.id ? -1 : 1)));
  });

  it('may change their name, not their key', async () => {
    const other = otherIssuer('Xã B');
    await trustIssuer(folder, await fileOf(other));
    expect(await trustIssuer(folder, await fileOf({ ...other, name: 'Phường B' }))).toMatchObject({
      outcome: 'renamed',
    });
    expect(readIssuers(folder)).toEqual([{ ...other, name: 'Phường B' }]);
  });

  it('are not the site itself', async () => {
    const { notice } = await openIssuer(folder, 'A');
    expect(await trustIssuer(folder, await fileOf(notice))).toMatchObject({ outcome: 'own' });
    expect(readIssuers(folder)).toEqual([notice]);
  });

  it('are refused where their file is not one, and named', async () => {
    const other = otherIssuer('Xã B');
    const wrong = [
      'hello',
      '',
      { ...other, publicKey: 'AAAA' },
      { ...other, id: '00000000' },
      { ...other, name: '' },
      { id: other.id, name: other.name },
    ];
    for (const content of wrong) {
      const path = await fileOf(content);
      const refused = { code: 'ISSUER_FILE_INVALID', message: expect.stringContaining(path) };
      await expect(trustIssuer(folder, path), JSON.stringify(content)).rejects.toMatchObject(refused);
    }
    await expect(trustIssuer(folder, join(folder, 'gone.json'))).rejects.toMatchObject({ code: 'ISSUER_FILE_INVALID' });
    expect(readIssuers(folder)).toEqual([]);
  });

  it('name the file that was damaged later', async () => {
    await trustIssuer(folder, await fileOf(otherIssuer('Xã B')));
    await writeFile(join(folder, 'issuers', 'x.json'), '{}');
    expect(() => readIssuers(folder)).toThrow(/ISSUER_FILE_INVALID.*x\.json/);
  });

  it(`are at most ${otherIssuersMax}`, async () => {
    for (let count = 0; count < otherIssuersMax; count++)
      await trustIssuer(folder, await fileOf(otherIssuer(`Xã ${count}`)));
    expect(await trustIssuer(folder, await fileOf(otherIssuer('Xã B')))).toMatchObject({ outcome: 'too-many' });
    await writeFile(join(folder, 'issuers', 'more.json'), toFile(otherIssuer('Xã B')));
    expect(() => readIssuers(folder)).toThrow('ISSUER_FILE_INVALID');
  });
});
