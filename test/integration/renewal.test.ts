/** A kiosk's certificate renews itself over real TLS, and nothing that goes wrong meanwhile costs it the one it has. */
import { X509Certificate } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../gateway/broker.ts';
import { type Answers, makeAnswers } from '../../gateway/questions.ts';
import { openTrust, type Trust } from '../../gateway/trust/authority.ts';
import type { Asker } from '../../kiosk/asking.ts';
import { type Credentials, readCredentials } from '../../kiosk/credentials.ts';
import { renew } from '../../kiosk/enrol/renew.ts';
import { draftRenewal, prepareRenewalKey, settleRenewal } from '../../kiosk/enrol/renewed-set.ts';
import { createLink, type Link } from '../../kiosk/link.ts';
import { openOutbox } from '../../kiosk/outbox.ts';
import { Renewal } from '../../kiosk/renewal.ts';
import { Road } from '../../kiosk/road.ts';
import type { SiteNotice } from '../../shared/entry.ts';
import { generateSiteKey, siteKeyId } from '../../shared/identity.ts';
import type { Clock } from '../../shared/ports.ts';
import type { Renewed } from '../../shared/renewal.ts';
import { systemChance as chance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { makeEndingCertificate } from '../fakes/ended-certificate.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { makeKeyPair } from '../fakes/renewing-kiosk.ts';
import { until } from '../fakes/until.ts';

const yearMs = 365.25 * 86_400_000;
const deadlineMs = 20_000;

/** TLS goes by the true time; both programs here believe that a certificate of today is more than half over. */
let aheadMs: number;
const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };

let dir: string;
let folder: string;
let log: RecordingLog;
let kioskLog: RecordingLog;
let trust: Trust;
let broker: Broker;
let revoked: Set<string>;
let parts: AsyncDisposableStack;
let answers: Answers;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-renewal-'));
  aheadMs = 0;
  log = new RecordingLog();
  kioskLog = new RecordingLog();
  trust = await openTrust(join(dir, 'trust'), { site: 'Nhà máy A', clock, log });
  folder = join(dir, 'gate-a');
  await trust.enrol('gate-a', folder);
  aheadMs = 1.2 * yearMs;
  revoked = new Set();
  parts = new AsyncDisposableStack();
  answers = makeAnswers({ dataDir: dir, trust, clock, chance, log });
  broker = parts.use(
    await startBroker({
      host: '127.0.0.1',
      port: 0,
      credentials: await trust.gatewayCredentials('127.0.0.1'),
      revocations: { has: (serial) => revoked.has(serial.toLowerCase()), onGrowth: () => {} },
      accept: async () => undefined,
      onState: () => undefined,
      siteNotice: trust.notice,
      answers,
      clock: systemClock,
      log,
    }),
  );
});
afterEach(async () => {
  await parts.disposeAsync();
  rmSync(dir, { recursive: true });
});

function serialOf({ certPem }: Pick<Credentials, 'certPem'>): string {
  return new X509Certificate(certPem).serialNumber.toLowerCase();
}

function roadOf(credentials: Credentials, port = broker.port): Road {
  const address = { host: '127.0.0.1', port };
  return new Road({ address, credentials, dataDir: dir, look: null, clock, log: kioskLog });
}

async function startKiosk(): Promise<{ road: Road; link: Link; renewal: Renewal; online: () => boolean }> {
  const road = roadOf(await readCredentials(folder));
  const outbox = parts.use(openOutbox({ dir: join(dir, 'kiosk'), kiosk: 'gate-a', clock, chance, log: kioskLog }));
  let isOnline = false;
  const link: Link = parts.use(
    createLink({
      ...{ outbox, kiosk: 'gate-a', clock, chance, log: kioskLog, dial: road.dial },
      limits: { retry: { firstMs: 20, factor: 2, maxMs: 100, jitter: 0.5 } },
      state: () => ({}),
      onSite: (notice) => renewal.noticed(notice),
      onStatus: (status) => {
        isOnline = status === 'online';
      },
    }),
  );
  const renewal = parts.use(
    new Renewal({
      folder,
      road,
      asker: link,
      onStateChanged: () => {},
      clock,
      chance,
      log: kioskLog,
      limits: { spreadMs: 0 },
    }),
  );
  void link.run(new AbortController().signal);
  return { road, link, renewal, online: () => isOnline };
}

/** Asks the gateway's desk as gate-a, without a connection; an answer may be altered on its way. */
function askerThat(alter: (answer: Record<string, unknown>) => unknown = (answer) => answer): Asker {
  return {
    async ask(question, payload) {
      const answer = await answers[question]?.('gate-a', payload);
      if (answer === null || answer === undefined) return null;
      const altered = alter(JSON.parse(Buffer.from(answer).toString()));
      return altered === null ? null : Buffer.from(typeof altered === 'string' ? altered : JSON.stringify(altered));
    },
  };
}

async function renewOnce(asker = askerThat()) {
  const credentials = await readCredentials(folder);
  const { dialWith } = roadOf(credentials);
  return renew({ folder, credentials, asker, dialWith, clock: systemClock });
}

it('a kiosk renews while it works: it is let in by the new certificate, and by no key that it had before', async () => {
  const before = await readCredentials(folder);
  const { road, renewal, online } = await startKiosk();
  await until('the renewal', deadlineMs, () => kioskLog.events.includes('renewal.done'));
  expect(online()).toBe(true);
  expect(kioskLog.events.filter((event) => event === 'link.lost')).toEqual([]);
  const after = await readCredentials(folder, kioskLog);
  expect(serialOf(after)).toBe(serialOf(road.credentials));
  expect(after.keyPem).not.toBe(before.keyPem);
  expect(after.untilMs).toBeGreaterThan(before.untilMs + yearMs);
  expect(renewal.state).toEqual({ until: new Date(after.untilMs).toISOString() });
  expect((await trust.enrolled()).map(({ serial }) => serial)).toEqual([serialOf(before), serialOf(after)]);
  expect(readFileSync(join(dir, 'audit.jsonl'), 'utf8')).toContain('"action":"kiosk.renewed"');
  // What enrol wrote is untouched, and still lets the kiosk in.
  expect(readFileSync(join(folder, 'key.pem'), 'utf8')).toBe(before.keyPem);
  expect(kioskLog.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
});

it('it renews again and again, and keeps the first set and the last', async () => {
  for (let time = 0; time < 3; time++) {
    expect(await renewOnce()).toHaveProperty('renewed');
    aheadMs += 1.2 * yearMs;
    // A gateway that was started again has forgotten how lately it gave one.
    answers = makeAnswers({ dataDir: dir, trust, clock, chance, log });
  }
  expect(readdirSync(folder).filter((name) => name.startsWith('renew'))).toHaveLength(2);
  expect(serialOf(await readCredentials(folder))).toBe((await trust.enrolled()).at(-1)?.serial);
});

it('a kiosk that hears of other keys asks for them at once', async () => {
  const young = makeAnswers({ dataDir: dir, trust, clock: systemClock, chance, log });
  answers = young;
  expect(await renewOnce()).toMatchObject({ problem: 'not-due' });
  const announced: SiteNotice = { ...trust.notice, credentials: 'second' };
  const asked: string[] = [];
  const asker: Asker = {
    ask: async (question) => {
      asked.push(question);
      return null;
    },
  };
  const road = roadOf(await readCredentials(folder));
  const renewal = parts.use(
    new Renewal({
      ...{ folder, road, asker, clock: systemClock, chance, log: kioskLog },
      limits: { spreadMs: 0 },
      onStateChanged: () => {},
    }),
  );
  renewal.noticed({ ...announced, answers: ['renew'] });
  await until('the question', deadlineMs, () => asked.length > 0 && kioskLog.events.includes('renewal.failed'));
  expect(renewal.state.problem).toBe('unanswered');
});

it('a kiosk that is given another key to seal to uses it from then on, and says so', async () => {
  const { publicKey } = await generateSiteKey();
  const key = { id: siteKeyId(publicKey), publicKey: Buffer.from(publicKey).toString('base64url') };
  const asker = askerThat((answer) => ('cert' in answer ? { ...answer, site: { ...trust.notice, key } } : answer));
  const road = roadOf(await readCredentials(folder));
  const renewal = parts.use(
    new Renewal({
      ...{ folder, road, asker, clock, chance, log: kioskLog, onStateChanged: () => {} },
      limits: { spreadMs: 0 },
    }),
  );
  renewal.noticed({ ...trust.notice, answers: ['renew'] });
  await until('the renewal', deadlineMs, () => kioskLog.events.includes('renewal.done'));
  expect(road.credentials.siteKey.id).toBe(key.id);
  const line = kioskLog.lines.find(({ event }) => event === 'site.key-changed');
  expect(line?.fields).toEqual({ before: trust.notice.key.id, now: key.id });
});

it('a kiosk that the gateway does not let in by its new certificate stays with the old one, and says so', async () => {
  const before = await readCredentials(folder);
  const asker = askerThat((answer) => {
    if (typeof answer.cert === 'string') revoked.add(serialOf({ certPem: answer.cert }));
    return answer;
  });
  expect(await renewOnce(asker)).toMatchObject({ problem: 'not-let-in' });
  expect(serialOf(await readCredentials(folder, kioskLog))).toBe(serialOf(before));
  expect(existsSync(join(folder, 'renewing'))).toBe(false);
  expect(kioskLog.lines).toEqual([]);
});

it('a kiosk whose gateway cannot be tried keeps the key, and gets the same certificate when it asks again', async () => {
  const credentials = await readCredentials(folder);
  const asker = askerThat();
  const nowhere = roadOf(credentials, 1);
  const parts = { folder, credentials, asker, clock: systemClock };
  expect(await renew({ ...parts, dialWith: nowhere.dialWith })).toMatchObject({ problem: 'untried' });
  expect(await renewOnce(asker)).toHaveProperty('renewed');
  expect(await trust.enrolled()).toHaveLength(2);
});

describe('an answer that was altered or damaged changes nothing:', () => {
  const notFitting: readonly [string, (answer: Record<string, unknown>) => unknown][] = [
    ['none at all', () => null],
    ['cut off', (answer) => JSON.stringify(answer).slice(0, 500)],
    ['for another kiosk', (answer) => ({ ...answer, kiosk: 'gate-b' })],
    ['without a certificate', ({ cert: _, ...answer }) => answer],
    ['with a certificate that is none', (answer) => ({ ...answer, cert: 'x' })],
    [
      'with the certificate that the kiosk has',
      (answer) => ({ ...answer, cert: readFileSync(join(folder, 'cert.pem'), 'utf8') }),
    ],
    ['with an authority that the kiosk does not know', (answer) => ({ ...answer, ca: answer.cert })],
    ['without authorities', (answer) => ({ ...answer, ca: '' })],
    [
      'with a site key that has another id',
      (answer) => ({ ...answer, site: { ...trust.notice, key: { ...trust.notice.key, id: 'AAAA' } } }),
    ],
    ['with a short key of the pseudonyms', (answer) => ({ ...answer, subjectKey: 'AAAA' })],
    ['a refusal that nobody knows', () => ({ v: 1, refused: 'whatever' })],
  ];

  it.each(notFitting)('%s', async (_title, alter) => {
    const before = await readCredentials(folder);
    const outcome = await renewOnce(askerThat((answer) => ('cert' in answer ? alter(answer) : answer)));
    expect(outcome).toMatchObject({ problem: 'unanswered' });
    expect(await readCredentials(folder)).toEqual(before);
  });
});

describe('a power cut during a renewal', () => {
  async function given(): Promise<Renewed> {
    let answered: Renewed | null = null;
    const asker = askerThat((answer) => {
      if ('cert' in answer) answered = answer as Renewed;
      return 'cert' in answer ? null : answer;
    });
    await renewOnce(asker);
    if (answered === null) throw new Error('the gateway gave nothing');
    return answered;
  }

  it('leaves the old set in use until the very last step, and then the new one', async () => {
    const before = serialOf(await readCredentials(folder));
    const answer = await given();
    const states: string[] = [];
    const look = async (name: string, change: (copy: string) => void = () => {}) => {
      const copy = join(dir, `cut-${states.length}`);
      cpSync(folder, copy, { recursive: true });
      change(copy);
      states.push(`${name}: ${serialOf(await readCredentials(copy, kioskLog)) === before ? 'old' : 'new'}`);
    };
    await look('a key');
    const draft = await draftRenewal(folder, answer);
    await look('a whole draft');
    await look('half a draft', (copy) => rmSync(join(copy, 'renewing', 'cert.pem')));
    settleRenewal(folder, draft);
    await look('settled');
    await look('before the pointer', (copy) => rmSync(join(copy, 'renewed.json')));
    expect(kioskLog.lines).toEqual([]);
    await look('a torn pointer', (copy) => writeFileSync(join(copy, 'renewed.json'), '{"v":1,"fol'));
    await look('a damaged set', (copy) => writeFileSync(join(copy, `renewed-${serialOf(draft)}`, 'cert.pem'), 'x'));
    expect(states.map((state) => state.split(': ')[1])).toEqual(['old', 'old', 'old', 'new', 'old', 'old', 'old']);
    expect(kioskLog.events).toEqual(['renewal.damaged', 'renewal.damaged']);
  });

  it('is gone on with by the same key', async () => {
    prepareRenewalKey(folder);
    const key = readFileSync(join(folder, 'renewing', 'key.pem'), 'utf8');
    expect(await renewOnce()).toHaveProperty('renewed');
    expect((await readCredentials(folder)).keyPem).toBe(key);
  });
});

it('a folder that enrol wrote anew counts, and what was renewed of the old one no more', async () => {
  await renewOnce();
  await trust.enrol('gate-a', folder, { force: true });
  expect(serialOf(await readCredentials(folder, kioskLog))).toBe((await trust.enrolled()).at(-1)?.serial);
  expect(kioskLog.lines).toEqual([]);
});

it('a folder that cannot be written is told of with what to do, and the kiosk goes on', async () => {
  writeFileSync(join(folder, 'renewing'), 'in the way, as a read-only disk would be');
  const { renewal, online } = await startKiosk();
  await until('the attempt', deadlineMs, () => kioskLog.events.includes('renewal.failed'));
  const line = kioskLog.lines.find(({ event }) => event === 'renewal.failed');
  expect(line?.fields).toMatchObject({ problem: 'unwritable', remedy: expect.stringContaining('RAVAO_CREDENTIALS') });
  expect(renewal.state.problem).toBe('unwritable');
  expect(online()).toBe(true);
});

describe('a certificate that has ended', () => {
  it('lets nobody in; the kiosk says what to do, and keeps trying', async () => {
    const [enrolled] = await trust.enrolled();
    const read = (path: string) => readFileSync(path, 'utf8');
    const authority = { certPem: trust.caPem, keyPem: read(join(dir, 'trust', 'ca.key.pem')) };
    const own = { id: 'gate-a', keyPem: read(join(folder, 'key.pem')), serial: enrolled?.serial ?? '' };
    const ended = new Date(systemClock.nowMs() - 86_400_000);
    writeFileSync(join(folder, 'cert.pem'), await makeEndingCertificate(authority, own, ended));
    const { online } = await startKiosk();
    await until('attempts', deadlineMs, () => kioskLog.events.includes('link.retry'));
    expect(online()).toBe(false);
    const line = kioskLog.lines.find(({ event }) => event === 'renewal.ended');
    expect(line?.fields).toMatchObject({
      error: expect.stringContaining('CREDENTIALS_ENDED'),
      remedy: expect.stringContaining('enrol'),
    });
    expect(log.lines.map(({ fields }) => String(fields.reason))).toContain('CERT_HAS_EXPIRED');
  });

  it('soon is told of each hour', async () => {
    const soon: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + 1.9 * yearMs };
    const road = roadOf(await readCredentials(folder));
    const asker: Asker = { ask: async () => null };
    parts.use(new Renewal({ folder, road, asker, onStateChanged: () => {}, clock: soon, chance, log: kioskLog }));
    expect(kioskLog.events).toEqual(['renewal.ends-soon']);
  });
});

it('a key that the gateway never saw is of no use to who has only the old certificate', async () => {
  const outcome = await renewOnce();
  expect(outcome).toHaveProperty('renewed');
  const { privateKey } = makeKeyPair();
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const stolen = { ...(await readCredentials(folder)), keyPem };
  expect(() => roadOf(stolen)).toThrow('CREDENTIALS_INVALID');
});
