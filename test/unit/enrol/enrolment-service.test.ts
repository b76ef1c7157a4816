/** Enrolment over real TLS: a kiosk as it is, and strangers who try what they can. */
import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EnrolmentService, startEnrolment } from '../../../gateway/enrol/enrolment-service.ts';
import { Invitations } from '../../../gateway/enrol/invitations.ts';
import { openTrust, type Trust } from '../../../gateway/trust/authority.ts';
import { readCredentials } from '../../../kiosk/credentials.ts';
import { askGateway, findGateway } from '../../../kiosk/enrol/ask-gateway.ts';
import { enrolKiosk } from '../../../kiosk/enrol/enrol-kiosk.ts';
import { failureTexts, stepTexts } from '../../../kiosk/enrol/enrolment-texts.ts';
import { refusalCharsMax } from '../../../shared/code/refusal-texts.ts';
import { enrolmentPath, requestBytesMax } from '../../../shared/enrolment.ts';
import { decodeInvitation, encodeInvitation, type Invitation } from '../../../shared/invitation.ts';
import { systemChance } from '../../../shared/system/chance.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { freePort } from '../../fakes/processes.ts';
import { RecordingIndicator } from '../../fakes/recording-indicator.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { ScriptedScanner } from '../../fakes/scripted-scanner.ts';

const clock = systemClock;
const hourMs = 3_600_000;

let root: string;
let log: RecordingLog;
let trust: Trust;
let invitations: Invitations;
let service: EnrolmentService;

async function startSite(name: string) {
  const folder = join(root, name, 'trust');
  const opened = await openTrust(folder, { site: name, clock, log });
  const its = new Invitations(folder, clock);
  const started = await startEnrolment({
    ...{ host: '127.0.0.1', port: 0, mqttPort: 8883, clock, log },
    credentials: await opened.gatewayCredentials('127.0.0.1'),
    trust: opened,
    invitations: its,
  });
  return { trust: opened, invitations: its, service: started };
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravao-enrol-'));
  log = new RecordingLog();
  ({ trust, invitations, service } = await startSite('a'));
});
afterEach(async () => {
  await service[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

function fingerprintOf(caPem: string): Buffer {
  return createHash('sha256').update(new X509Certificate(caPem).raw).digest();
}

/** An invitation of the site, as `invite` makes it, with changes before it is signed. */
async function invite(changes: Partial<Invitation> = {}, hours = 24, signer = trust): Promise<string> {
  const gate = { kiosk: 'cong-a', gate: 'Cổng A', direction: 'out' } as const;
  const expiresMs = clock.nowMs() + hours * hourMs;
  const secret = await invitations.make(gate, expiresMs, systemChance);
  const addresses = [{ host: '127.0.0.1', port: service.port }];
  const made = { ...gate, addresses, fingerprint: fingerprintOf(trust.caPem), secret, expiresMs, ...changes };
  return encodeInvitation(made, (bytes) => signer.signInvitation(bytes));
}

/** A new kiosk with its own disk, before which codes are held one after the other. */
async function scan(kiosk: string, ...texts: readonly string[]) {
  const dataDir = join(root, kiosk);
  const credentialsDir = join(dataDir, 'credentials');
  const scanner = new ScriptedScanner();
  for (const text of texts) scanner.scan(text);
  scanner.end();
  const indicator = new RecordingIndicator();
  const readings = scanner.readings(new AbortController().signal)[Symbol.asyncIterator]() as AsyncIterator<never>;
  const kioskLog = new RecordingLog();
  const parts = { readings, indicator, dataDir, credentialsDir, kioskId: null, clock, log: kioskLog };
  const enrolled = await enrolKiosk(parts);
  const failures = kioskLog.lines.filter(({ event }) => event === 'enrol.failed').map(({ fields }) => fields.reason);
  return { enrolled, failures, indicator, dataDir, credentialsDir, log: kioskLog };
}

function read(text: string) {
  const found = decodeInvitation(text);
  if (found === null) throw new Error('no invitation');
  return found;
}

describe('a new kiosk', () => {
  it('becomes one of the site by one scan, and its key is nowhere else', async () => {
    const kiosk = await scan('one', await invite());
    expect(kiosk.enrolled).toBe(true);
    expect(kiosk.indicator.shown).toEqual(['enrolling', 'heard', 'heard', 'heard', 'admitted']);
    expect(kiosk.indicator.notes.at(-1)).toBe(`${stepTexts.done.vi}: Cổng A`);
    const credentials = await readCredentials(kiosk.credentialsDir);
    expect(credentials).toMatchObject({ kiosk: 'cong-a', site: 'a', caPem: trust.caPem });
    expect(Buffer.from(credentials.subjectKey)).toEqual(Buffer.from(trust.subjectKey));
    expect(JSON.parse(await readFile(join(kiosk.credentialsDir, 'kiosk.json'), 'utf8'))).toEqual({
      v: 1,
      gate: 'Cổng A',
      direction: 'out',
      gateway: { host: '127.0.0.1', port: 8883 },
      enrolPort: service.port,
    });
    for (const name of await readdir(kiosk.credentialsDir)) {
      expect(statSync(join(kiosk.credentialsDir, name)).mode & 0o777).toBe(0o600);
    }
    expect(await readdir(kiosk.dataDir)).toEqual(['credentials']);
    expect(await trust.enrolled()).toMatchObject([{ kiosk: 'cong-a' }]);
  });

  it('is not stopped by anything else that is scanned, and says of each what it is', async () => {
    const good = await invite();
    const spoilt = good.slice(0, -5);
    const kiosk = await scan('one', 'https://example.org/', '', spoilt, good.replace('RVE1', 'RVE9'), good);
    expect(kiosk.enrolled).toBe(true);
    expect(kiosk.failures).toEqual(['not-invitation', 'not-invitation', 'damaged', 'damaged']);
    expect(kiosk.indicator.notes).toContain(failureTexts.damaged.vi);
  });

  it('is told that an invitation was used, has ended or is not known, and takes the next', async () => {
    const [used, ended] = [await invite(), await invite({}, -1)];
    const unknown = await invite({ secret: randomBytes(16) });
    await scan('one', used);
    const kiosk = await scan('two', used, ended, unknown, await invite());
    expect(kiosk).toMatchObject({ enrolled: true, failures: ['used', 'expired', 'unknown'] });
  });

  it('tries every address at once, and says when none answers', async () => {
    const nobody = { host: '127.0.0.1', port: await freePort() };
    const here = { host: '127.0.0.1', port: service.port };
    const kiosk = await scan('one', await invite({ addresses: [nobody] }), await invite({ addresses: [nobody, here] }));
    expect(kiosk).toMatchObject({ enrolled: true, failures: ['unreachable'] });
  });

  it('may ask again with the same invitation when the answer was lost, with the same key', async () => {
    const text = await invite();
    const first = await scan('one', text);
    const key = await readFile(join(first.credentialsDir, 'key.pem'), 'utf8');
    // As after a power cut between the answer and the disk: only the key was kept.
    await rm(first.credentialsDir, { recursive: true });
    const secretHash = createHash('sha256').update(read(text).invitation.secret).digest('hex').slice(0, 16);
    const draft = join(first.dataDir, `enrolling-${secretHash}`);
    mkdirSync(draft);
    await writeFile(join(draft, 'key.pem'), key);
    const again = await scan('one', text);
    expect(again.enrolled).toBe(true);
    expect(await readFile(join(again.credentialsDir, 'key.pem'), 'utf8')).toBe(key);
    expect(await trust.enrolled()).toHaveLength(1);
  });

  it('says so when its disk takes nothing, and can try again', async () => {
    await writeFile(join(root, 'one'), 'a file where the folder should be');
    expect((await scan('one', await invite())).failures).toEqual(['not-kept']);
  });

  it('is told everything in texts that fit beside the lights', () => {
    for (const { vi, en } of Object.values(failureTexts)) {
      expect(Array.from(vi).length).toBeLessThanOrEqual(refusalCharsMax);
      expect(vi).toBe(vi.normalize('NFC'));
      expect(vi).toMatch(/^\p{Lu}.*[.] Xin .*\.$/u);
      expect(en).toMatch(/^\p{Lu}.*\. Please .*\.$/u);
    }
  });
});

describe('two kiosks at one moment', () => {
  it('share no invitation: one is enrolled, the other is told that it was used', async () => {
    const text = await invite();
    const both = await Promise.all([scan('one', text), scan('two', text)]);
    expect(both.map(({ enrolled }) => enrolled).sort()).toEqual([false, true]);
    expect(both.flatMap(({ failures }) => failures)).toEqual(['used']);
    expect(await trust.enrolled()).toHaveLength(1);
  });
});

describe('an attacker', () => {
  const failing = async (text: string): Promise<readonly unknown[]> => (await scan('victim', text)).failures;

  it("finds no kiosk that takes another site's gateway for the one invited to", async () => {
    const other = await startSite('b');
    try {
      const addresses = [{ host: '127.0.0.1', port: other.service.port }];
      expect(await failing(await invite({ addresses }))).toEqual(['wrong-site']);
      expect(await other.trust.enrolled()).toEqual([]);
    } finally {
      await other.service[Symbol.asyncDispose]();
    }
  });

  it.each<[string, Partial<Invitation>]>([
    ['gate', { gate: 'Cổng B' }],
    ['direction', { direction: 'in' }],
    ['kiosk', { kiosk: 'cong-b' }],
    ['end', { expiresMs: 4_000_000_000_000 }],
  ])('cannot change the %s of an invitation without its signature', async (_, change) => {
    const { invitation } = read(await invite());
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const forged = encodeInvitation({ ...invitation, ...change }, (bytes) =>
      sign('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    );
    expect(await failing(forged)).toEqual(['altered']);
    // The secret was never said, so the true invitation still works.
    expect(await invitations.list()).toMatchObject([{ state: 'open' }]);
  });

  it('learns no secret with a certificate of his own that shows the true authority beside it', async () => {
    const { certPem, keyPem } = await selfMade();
    const heard: Buffer[] = [];
    const server = createServer({ cert: `${certPem}${trust.caPem}`, key: keyPem }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => heard.push(chunk));
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    expect(['no-answer', 'wrong-site']).toContain(
      (await failing(await invite({ addresses: [{ host: '127.0.0.1', port: address.port }] })))[0],
    );
    expect(Buffer.concat(heard)).toHaveLength(0);
    server.close();
  });

  it('breaks no kiosk, and keeps none, with an invitation to an authority of his own', async () => {
    const { certPem, keyPem } = await selfMade();
    const server = createServer({ cert: certPem, key: keyPem }, (socket) => void socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    // His own fingerprint, but not his signature: and whatever it is, the next code is taken.
    const bait = { addresses: [{ host: '127.0.0.1', port: address.port }], fingerprint: fingerprintOf(certPem) };
    const kiosk = await scan('one', await invite(bait), await invite());
    expect(kiosk).toMatchObject({ enrolled: true, failures: ['altered'] });
    server.close();
  });

  it('is not served below TLS 1.3', async () => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: service.port,
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toMatch(/PROTOCOL_VERSION|ECONNRESET/);
  });

  it('cannot replay a request that he saw, nor ask with a key that he has not', async () => {
    const text = await invite();
    const { invitation } = read(text);
    const mine = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const found = await findGateway(read(text), clock);
    if ('failed' in found) throw new Error(found.failed);
    const stolen = { privateKey: mine.privateKey, publicKey: theirs.publicKey };
    expect(await askGateway(found, invitation, stolen, clock)).toEqual({ failed: 'no-answer' });
    const body = await captureRequest(text);
    expect(await post(body)).toEqual({ status: 400, text: '{"v":1,"refused":"malformed"}' });
    expect(await invitations.list()).toMatchObject([{ state: 'open' }]);
  });

  it('is refused with anything that is no request, and learns nothing', async () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'der' });
    const bodies = ['', '{', 'null', '[]', '{"v":1}', '{"v":2,"secret":"a","key":"a","proof":"a"}', '\u0000'];
    bodies.push(JSON.stringify({ v: 1, secret: '../../site.key', key: 'AAAA', proof: 'AAAA' }));
    bodies.push(JSON.stringify({ v: 1, secret: 'AAAA', key: key.toString('base64url').slice(0, 256), proof: 'AAAA' }));
    for (const body of bodies) expect(await post(body)).toEqual({ status: 400, text: '{"v":1,"refused":"malformed"}' });
    expect(await post('{}', 'GET')).toEqual({ status: 404, text: '' });
    expect(await post('{}', 'POST', '/v1/enrol/../../trust')).toEqual({ status: 404, text: '' });
    const long = await post('x'.repeat(requestBytesMax + 1)).catch(() => 'closed');
    expect(['closed', 400]).toContain(typeof long === 'string' ? long : long.status);
  });

  it('keeps nobody out by holding connections open', async () => {
    const sockets = Array.from({ length: 60 }, () => {
      const socket = connect({ host: '127.0.0.1', port: service.port });
      socket.on('error', () => undefined);
      return socket;
    });
    expect((await scan('one', await invite())).enrolled).toBe(true);
    for (const socket of sockets) socket.destroy();
  });

  it('finds no secret in any log', async () => {
    const text = await invite();
    const kiosk = await scan('one', text);
    await scan('two', text);
    const { secret } = read(text).invitation;
    const lines = JSON.stringify([...log.lines, ...kiosk.log.lines]);
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      expect(lines).not.toContain(Buffer.from(secret).toString(form));
    }
    expect(lines).not.toContain('RVE1');
    expect(existsSync(join(kiosk.dataDir, 'credentials'))).toBe(true);
  });
});

/** A certificate in the gateway's name by an authority that nobody knows. */
async function selfMade(): Promise<{ certPem: string; keyPem: string }> {
  return (await openTrust(join(root, 'stranger'), { site: 'x', clock, log })).gatewayCredentials('127.0.0.1');
}

/** What a true kiosk sends over a connection of its own that ends there: a proof is bound to its connection. */
async function captureRequest(text: string): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const socket = connectTls({ host: '127.0.0.1', port: service.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const proof = sign('sha256', socket.exportKeyingMaterial(32, 'EXPORTER-ravao-enrol-v1', Buffer.alloc(0)), privateKey);
  socket.destroy();
  return JSON.stringify({
    v: 1,
    secret: Buffer.from(read(text).invitation.secret).toString('base64url'),
    key: publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'),
    proof: proof.toString('base64url'),
  });
}

function post(body: string, method = 'POST', path = enrolmentPath): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: service.port, method, path, agent: false, rejectUnauthorized: false };
    const asked = request(options, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
      resolve({ status: response.statusCode ?? 0, text });
    });
    asked.on('error', reject);
    asked.once('socket', (socket) => (socket as TLSSocket).setNoDelay(true));
    asked.end(body);
  });
}
