/**
 * A whole site in one process on virtual time: the real kiosks and the real gateway, a network, disks, scanners and an
 * upstream that can fail. What happens to it is the caller's story; everything follows from the seed alone.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Trust } from '../../gateway/trust/authority.ts';
import type { Chance, Log } from '../../shared/ports.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { CommitHooks } from './disk.ts';
import { GatewayHost, gather } from './gateway-host.ts';
import { withSimulatedGlobals } from './globals.ts';
import { KioskHost, type KioskSetup } from './kiosk-host.ts';
import { Ledger } from './ledger.ts';
import { ProcessDied } from './machine.ts';
import { SimNetwork } from './network.ts';
import { person } from './people.ts';
import { goodLine } from './pipe.ts';
import { revocableEnd, SiteRules } from './site-rules.ts';
import { bringTrust, SiteTrust } from './site-trust.ts';
import type { Surroundings } from './surroundings.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';
import { SimUpstream } from './upstream.ts';

export type { KioskSetup } from './kiosk-host.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly kiosks: readonly KioskSetup[];
  /** Keeps the whole trace, not its tail alone. */
  readonly keepTrace?: boolean;
}

/** After the faults have ended, everything is where it belongs within so much virtual time, in milliseconds. */
const healMsMax = 4 * 3_600_000;

/** A scan in the healed world is through within so much, in milliseconds. */
const proofMsMax = 5 * 60_000;

/** Then nothing may happen for so long, in milliseconds: last wills of dead connections come late. */
const calmMs = 150_000;

/** How often it is looked whether the world has come to rest, in milliseconds. */
const lookEveryMs = 500;

/** Two people in front of one scanner differ by this; proofs take numbers from here on. */
const proofPersonFrom = 900_000;

export class World implements Surroundings {
  readonly seed: number;
  readonly timeline = new Timeline();
  readonly chance: Chance;
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly network: SimNetwork;
  readonly hooks: CommitHooks;
  readonly rules = new SiteRules();
  readonly siteTrust: SiteTrust;
  readonly dir: string;
  readonly upstream: SimUpstream;
  readonly gateway: GatewayHost;
  readonly kiosks: readonly KioskHost[];
  /** How often each fault took effect. */
  readonly faults = new Map<string, number>();
  siteKeyId = 'site-key-1';
  /** Whether the faults are over: nothing new may go wrong. */
  isHealing = false;
  /** The first promise that was broken; null as long as all are kept. */
  failure: string | null = null;

  /** Use {@link runWorld}. */
  constructor(options: WorldOptions, dir: string, hooks: CommitHooks, trust: Trust) {
    this.seed = options.seed;
    this.chance = seededChance(options.seed);
    this.dir = dir;
    this.hooks = hooks;
    this.siteTrust = new SiteTrust(trust, dir, this.timeline);
    this.trace = new Trace(() => this.timeline.nowMs, {
      keepAll: options.keepTrace ?? false,
      scrub: (line) => line.replaceAll(dir, '~'),
    });
    this.ledger = new Ledger(this.fail);
    this.network = new SimNetwork(this.timeline, this.chance);
    this.upstream = new SimUpstream(this);
    this.gateway = new GatewayHost(this, this.upstream);
    this.kiosks = options.kiosks.map((setup) => new KioskHost(setup, this));
  }

  readonly fail = (promise: string): void => {
    if (this.failure !== null) return;
    this.failure = promise;
    this.trace.add('world', 'BROKEN', { promise });
  };

  readonly happened = (fault: string, actor: string): void => {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
    this.trace.add('fault', fault, { actor });
  };

  logOf(actor: string): Log {
    const write = (event: string, fields: Record<string, unknown> = {}) =>
      this.trace.add(actor, `log ${event}`, fields);
    return { debug: write, info: write, warn: write, error: write };
  }

  /** Starts everything that does not run. */
  start(): void {
    this.gateway.start();
    for (const kiosk of this.kiosks) kiosk.start();
  }

  /** Does something when `delayMs` have passed. */
  readonly after = (delayMs: number, action: () => void): void => {
    this.timeline.after(delayMs, null, action);
  };

  /** Lets virtual time pass; ends early where a promise is broken, or when `isDone`. */
  async pass(ms: number, isDone: () => boolean = () => false): Promise<void> {
    if (this.failure === null) {
      await this.timeline.run(this.timeline.nowMs + ms, () => this.failure !== null || isDone());
    }
  }

  /** All faults end, except clocks that are wrong and connections that are dead without knowing it. */
  endFaults(): void {
    this.trace.add('world', 'heals');
    this.isHealing = true;
    const { gateway, network, upstream } = this;
    gateway.disk.disarm();
    gateway.commitMs = 0;
    gateway.failingReads = 0;
    upstream.mood = null;
    network.forgetAwaited();
    for (const kiosk of this.kiosks) {
      kiosk.disk.disarm();
      kiosk.heal();
      Object.assign(network.line(kiosk.id), goodLine);
    }
    this.start();
  }

  /** Whether everybody works and everything that was kept is where it has to be in the end. */
  get isAtRest(): boolean {
    return this.gateway.isServing && this.kiosks.every(({ isAtRest }) => isAtRest) && this.ledger.isSettled;
  }

  /**
   * The faults end; then time passes until all is at rest; then each kiosk must admit one more person; then it is judged
   * whether every promise was kept.
   */
  async healAndJudge(): Promise<void> {
    this.endFaults();
    await this.#untilRest(healMsMax, 'the world has not come to rest');
    // What is still on the wire would become one code with what follows.
    await this.pass(lookEveryMs);
    for (const [index, kiosk] of this.kiosks.entries()) {
      kiosk.scan(proofPersonFrom + index);
      kiosk.scanCard(revocableEnd + index);
    }
    await this.pass(lookEveryMs);
    await this.#untilRest(proofMsMax, 'a scan in the healed world did not come through');
    await this.pass(calmMs);
    for (const [index, kiosk] of this.kiosks.entries()) {
      const { subject } = person(proofPersonFrom + index);
      if (!this.ledger.isShown(kiosk.id, subject)) this.fail(`${kiosk.id} does not admit people in the healed world`);
      if (!this.ledger.isShown(kiosk.id, this.rules.subject(revocableEnd + index)))
        this.fail(`${kiosk.id} does not admit a good card in the healed world`);
      if (kiosk.lights.state !== 'ready') this.fail(`${kiosk.id} shows ${kiosk.lights.state} in the healed world`);
      const state = this.gateway.states.get(kiosk.id);
      if (state?.online !== true) this.fail(`the gateway takes ${kiosk.id} for offline in the healed world`);
      if (state?.outbox?.depth !== 0) this.fail(`the gateway takes the outbox of ${kiosk.id} for filled`);
    }
    await this.#judge();
  }

  async #untilRest(limitMs: number, otherwise: string): Promise<void> {
    let lookMs = this.timeline.nowMs;
    await this.pass(limitMs, () => {
      if (this.timeline.nowMs < lookMs) return false;
      lookMs = this.timeline.nowMs + lookEveryMs;
      return this.isAtRest;
    });
    if (!this.isAtRest) this.fail(otherwise);
  }

  async #judge(): Promise<void> {
    const { store } = this.gateway;
    if (store === null || this.failure !== null) return;
    const quarantine = await gather(store.quarantine());
    const quarantined = quarantine.map(({ raw }) => (JSON.parse(Buffer.from(raw).toString()) as { id: string }).id);
    this.ledger.check(await gather(store.entries()), quarantined, await store.check());
    this.trace.add('world', 'judged', { entries: this.ledger.entries.size, quarantined: quarantined.length });
  }

  async close(): Promise<void> {
    for (const kiosk of this.kiosks) kiosk.close();
    this.gateway.close();
    // What closes does so at once, in events of the world's own.
    await this.timeline.run(this.timeline.nowMs);
  }
}

/** The story before. */
let before: Promise<unknown> = Promise.resolve();

/** Tells a world's story on virtual time and cleans up behind it. Stories take turns: there is one set of globals. */
export function runWorld<T>(options: WorldOptions, story: (world: World) => Promise<T>): Promise<T> {
  const told = before.then(() => tellStory(options, story));
  before = told.catch(() => {}); // the one who waits for it is told
  return told;
}

async function tellStory<T>(options: WorldOptions, story: (world: World) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(memoryDir(), 'ravao-sim-'));
  using hooks = new CommitHooks();
  const world = new World(options, dir, hooks, await bringTrust(dir));
  const crash = (error: unknown) => {
    if (error instanceof ProcessDied) return;
    world.fail(`a program crashed: ${error instanceof Error ? error.stack : String(error)}`);
  };
  world.timeline.onThrown = crash;
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  try {
    return await withSimulatedGlobals(world.timeline, seededChance(options.seed ^ 0x5eed), async () => {
      try {
        return await story(world);
      } finally {
        await world.close();
      }
    });
  } finally {
    process.off('uncaughtException', crash).off('unhandledRejection', crash);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Files that live for one run only need no disk: fsync then costs nothing. */
function memoryDir(): string {
  return statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true ? '/dev/shm' : tmpdir();
}
