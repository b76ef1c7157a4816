/** Keys that are changed while gates work: real processes, real TLS, and entries that are opened in the end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openTrust } from '../../gateway/trust/authority.ts';
import { readEnrolled } from '../../gateway/trust/enrolled.ts';
import type { Entry } from '../../shared/entry.ts';
import { createOpener, subjectOf } from '../../shared/identity.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import type { RunningProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { idCard, idNumber, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

/** Kiosks wait by chance up to half a minute before they ask for new keys. */
const movedDeadlineMs = 120_000;

/** People who stand before a gate at once, and how long the next ones take to come, in milliseconds. */
const crowd = 10;
const pauseMs = 100;

/** A gate at which people pass, again and again, until told to stop. */
class BusyGate {
  readonly #kiosk: RunningProcess;
  readonly #first: number;
  readonly #passing: Promise<void>;
  #stopped = false;
  people = 0;

  /** @param first the number of the first person; nobody passes twice. */
  constructor(kiosk: RunningProcess, first: number) {
    this.#kiosk = kiosk;
    this.#first = first;
    this.#passing = this.#pass();
  }

  async #pass(): Promise<void> {
    while (!this.#stopped) {
      const numbers = Array.from({ length: crowd }, (_, index) => this.#first + this.people + index);
      this.#kiosk.write(numbers.map((number) => `${idCard(number)}\n`).join(''));
      this.people += crowd;
      const last = this.people;
      await this.#kiosk.waitForLog('scan.recorded', startDeadlineMs, { matches: (fields) => fields.seq === last });
      await sleep(systemClock, pauseMs);
    }
  }

  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#passing;
    return this.people;
  }
}

/** Which kiosks have which generation, as `keys` says. */
async function laggards(folder: SiteFolder): Promise<string[]> {
  const lines = (await folder.command(['keys', '--format', 'json'])).trim().split('\n');
  return [...new Set(lines.flatMap((line) => JSON.parse(line).laggards as string[]))].sort();
}

async function untilLaggards(folder: SiteFolder, wanted: readonly string[]): Promise<void> {
  const endMs = systemClock.monotonicMs() + movedDeadlineMs;
  for (let found = await laggards(folder); found.join() !== wanted.join(); found = await laggards(folder)) {
    if (systemClock.monotonicMs() > endMs) throw new Error(`${found} lag behind`);
  }
}

/** Opens every entry, and says for each with which generation it was sealed and its subject made. */
async function readAll(folder: SiteFolder, entries: readonly Entry[]) {
  const log = new RecordingLog();
  const trust = await openTrust(join(folder.gatewayDir, 'trust'), { site: 'ravao', clock: systemClock, log });
  const { sealingKeys, subjectKeys } = trust.contents;
  const openers = await Promise.all(
    sealingKeys.map(async (key) => createOpener(readFileSync(join(key.folder, 'site.key')))),
  );
  return Promise.all(
    entries.map(async ({ id, kiosk, seq, at, identity, subject }) => {
      const sealedBy = sealingKeys.findIndex((key) => key.id === identity?.key);
      if (identity === null || openers[sealedBy] === undefined) throw new Error(`${id} cannot be read`);
      const { number = '' } = (await openers[sealedBy].open(identity, id)) as { number?: string };
      const byOthers = openers.filter((_, index) => index !== sealedBy).map((other) => other.open(identity, id));
      const readByOthers = (await Promise.allSettled(byOthers)).filter(({ status }) => status === 'fulfilled').length;
      const madeWith = subjectKeys.findIndex(({ key }) => subjectOf(key, number) === subject);
      return { kiosk, seq, atMs: Date.parse(at), number, sealedBy, madeWith, readByOthers };
    }),
  );
}

it('every key is changed while gates work: no entry is lost, each is readable by one key, and none of after by the old one', async () => {
  using folder = new SiteFolder();
  for (const kiosk of ['gate-a', 'gate-b', 'gate-c']) await folder.enrol(kiosk);
  const { gateway, port } = await folder.startGateway();
  await using _ = gateway;
  await using a = await folder.startKiosk('gate-a', port);
  await using b = await folder.startKiosk('gate-b', port);
  for (const kiosk of [a, b]) await kiosk.waitForLog('link.connected', startDeadlineMs);
  const gates = [new BusyGate(a, 0), new BusyGate(b, 100_000)];
  for (const kind of ['site', 'subject', 'authority'])
    await folder.command(['keys', 'rotate', kind, '--why', 'yearly']);
  await gateway.waitForLog('keys.changed', startDeadlineMs);
  await untilLaggards(folder, ['gate-c']);

  // The one that was off finds the gateway, since nothing was taken from it meanwhile, and is brought up to date.
  await using c = await folder.startKiosk('gate-c', port);
  gates.push(new BusyGate(c, 200_000));
  await untilLaggards(folder, []);
  const since = gateway.logs.length;
  await folder.command(['keys', 'finish', 'authority']);
  await gateway.waitForLog('keys.changed', startDeadlineMs, { since });
  const retired = [a, b, c].map((kiosk) => kiosk.logs.length);
  await folder.command(['keys', 'retire', 'authority']);
  // Whoever still holds a connection that he made with an old certificate comes back with the new one.
  for (const [index, kiosk] of [a, b, c].entries()) {
    await kiosk.waitForLog('link.connected', movedDeadlineMs, { since: retired[index] ?? 0 });
  }
  const moved = new Map([a, b, c].map((kiosk, index) => [`gate-${'abc'[index]}`, lastRenewalMs(kiosk)]));
  let people = 0;
  for (const gate of gates) people += await gate.stop();
  // A restart comes by the new authority alone.
  expect((await a.kill('SIGTERM')).code).toBe(0);
  await using again = await folder.startKiosk('gate-a', port);
  await again.waitForLog('link.connected', startDeadlineMs);
  again.write(`${idCard(300_000)}\n`);

  const read = await readAll(folder, await folder.waitForEntries(people + 1));
  expect(read).toHaveLength(people + 1);
  expect(new Set(read.map(({ number }) => number)).size).toBe(people + 1);
  expect(read.map(({ number }) => number)).toContain(idNumber(300_000));
  expect(read.filter(({ madeWith, readByOthers }) => madeWith < 0 || readByOthers > 0)).toEqual([]);
  expect(await folder.quarantine()).toEqual([]);
  for (const [kiosk, movedMs] of moved) {
    const own = read.filter((entry) => entry.kiosk === kiosk).sort((one, other) => one.seq - other.seq);
    const late = own.filter(({ atMs }) => atMs > movedMs);
    expect(late.length, kiosk).toBeGreaterThan(0);
    expect(
      late.filter(({ sealedBy, madeWith }) => sealedBy !== 1 || madeWith !== 1),
      kiosk,
    ).toEqual([]);
    // Each goes over once, and not back.
    for (const key of ['sealedBy', 'madeWith'] as const) {
      expect(
        own.map((entry) => entry[key]),
        kiosk,
      ).toEqual(own.map((entry) => entry[key]).sort());
    }
  }
  expect((await readEnrolled(join(folder.gatewayDir, 'trust', 'enrolled.jsonl'))).length).toBeGreaterThanOrEqual(6);
}, 400_000);

function lastRenewalMs(kiosk: RunningProcess): number {
  const times = kiosk.logs.filter(({ event }) => event === 'renewal.done').map(({ time }) => Date.parse(String(time)));
  expect(times.length).toBeGreaterThan(0);
  return Math.max(...times);
}
