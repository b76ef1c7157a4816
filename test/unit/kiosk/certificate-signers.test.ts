import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCertificateSigners } from '../../../kiosk/certificate-signers.ts';
import { readReadingConfig } from '../../../kiosk/config.ts';
import { type CertificateSigner, knownSigners, makeSigner } from '../../fakes/vaccine-certificates.ts';

describe('the signers of vaccine certificates', () => {
  let dir: string;
  let es256: CertificateSigner;
  let ps256: CertificateSigner;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'ravao-signers-'));
    [es256, ps256] = [await makeSigner('es256'), await makeSigner('ps256')];
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const write = (name: string, text: string) => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const ids = (path: string) => {
    const read = readCertificateSigners(path);
    return 'value' in read ? [...read.value.keys()] : read.problem;
  };

  it('are read from a bundle, whatever stands between its certificates', () => {
    const path = write('bundle.txt', `# signers\n${es256.certPem}\nsubject=CN = x\r\n${ps256.certPem}`);
    expect(ids(path)).toEqual([...knownSigners(es256, ps256).keys()]);
  });

  it('are read from a folder of such files', () => {
    const folder = join(dir, 'folder');
    mkdirSync(folder);
    writeFileSync(join(folder, 'one.pem'), es256.certPem);
    writeFileSync(join(folder, 'two.CRT'), ps256.certPem);
    writeFileSync(join(folder, 'notes.md'), 'nothing');
    const read = ids(folder);
    expect(Array.isArray(read) && read.toSorted()).toEqual([...knownSigners(es256, ps256).keys()].toSorted());
  });

  it.each([
    ['a path where nothing is', () => join(dir, 'absent.pem'), /ENOENT/],
    ['a file without a certificate', () => write('empty.pem', 'nothing'), /holds no certificate/],
    [
      'a damaged certificate',
      () => write('cut.pem', es256.certPem.replace(/\n.{20}/, '\n')),
      /certificate 1 of .*cut\.pem/,
    ],
  ])('cannot be %s', (_, path, problem) => {
    expect(ids(path())).toMatch(problem);
  });

  it('cannot have a key of another kind, which would refuse what it signed as forged', async () => {
    const es384 = await makeSigner('es384');
    expect(ids(write('es384.pem', es256.certPem + es384.certPem))).toMatch(/certificate 2 of .*its key is secp384r1/);
  });

  it('that cannot be read are CONFIG_INVALID, none at all are fine', () => {
    expect(() => readReadingConfig({ RAVAO_CERTIFICATE_SIGNERS: join(dir, 'absent.pem') })).toThrow(
      /CONFIG_INVALID.*RAVAO_CERTIFICATE_SIGNERS names .*absent\.pem/s,
    );
    expect(readReadingConfig({ RAVAO_CERTIFICATE_SIGNERS: '' }).certificateSigners.size).toBe(0);
  });
});
