/** A month of a site in which every key is changed: virtual days, the real trust folder, store, broker and renewal. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../gateway/broker.ts';
import { createIntake, type Intake } from '../../gateway/intake.ts';
import { CertificateUses } from '../../gateway/keys/certificate-uses.ts';
import { runKeys } from '../../gateway/keys/command.ts';
import { type Answers, makeAnswers } from '../../gateway/questions.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Store } from '../../gateway/store/store.ts';
import { openTrust, type Trust } from '../../gateway/trust/authority.ts';
import { type Credentials, readCredentials } from '../../kiosk/credentials.ts';
import { dialTls } from '../../kiosk/dial.ts';
import { renew } from '../../kiosk/enrol/renew.ts';
import type { Entry } from '../../shared/entry.ts';
import { createOpener, sealIdentity, subjectOf } from '../../shared/identity.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { makeEntry } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { idNumber } from '../fakes/site.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

const dayMs = 86_400_000;
const passingsADay = 8;
const people = 40;

let dir: string;
let clock: VirtualClock;
let trust: Trust;
let store: Store;
let intake: Intake;
let broker: Broker;
let answers: Answers;
let uses: CertificateUses;
let parts: AsyncDisposableStack;
const log = new RecordingLog();
const chance = seededChance(20_261_120);

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-month-'));
  clock = new VirtualClock(systemClock.nowMs());
  parts = new AsyncDisposableStack();
  trust = await openTrust(join(dir, 'trust'), { site: 'A', clock, log });
  store = parts.use(await openSqliteStore({ dir, log }));
  intake = parts.use(createIntake({ store, clock, log }));
  answers = makeAnswers({ dataDir: dir, trust, keeper: { answer: () => null }, clock, chance, log });
  uses = parts.use(await CertificateUses.open(trust, clock, log));
  broker = parts.use(
    await startBroker({
      ...{ host: '127.0.0.1', port: 0, credentials: await trust.gatewayCredentials('127.0.0.1') },
      ...{ accept: async () => undefined, onState: () => undefined, siteNotice: trust.notice, answers },
      onAdmitted: (kiosk, serial) => uses.note(kiosk, serial),
      ...{ clock: systemClock, log },
    }),
  );
});
afterEach(async () => {
  await parts.disposeAsync();
  rmSync(dir, { recursive: true });
});

async function keys(...args: string[]): Promise<number> {
  const quiet = { print: async () => undefined, warn: () => undefined };
  const code = await runKeys(args, { config: { dataDir: dir, site: 'A' }, clock, log, ...quiet });
  await trust.refresh();
  broker.renew(await trust.gatewayCredentials('127.0.0.1'));
  return code;
}

/** A kiosk that asks for new keys whenever it hears that there are some, and else lets people pass. */
class MonthKiosk {
  readonly id: string;
  #seq = 0;
  credentials: Credentials | null = null;

  constructor(id: string) {
    this.id = id;
  }

  get folder(): string {
    return join(dir, this.id);
  }

  async hear(): Promise<void> {
    this.credentials ??= await readCredentials(this.folder);
    if (trust.notice.credentials === this.credentials.version) return;
    const asker = {
      ask: async (question: string, payload: Uint8Array) => (await answers[question]?.(this.id, payload)) ?? null,
    };
    const dialWith = (given: Credentials) => dialTls({ host: '127.0.0.1', port: broker.port, ...given })();
    const outcome = await renew({
      folder: this.folder,
      credentials: this.credentials,
      asker,
      dialWith,
      clock: systemClock,
    });
    if (!('renewed' in outcome)) throw new Error(`${this.id}: ${outcome.problem}: ${outcome.detail}`);
    this.credentials = outcome.renewed;
    const former = trust.contents.subjectKeys.slice(0, -1).map(({ key }) => Buffer.from(key));
    // Whom the site knew by an old pseudonym it still knows.
    expect(this.credentials.formerSubjectKeys.map((key) => Buffer.from(key))).toEqual(former.reverse());
  }

  async pass(person: number): Promise<Entry> {
    this.credentials ??= await readCredentials(this.folder);
    const { siteKey, subjectKey } = this.credentials;
    const at = new Date(clock.nowMs()).toISOString();
    const subject = subjectOf(subjectKey, idNumber(person));
    const { entry } = makeEntry(++this.#seq, { kiosk: this.id, at, subject, epoch: epochOf(this.id) });
    const id = entry.id.replace(/^.{8}/, Buffer.from(chance.bytes(4)).toString('hex'));
    const identity = await sealIdentity(siteKey, { number: idNumber(person) }, id);
    const whole = { ...entry, id, identity };
    await intake.accept(this, this.id, Buffer.from(JSON.stringify(whole)));
    return whole;
  }
}

function epochOf(kiosk: string): string {
  return `019a1b2c-0000-7000-8000-0000000000${Buffer.from(kiosk.slice(-1)).toString('hex')}`;
}

it('a month with every key changed in its middle: nothing unreadable, and nothing of after readable by the old key', async () => {
  const kiosks = ['gate-a', 'gate-b', 'gate-c'].map((id) => new MonthKiosk(id));
  for (const kiosk of kiosks) await trust.enrol(kiosk.id, kiosk.folder);
  const plan: Readonly<Record<number, readonly string[]>> = {
    10: ['rotate', 'site'],
    13: ['rotate', 'subject'],
    15: ['rotate', 'authority'],
    19: ['finish', 'authority'],
    20: ['retire', 'authority'],
    24: ['rotate', 'site'],
  };
  // One is off while three keys are changed, and works without a network: nobody tells it anything.
  const isAlone = (id: string, day: number) => id === 'gate-c' && day >= 9 && day <= 17;
  const made: { readonly entry: Entry; readonly person: number; readonly sealedBy: string; readonly day: number }[] =
    [];
  for (let day = 1; day <= 30; day++) {
    const step = plan[day];
    if (step !== undefined) expect(await keys(...step), step.join(' ')).toBe(0);
    for (const kiosk of kiosks) {
      if (!isAlone(kiosk.id, day)) await kiosk.hear();
      for (let passing = 0; passing < passingsADay; passing++) {
        const person = Math.floor(chance.fraction() * people);
        const entry = await kiosk.pass(person);
        made.push({ entry, person, sealedBy: entry.identity?.key ?? '', day });
      }
    }
    await clock.advance(dayMs);
  }

  const stored = new Map<string, Entry>();
  for await (const { body } of store.entries()) {
    const entry = JSON.parse(Buffer.from(body).toString()) as Entry;
    stored.set(entry.id, entry);
  }
  expect(stored.size).toBe(made.length);
  const { sealingKeys, subjectKeys, authorities } = trust.contents;
  expect([sealingKeys.length, subjectKeys.length, authorities.length]).toEqual([3, 2, 1]);
  const openers = await Promise.all(sealingKeys.map((key) => createOpener(readFileSync(join(key.folder, 'site.key')))));
  const since = sealingKeys.map(({ at }) => (at === null ? 0 : Date.parse(at)));
  for (const { entry, person, day } of made) {
    const { identity, subject, at } = stored.get(entry.id) ?? { identity: null, subject: null, at: '' };
    if (identity === null) throw new Error(`day ${day}: no identity`);
    const opened = await Promise.all(openers.map((opener) => opener.open(identity, entry.id).catch(() => null)));
    expect(opened.filter((one) => one !== null)).toEqual([{ number: idNumber(person) }]);
    const by = opened.findIndex((one) => one !== null);
    // By the newest key that the kiosk can have heard of, which is the newest of all unless it was alone.
    if (!isAlone(entry.kiosk, day)) expect(by).toBe(since.filter((ms) => ms <= Date.parse(at)).length - 1);
    // Tracing finds a person under the keys of all generations.
    expect(subjectKeys.map(({ key }) => subjectOf(key, idNumber(person)))).toContain(subject);
  }
  const alone = made.filter(({ entry, day }) => entry.kiosk === 'gate-c' && day >= 10 && day <= 17);
  expect(new Set(alone.map(({ sealedBy }) => sealedBy))).toEqual(new Set([sealingKeys[0]?.id]));
}, 120_000);
