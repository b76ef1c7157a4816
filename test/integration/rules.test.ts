import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../gateway/broker.ts';
import { publishRules } from '../../gateway/rules.ts';
import { openTrust, type Trust } from '../../gateway/trust/authority.ts';
import { readCredentials } from '../../kiosk/credentials.ts';
import { dialTls } from '../../kiosk/dial.ts';
import { createLink } from '../../kiosk/link.ts';
import { type Outbox, openOutbox } from '../../kiosk/outbox.ts';
import { openRules, type Rules } from '../../kiosk/rules.ts';
import type { KioskState } from '../../shared/entry.ts';
import { chunkItemsOf } from '../../shared/rules.ts';
import { systemChance as chance } from '../../shared/system/chance.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { cardId, MemoryCardLists, makeIssuer, shortNumber } from '../fakes/card-lists.ts';
import { makeDraft } from '../fakes/entries.ts';
import { freePort } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { until } from '../fakes/until.ts';

/** What the site promises, in milliseconds. */
const promisedMs = 5_000;

const machine = () => ({ hostname: 'cong-truoc', addresses: ['127.0.0.1'] });

let dir: string;
let trust: Trust;
let port: number;
let lists: MemoryCardLists;
let states: KioskState[];
let gatewayLog: RecordingLog;
let kioskLog: RecordingLog;
let stopGateway: (() => Promise<void>) | null;
let stopKiosk: (() => Promise<void>) | null;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-rules-'));
  gatewayLog = new RecordingLog();
  kioskLog = new RecordingLog();
  trust = await openTrust(join(dir, 'trust'), { site: 'Nhà máy A', clock, log: gatewayLog, machine });
  await trust.enrol('gate-a', join(dir, 'gate-a'));
  port = await freePort();
  lists = new MemoryCardLists();
  lists.named = [makeIssuer()];
  states = [];
  stopGateway = null;
  stopKiosk = null;
});

afterEach(async () => {
  await stopKiosk?.();
  await stopGateway?.();
  rmSync(dir, { recursive: true });
});

async function startGateway(): Promise<Broker> {
  const started = new AsyncDisposableStack();
  const broker = started.use(
    await startBroker({
      host: '127.0.0.1',
      port,
      credentials: await trust.gatewayCredentials('127.0.0.1'),
      accept: async () => undefined,
      onState: (_kiosk, state) => void states.push(state),
      siteNotice: trust.notice,
      clock,
      log: gatewayLog,
    }),
  );
  started.use(publishRules({ lists, announcements: broker.announcements, clock, log: gatewayLog }));
  stopGateway = async () => {
    stopGateway = null;
    await started.disposeAsync();
  };
  return broker;
}

async function startKiosk(): Promise<{ rules: Rules; outbox: Outbox; wake: () => void }> {
  const started = new AsyncDisposableStack();
  const outbox = started.use(openOutbox({ dir: join(dir, 'kiosk'), kiosk: 'gate-a', clock, chance, log: kioskLog }));
  const onStateChanged = () => link.stateChanged();
  const rules = started.use(
    await openRules({ dir: join(dir, 'kiosk'), kiosk: 'gate-a', onStateChanged, clock, chance, log: kioskLog }),
  );
  const link = started.use(
    createLink({
      outbox,
      kiosk: 'gate-a',
      dial: dialTls({ host: '127.0.0.1', port, ...(await readCredentials(join(dir, 'gate-a'))) }),
      clock,
      chance,
      log: kioskLog,
      limits: { retry: { firstMs: 50, factor: 1.5, maxMs: 500, jitter: 0.5 } },
      state: () => ({ rules: rules.state }),
      reader: rules,
      onStatus: () => undefined,
    }),
  );
  const stop = new AbortController();
  const done = link.run(stop.signal);
  stopKiosk = async () => {
    stopKiosk = null;
    stop.abort();
    await done;
    await started.disposeAsync();
  };
  return { rules, outbox, wake: () => link.wake() };
}

const isRevoked = (rules: Rules, number: number) => rules.cards.isRevoked(cardId(number));

it('a revocation reaches a connected kiosk within five seconds, and the kiosk says so', async () => {
  lists.add('issued', shortNumber(1), shortNumber(2));
  await startGateway();
  const { rules } = await startKiosk();
  await until('the kiosk knows the issuer', promisedMs, () => rules.cards.issuers.size === 1);
  const [issuer] = lists.named;
  expect(rules.cards.issuerOfNumber(1)).toBe(issuer?.id);
  expect(isRevoked(rules, 1)).toBe(false);
  lists.add('revoked', cardId(1));
  await until('the card is refused', promisedMs, () => isRevoked(rules, 1));
  expect([rules.cards.issuerOfNumber(1), rules.cards.issuerOfNumber(2)]).toEqual([null, issuer?.id]);
  const told = () => states.at(-1)?.rules;
  await until('the gateway knows it', promisedMs, () => told()?.revoked === 1);
  expect(told()).toEqual({ version: rules.state.version, revoked: 1, issued: 2, kept: 0 });
});

it('what was revoked while a kiosk was away reaches it when it is back, also over restarts of both', async () => {
  await startGateway();
  lists.add('revoked', cardId(1));
  const first = await startKiosk();
  await until('the first card is refused', promisedMs, () => isRevoked(first.rules, 1));
  await stopGateway?.();
  expect(isRevoked(first.rules, 1)).toBe(true);
  lists.add('revoked', cardId(2));
  await startGateway();
  await until('the second card is refused', promisedMs, () => isRevoked(first.rules, 2));
  await stopKiosk?.();
  lists.add('revoked', cardId(3));
  await stopGateway?.();
  const second = await startKiosk();
  const known = [1, 2, 3].map((number) => isRevoked(second.rules, number));
  expect(known).toEqual([true, true, false]);
  expect(second.rules.cards.issuers.size).toBe(1);
  await startGateway();
  await until('the third card is refused', promisedMs, () => isRevoked(second.rules, 3));
  expect(gatewayLog.events.filter((event) => event.startsWith('broker.filter'))).toEqual([]);
});

it('a register that was put back from a backup reaches the kiosk, and takes no revocation back', async () => {
  lists.add('revoked', cardId(1), cardId(2), cardId(3));
  lists.add('issued', shortNumber(1), shortNumber(7));
  await startGateway();
  const { rules } = await startKiosk();
  await until('the cards are refused', promisedMs, () => isRevoked(rules, 3));
  lists.replace('revoked', cardId(1), cardId(4));
  lists.replace('issued', shortNumber(8));
  await until('the other list is there', promisedMs, () => isRevoked(rules, 4));
  expect([1, 2, 3].map((number) => isRevoked(rules, number))).toEqual([true, true, true]);
  expect(rules.state).toMatchObject({ revoked: 2, issued: 1, kept: 2 });
  expect([rules.cards.issuerOfNumber(7), rules.cards.issuerOfNumber(8)]).toEqual([null, lists.named[0]?.id]);
  await until('it is written', promisedMs, () => kioskLog.events.includes('rules.revocations-kept'));
  await stopKiosk?.();
  await stopGateway?.();
  const again = await startKiosk();
  expect([1, 2, 3, 4].map((number) => isRevoked(again.rules, number))).toEqual([true, true, true, true]);
});

it('long lists come in many chunks, while entries go on being acknowledged', async () => {
  const many = 5 * chunkItemsOf(12) + 17;
  lists.add('revoked', ...Array.from({ length: many }, (_, number) => cardId(number)));
  lists.add('issued', ...Array.from({ length: many }, (_, number) => shortNumber(number)));
  await startGateway();
  const { rules, outbox, wake } = await startKiosk();
  for (let made = 0; made < 200; made++) outbox.append(makeDraft(outbox.depth() + 1));
  wake();
  await until('all is there', 4 * promisedMs, () => rules.state.revoked === many && outbox.depth() === 0);
  await until('all is held', promisedMs, () => rules.state.version !== null);
  expect([isRevoked(rules, 0), isRevoked(rules, many - 1), isRevoked(rules, many)]).toEqual([true, true, false]);
  expect(kioskLog.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  expect(gatewayLog.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
});
