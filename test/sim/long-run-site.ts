/**
 * A hospital's gate on a virtual clock: two real kiosks (outbox, link, station), one real gateway (broker, intake, store,
 * forwarder) and an upstream that counts and keeps nothing, so that whatever grows in this process is the programs' own.
 */
import { strict as assert } from 'node:assert';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { startMqtt } from '../../gateway/broker.ts';
import { createForwarder } from '../../gateway/forwarder.ts';
import { createIntake } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { StoreReport } from '../../gateway/store/store.ts';
import { Kiosk } from '../../kiosk/kiosk.ts';
import { createLink } from '../../kiosk/link.ts';
import { openOutbox } from '../../kiosk/outbox.ts';
import { nothingKnown } from '../../shared/code/known.ts';
import type { Direction } from '../../shared/entry.ts';
import type { IdentitySealer } from '../../shared/identity.ts';
import type { Chance, Delivery, ForwardBatch, ForwardEntry, Indicator, Log, Upstream } from '../../shared/ports.ts';
import type { Signal } from '../../shared/signal.ts';
import { connectionPair } from '../fakes/mqtt-pair.ts';
import { ScriptedScanner } from '../fakes/scripted-scanner.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { settle, VirtualClock } from '../fakes/virtual-clock.ts';
import { copySynced } from './long-run-files.ts';

/** The two doors: visitors who are new every day, and staff who come and go. */
export const doors = [
  { kiosk: 'gate-visitors', direction: 'in' },
  { kiosk: 'gate-staff', direction: 'toggle' },
] as const satisfies readonly { kiosk: string; direction: Direction | 'toggle' }[];
export type Door = (typeof doors)[number]['kiosk'];

/** A wait for work that takes no virtual time gives up after so many turns of the event loop. */
const turnsMax = 200_000;

/** An entry is with the authority in fewer turns of the event loop than this. */
const underWayTurnsMax = 6;

/** Stands for sealing, which keeps nothing between two entries and would be half of the run's time. As long as the real thing. */
const sealer: IdentitySealer = {
  seal: async () => ({ enc: 'e'.repeat(43), ct: 'c'.repeat(192), key: siteKeyId }),
};
const siteKeyId = 'k'.repeat(16);

/** Counts events by name and keeps none. */
class CountingLog implements Log {
  readonly counts = new Map<string, number>();
  readonly debug = (event: string): void => this.#count(event);
  readonly info = (event: string): void => this.#count(event);
  readonly warn = (event: string): void => this.#count(event);
  readonly error = (event: string): void => this.#count(event);

  #count(event: string): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
  }
}

/** Lights that count how often they said that an entry was made. */
class CountingIndicator implements Indicator {
  readonly board = 'working' as const;
  answered = 0;

  show(signal: Signal): void {
    if (signal === 'admitted' || signal === 'refused') this.answered++;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What the health authority has: per kiosk the highest `seq`, which must come without a gap. */
export class CountingAuthority {
  /** While false it answers that it is not able now. */
  open = true;
  /** Entries that came once more. */
  repeated = 0;
  readonly #last = new Map<string, number>();

  /** How many different entries of a kiosk it has. */
  countOf(kiosk: string): number {
    return this.#last.get(kiosk) ?? 0;
  }

  take({ kiosk, body }: ForwardEntry): void {
    const { seq } = JSON.parse(body) as { seq: number };
    const last = this.countOf(kiosk);
    assert(seq <= last + 1, `${kiosk}: ${seq} came upstream after ${last}`);
    if (seq <= last) this.repeated++;
    else this.#last.set(kiosk, seq);
  }
}

/** The way to the authority, from one life of the gateway. */
class CountingUpstream implements Upstream {
  readonly name = 'https://authority.example/';
  readonly #authority: CountingAuthority;
  #cut = false;

  constructor(authority: CountingAuthority) {
    this.#authority = authority;
  }

  /** What a gateway without power still tries to send goes nowhere. */
  cut(): void {
    this.#cut = true;
  }

  wireBytes(entry: ForwardEntry): number {
    return Buffer.byteLength(entry.body);
  }

  async send({ entries }: ForwardBatch): Promise<Delivery> {
    if (this.#cut || !this.#authority.open) {
      return { type: 'later', reason: 'HTTP 503', retryAfterMs: null, alarm: false };
    }
    for (const entry of entries) this.#authority.take(entry);
    // The answer comes later than the deed, so a power cut can fall between.
    await settle(1);
    return { type: 'taken', rejected: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What every start of a program is given. */
interface Surroundings {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly log: Log;
}

async function startGateway(dir: string, authority: CountingAuthority, around: Surroundings) {
  const parts = new AsyncDisposableStack();
  const store = parts.use(await openSqliteStore({ dir, log: around.log }));
  const upstream = parts.use(new CountingUpstream(authority));
  const forwarder = parts.use(createForwarder({ store, upstream, ...around }));
  const intake = parts.use(createIntake({ store, ...around }));
  const broker = parts.use(
    await startMqtt({
      accept: (sender, kiosk, payload) => intake.accept(sender, kiosk, payload),
      onState: () => {},
      siteNotice: { v: 1, site: 'hospital', key: { id: siteKeyId, publicKey: 'A'.repeat(43) } },
      ...around,
    }),
  );
  return { store, upstream, forwarder, broker, stop: () => parts.disposeAsync() };
}

interface KioskParts extends Surroundings {
  readonly dir: string;
  readonly name: Door;
  readonly direction: Direction | 'toggle';
  readonly indicator: Indicator;
  readonly boot: string;
  readonly dial: () => Duplex;
}

function startKiosk({ dir, name, direction, indicator, boot, dial, ...around }: KioskParts) {
  const stop = new AbortController();
  const scanner = new ScriptedScanner();
  const outbox = openOutbox({ dir, kiosk: name, freeBytes: () => 2 ** 40, ...around });
  const link = createLink({
    outbox,
    kiosk: name,
    dial,
    state: () => kiosk.state(),
    onStatus: (status) => kiosk.linkChanged(status),
    ...around,
  });
  const kiosk = new Kiosk({
    scanner,
    indicator,
    outbox,
    onRecorded: () => link.wake(),
    onStateChanged: () => link.stateChanged(),
    gate: 'Cổng bệnh viện',
    station: { direction, repeatWindowMs: 5000, stayMsMax: 16 * 3_600_000 },
    known: () => nothingKnown,
    subjectKeys: [new Uint8Array(32).fill(7)],
    sealer,
    timeSync: { boot, synced: () => true, [Symbol.dispose]() {} },
    ...around,
  });
  const running = Promise.all([kiosk.run(stop.signal), link.run(stop.signal)]);
  return {
    name,
    scanner,
    outbox,
    scans: 0,
    stop: async () => {
      stop.abort();
      await running;
      kiosk[Symbol.dispose]();
      await link[Symbol.asyncDispose]();
      await outbox[Symbol.asyncDispose]();
    },
  };
}

/** The whole site. People scan, days pass, the network and the power fail when told to. */
export class HospitalSite {
  readonly clock = new VirtualClock();
  readonly authority = new CountingAuthority();
  readonly #log = new CountingLog();
  readonly #chance = seededChance(30);
  readonly #root: string;
  readonly #streams = new Set<Duplex>();
  readonly #indicators: Readonly<Record<Door, CountingIndicator>> = {
    'gate-visitors': new CountingIndicator(),
    'gate-staff': new CountingIndicator(),
  };
  /** Whether the kiosks reach the gateway. */
  #connected = true;
  /** Counts the starts: each has a folder of its own, as what was synced is copied there. */
  #life = 0;
  #gateway: Awaited<ReturnType<typeof startGateway>> | null = null;
  #kiosks: readonly ReturnType<typeof startKiosk>[] = [];

  private constructor(root: string) {
    this.#root = root;
  }

  /** Makes a site whose data lies under `root`, and starts it. */
  static async start(root: string): Promise<HospitalSite> {
    const site = new HospitalSite(root);
    for (const { kiosk } of doors) mkdirSync(site.dirOf(kiosk), { recursive: true });
    mkdirSync(site.dirOf('gateway'), { recursive: true });
    await site.#powerOn();
    return site;
  }

  /** Events that were logged, by name. */
  get events(): ReadonlyMap<string, number> {
    return this.#log.counts;
  }

  /** The folder in which a program's data lies now. */
  dirOf(program: Door | 'gateway'): string {
    return join(this.#root, String(this.#life), program);
  }

  /** How often a door's lights said `admitted` or `refused`. */
  answeredAt(door: Door): number {
    return this.#indicators[door].answered;
  }

  /** Unsent entries of all kiosks. */
  get unsent(): number {
    return this.#kiosks.reduce((sum, { outbox }) => sum + outbox.depth(), 0);
  }

  /** One code before the scanner of a door. {@link handled} waits for the answer. */
  scan(door: Door, text: string): void {
    const kiosk = this.#kiosks.find(({ name }) => name === door);
    assert(kiosk !== undefined, 'the power is on');
    kiosk.scanner.scan(text);
    kiosk.scans++;
  }

  /** Waits until every scan was answered; no virtual time passes. */
  async handled(): Promise<void> {
    await this.#until(
      () => this.#kiosks.every(({ scanner, scans }) => scanner.handled === scans),
      'every scan answered',
    );
  }

  /** Waits until nothing is under way between the kiosks and the authority; no virtual time passes. */
  async drained(): Promise<void> {
    await this.handled();
    await this.#until(
      () => this.unsent === 0 && this.#gateway?.forwarder.status.state === 'idle',
      'everything upstream',
    );
  }

  /** The kiosks lose the gateway, at some moment of what is under way. */
  async cutNetwork(): Promise<void> {
    await this.#someTurns();
    this.#connected = false;
    this.#cutStreams();
  }

  mendNetwork(): void {
    this.#connected = true;
  }

  /**
   * All power fails at once, at some moment of what is under way, for `offMs`; then everything starts from what was on
   * the disks at that moment.
   */
  async cutPower(offMs: number): Promise<void> {
    await this.#someTurns();
    const programs = [...doors.map(({ kiosk }) => kiosk), 'gateway'] as const;
    const before = programs.map((program) => ({ program, dir: this.dirOf(program) }));
    this.#life++;
    for (const { program, dir } of before) copySynced(dir, this.dirOf(program), this.#chance);
    this.#gateway?.upstream.cut();
    await this.#stopAll();
    rmSync(join(this.#root, String(this.#life - 1)), { recursive: true });
    await this.clock.advance(offMs);
    await this.#powerOn();
  }

  /** What the gateway's own `check` says; takes as long as reading all. */
  async check(): Promise<StoreReport> {
    assert(this.#gateway !== null);
    return this.#gateway.store.check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopAll();
  }

  async #powerOn(): Promise<void> {
    const around = { clock: this.clock, chance: this.#chance, log: this.#log };
    this.#gateway = await startGateway(this.dirOf('gateway'), this.authority, around);
    this.#kiosks = doors.map(({ kiosk: name, direction }) =>
      startKiosk({
        ...around,
        dir: this.dirOf(name),
        name,
        direction,
        indicator: this.#indicators[name],
        boot: `boot-${this.#life}`,
        dial: () => this.#dial(name),
      }),
    );
  }

  /** The parts are disposed only so that this process has their files and memory back: what they still do is lost. */
  async #stopAll(): Promise<void> {
    this.#cutStreams();
    const stopped = Promise.all([...this.#kiosks, this.#gateway].map((program) => program?.stop()));
    let over = false;
    stopped.finally(() => {
      over = true;
    });
    for (let turn = 0; !over && turn < turnsMax; turn++) await this.clock.advance(10);
    await stopped;
    this.#gateway = null;
    this.#kiosks = [];
  }

  #dial(kiosk: Door): Duplex {
    const [kioskEnd, gatewayEnd] = connectionPair();
    if (!this.#connected || this.#gateway === null) {
      queueMicrotask(() => kioskEnd.destroy(new Error('no route to the gateway')));
      return kioskEnd;
    }
    this.#streams.add(kioskEnd);
    kioskEnd.once('close', () => this.#streams.delete(kioskEnd));
    this.#gateway.broker.handle(gatewayEnd, kiosk);
    return kioskEnd;
  }

  #cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  /** A few turns of the event loop, as chance will have it. */
  async #someTurns(): Promise<void> {
    await settle(Math.floor(this.#chance.fraction() * underWayTurnsMax));
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      assert(turn < turnsMax, `waited in vain for ${what}`);
      await settle(1);
    }
  }
}
