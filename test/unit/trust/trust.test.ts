import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTrust, type TrustOptions } from '../../../gateway/trust/authority.ts';
import { siteNoticeSchema } from '../../../shared/entry.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const dayMs = 86_400_000;
const machine = { hostname: 'cong-truoc', addresses: ['127.0.0.1', '192.168.7.20', 'fe80::1', 'fd00::20'] };

let root: string;
let folder: string;
let clock: VirtualClock;
let log: RecordingLog;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravao-trust-'));
  folder = join(root, 'data', 'trust');
  clock = new VirtualClock();
  log = new RecordingLog();
});
afterEach(() => rm(root, { recursive: true, force: true }));

function open(changes: Partial<TrustOptions> = {}) {
  return openTrust(folder, { site: 'Nhà máy A', clock, log, machine: () => machine, ...changes });
}

async function snapshot(of: string): Promise<Record<string, string>> {
  const names = (await readdir(of)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(of, name))).toString('hex')] as const)),
  );
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('the trust folder', () => {
  it('is made at the first start with secrets that only the owner can read', async () => {
    await open();
    expect((await readdir(folder)).sort()).toEqual([
      'ca.key.pem',
      'ca.pem',
      'gateway.key.pem',
      'gateway.pem',
      'site.json',
      'site.key',
      'subject.key',
    ]);
    expect(await modeOf(folder)).toBe(0o700);
    for (const name of ['ca.key.pem', 'gateway.key.pem', 'site.key', 'subject.key']) {
      expect(await modeOf(join(folder, name)), name).toBe(0o600);
    }
    expect(await readdir(join(root, 'data'))).toEqual(['trust']);
  });

  it('is only read at later starts', async () => {
    await open();
    const before = await snapshot(folder);
    const trust = await open();
    expect(await snapshot(folder)).toEqual(before);
    expect(siteNoticeSchema.parse(trust.notice)).toEqual(trust.notice);
  });

  it('is the same for all when several processes make it at once', async () => {
    const script = join(root, 'open.ts');
    const module = join(import.meta.dirname, '../../../gateway/trust/authority.ts');
    const system = join(import.meta.dirname, '../../../shared/system/clock.ts');
    await writeFile(
      script,
      `const { openTrust } = await import(${JSON.stringify(module)});
       const { systemClock: clock } = await import(${JSON.stringify(system)});
       const log = { debug() {}, info() {}, warn() {}, error() {} };
       const trust = await openTrust(${JSON.stringify(folder)}, { site: 'A', clock, log });
       console.log(trust.notice.key.id, trust.caPem);`,
    );
    const outputs = await Promise.all(Array.from({ length: 4 }, () => run(script)));
    expect(new Set(outputs).size).toBe(1);
    expect(outputs[0]).toContain('BEGIN CERTIFICATE');
    await open();
    expect(await readdir(join(root, 'data'))).toEqual(['trust']);
  });

  it('that a crash left half made beside it is swept away and never used', async () => {
    const leftover = join(root, 'data', 'trust.0a6f.tmp');
    await mkdir(leftover, { recursive: true });
    await writeFile(join(leftover, 'ca.pem'), 'half');
    await open();
    expect(existsSync(leftover)).toBe(false);
  });

  for (const name of ['ca.pem', 'ca.key.pem', 'gateway.pem', 'gateway.key.pem', 'site.json', 'subject.key']) {
    it(`is never made anew when ${name} is missing or garbled`, async () => {
      await open();
      await unlink(join(folder, name));
      const before = await snapshot(folder);
      await expect(open()).rejects.toThrow(new RegExp(`^TRUST_DAMAGED: .*${join(folder, name)} is missing`));
      expect(await snapshot(folder)).toEqual(before);
      await writeFile(join(folder, name), 'rác');
      await expect(open()).rejects.toMatchObject({ code: 'TRUST_DAMAGED', message: expect.stringContaining(name) });
    });
  }

  it("is refused with another site's certificate, key or site key among its files", async () => {
    await open();
    const other = join(root, 'other', 'trust');
    await openTrust(other, { site: 'B', clock, log });
    for (const [name, named] of [
      ['ca.pem', 'ca.key.pem'],
      ['gateway.key.pem', 'gateway.key.pem'],
      ['site.key', 'site.key'],
    ] as const) {
      const own = await readFile(join(folder, name));
      await writeFile(join(folder, name), await readFile(join(other, name)));
      await expect(open(), name).rejects.toMatchObject({
        code: 'TRUST_DAMAGED',
        message: expect.stringContaining(named),
      });
      await writeFile(join(folder, name), own);
    }
    await open();
  });

  it('works without the private site key, which may be taken off the machine', async () => {
    const { notice } = await open();
    await unlink(join(folder, 'site.key'));
    const trust = await open();
    expect(trust.notice).toEqual(notice);
    await trust.enrol('gate-a', join(root, 'gate-a'));
    expect(existsSync(join(folder, 'site.key'))).toBe(false);
  });

  it('that cannot be made is a fault that names it', async () => {
    await writeFile(join(root, 'data'), 'a file where the folder should be');
    await expect(open()).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
      message: expect.stringContaining(folder),
    });
  });

  it('tells the configured name of the site, whatever it was called when the folder was made', async () => {
    const { notice } = await open();
    expect((await open({ site: 'Nhà máy B' })).notice).toEqual({ ...notice, site: 'Nhà máy B' });
  });
});

describe('the certificates', () => {
  it('are backdated to 2021, because a Pi without a clock may believe it is months ago', async () => {
    const trust = await open();
    const { certPem } = await trust.gatewayCredentials('127.0.0.1');
    await trust.enrol('gate-a', join(root, 'gate-a'));
    for (const pem of [trust.caPem, certPem, await readFile(join(root, 'gate-a', 'cert.pem'), 'utf8')]) {
      expect(new X509Certificate(pem).validFromDate.toISOString()).toBe('2021-01-01T00:00:00.000Z');
    }
  });

  it('of the authority names the site, lasts 20 years and may sign no further authority', async () => {
    const { caPem } = await open({ site: `Bệnh viện, "+=#" ${'x'.repeat(100)}` });
    const authority = new X509Certificate(caPem);
    expect(authority.ca).toBe(true);
    const name = String(authority.toLegacyObject().subject.CN);
    expect(name).toMatch(/^Ravao Bệnh viện, "\+=#" x+$/);
    expect([...name]).toHaveLength(64);
    expect((authority.validToDate.getTime() - clock.nowMs()) / dayMs).toBeCloseTo(20 * 365.25, 3);
    expect(authority.verify(authority.publicKey)).toBe(true);
  });

  it('of the gateway is for servers only, carries every name it is reached by, and lasts 180 days', async () => {
    const trust = await open();
    const { certPem, keyPem } = await trust.gatewayCredentials('10.1.2.3');
    const gateway = new X509Certificate(certPem);
    expect(gateway.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(gateway.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    for (const name of ['ravao-gateway', 'localhost', 'cong-truoc', 'cong-truoc.local']) {
      expect(gateway.checkHost(name), name).toBe(name);
    }
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', '192.168.7.20', 'fd00::20']) {
      expect(gateway.checkIP(address), address).toBe(address);
    }
    expect((gateway.validToDate.getTime() - clock.nowMs()) / dayMs).toBeCloseTo(180, 3);
  });

  it('of a kiosk is for clients only and lasts two years, but never longer than its authority', async () => {
    const trust = await open();
    const early = await trust.enrol('gate-a', join(root, 'gate-a'));
    const kiosk = new X509Certificate(await readFile(join(root, 'gate-a', 'cert.pem')));
    expect(kiosk.subject).toBe('CN=gate-a');
    expect(kiosk.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect((Date.parse(early.notAfter) - clock.nowMs()) / dayMs).toBeCloseTo(2 * 365.25, 3);
    clock.jumpWall(18 * 365.25 * dayMs);
    const late = await trust.enrol('gate-b', join(root, 'gate-b'));
    expect(late.notAfter).toBe(new X509Certificate(trust.caPem).validToDate.toISOString());
  });

  it('last as long when they are made by a clock that was reset to 1970', async () => {
    clock = new VirtualClock(0);
    const trust = await open();
    expect(new X509Certificate(trust.caPem).validToDate.getUTCFullYear()).toBe(2046);
    const { certPem } = await trust.gatewayCredentials('127.0.0.1');
    expect(new X509Certificate(certPem).validToDate.getUTCFullYear()).toBe(2027);
  });

  it('have positive serial numbers of 16 bytes that differ', async () => {
    const trust = await open();
    const serials = new Set<string>();
    for (let number = 0; number < 20; number++) {
      serials.add((await trust.enrol(`gate-${number}`, join(root, `gate-${number}`))).serial);
    }
    expect(serials.size).toBe(20);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
  });
});

describe('the gateway certificate is renewed', () => {
  it('when a third of its life is left, with the same key, and that survives a restart', async () => {
    const trust = await open();
    const first = await trust.gatewayCredentials('127.0.0.1');
    clock.jumpWall(119 * dayMs);
    expect(await trust.gatewayCredentials('127.0.0.1')).toEqual(first);
    clock.jumpWall(2 * dayMs);
    const second = await trust.gatewayCredentials('127.0.0.1');
    expect(second.certPem).not.toBe(first.certPem);
    expect(second.keyPem).toBe(first.keyPem);
    expect(await (await open()).gatewayCredentials('127.0.0.1')).toEqual(second);
  });

  it('when the machine gets a new address', async () => {
    const addresses = ['192.168.7.20'];
    const trust = await open({ machine: () => ({ hostname: 'cong-truoc', addresses }) });
    const first = await trust.gatewayCredentials('127.0.0.1');
    addresses.push('192.168.9.9');
    const second = await trust.gatewayCredentials('127.0.0.1');
    expect(second.certPem).not.toBe(first.certPem);
    expect(new X509Certificate(second.certPem).checkIP('192.168.9.9')).toBe('192.168.9.9');
  });

  it('not for ever anew in the last months of the authority', async () => {
    const trust = await open();
    clock.jumpWall(20 * 365.25 * dayMs - 10 * dayMs);
    const last = await trust.gatewayCredentials('127.0.0.1');
    expect(await trust.gatewayCredentials('127.0.0.1')).toEqual(last);
  });
});

describe('enrol', () => {
  it('writes a folder with all that a kiosk needs and records the certificate', async () => {
    const trust = await open();
    const out = join(root, 'usb', 'kiosks', 'gate-a');
    const enrolled = await trust.enrol('gate-a', out);
    expect((await readdir(out)).sort()).toEqual(['ca.pem', 'cert.pem', 'key.pem', 'site.json', 'subject.key']);
    expect(await modeOf(out)).toBe(0o700);
    expect(await modeOf(join(out, 'key.pem'))).toBe(0o600);
    expect(await modeOf(join(out, 'subject.key'))).toBe(0o600);
    const certificate = new X509Certificate(await readFile(join(out, 'cert.pem')));
    expect(certificate.checkPrivateKey(createPrivateKey(await readFile(join(out, 'key.pem'))))).toBe(true);
    expect(certificate.verify(new X509Certificate(await readFile(join(out, 'ca.pem'))).publicKey)).toBe(true);
    expect(await readFile(join(out, 'subject.key'))).toEqual(await readFile(join(folder, 'subject.key')));
    expect(JSON.parse(await readFile(join(out, 'site.json'), 'utf8'))).toEqual(trust.notice);
    const lines = (await readFile(join(folder, 'enrolled.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([enrolled]);
    expect(enrolled.serial).toBe(certificate.serialNumber.toLowerCase());
  });

  it('refuses to overwrite, changes nothing then, and overwrites when told', async () => {
    const trust = await open();
    const out = join(root, 'gate-a');
    await trust.enrol('gate-a', out);
    const before = await snapshot(out);
    await expect(trust.enrol('gate-a', out)).rejects.toMatchObject({ code: 'ENROL_EXISTS' });
    expect(await snapshot(out)).toEqual(before);
    await trust.enrol('gate-b', out, { force: true });
    expect(new X509Certificate(await readFile(join(out, 'cert.pem'))).subject).toBe('CN=gate-b');
    expect((await readdir(out)).sort()).toEqual(Object.keys(before));
    const lines = (await readFile(join(folder, 'enrolled.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).kiosk)).toEqual(['gate-a', 'gate-b']);
  });

  it("leaves a folder's other files alone", async () => {
    const trust = await open();
    const out = join(root, 'stick');
    await mkdir(out);
    await writeFile(join(out, 'notes.txt'), 'x');
    await trust.enrol('gate-a', out);
    expect((await readdir(out)).sort()).toEqual([
      'ca.pem',
      'cert.pem',
      'key.pem',
      'notes.txt',
      'site.json',
      'subject.key',
    ]);
  });

  it('refuses what cannot be the id of a kiosk, and names it', async () => {
    const trust = await open();
    for (const id of ['', 'Gate A', '../gate', 'gate-a/#', '-gate', 'x'.repeat(64), 'cổng']) {
      await expect(trust.enrol(id, join(root, 'out')), id).rejects.toMatchObject({
        code: 'KIOSK_ID_INVALID',
        message: expect.stringContaining(JSON.stringify(id)),
      });
    }
    expect(existsSync(join(root, 'out'))).toBe(false);
  });

  it('into what cannot be written is a fault that names the folder', async () => {
    const trust = await open();
    await writeFile(join(root, 'file'), '');
    for (const out of [join(root, 'file'), join(root, 'file', 'gate-a')]) {
      await expect(trust.enrol('gate-a', out)).rejects.toMatchObject({
        code: 'ENROL_FAILED',
        message: expect.stringContaining(out),
      });
    }
  });

  it('after a power cut in the middle of a record starts a line of its own', async () => {
    const trust = await open();
    await appendFile(join(folder, 'enrolled.jsonl'), '{"kiosk":"gate-torn","ser');
    await trust.enrol('gate-a', join(root, 'gate-a'));
    const lines = (await readFile(join(folder, 'enrolled.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1] ?? '').kiosk).toBe('gate-a');
  });
});

function run(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
