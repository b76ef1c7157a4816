/** The gateway of the simulated world: the real parts as `gateway.ts` wires them, on a disk that can fail. */
import type { Announcements } from '../../gateway/announcements.ts';
import { startMqtt } from '../../gateway/broker.ts';
import { brokerLimits } from '../../gateway/broker-limits.ts';
import { createForwarder } from '../../gateway/forwarder.ts';
import { createIntake, defaultIntakeLimits, type IntakeLimits, type TimeOf } from '../../gateway/intake.ts';
import { publishRules } from '../../gateway/rules.ts';
import { storePath } from '../../gateway/store/connection.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Store } from '../../gateway/store/store.ts';
import type { Bounds } from '../../gateway/time-bounds.ts';
import { TimeKeeper } from '../../gateway/time-keeper.ts';
import type { Entry, KioskState, SiteNotice } from '../../shared/entry.ts';
import { Fault } from '../../shared/fault.ts';
import type { Log } from '../../shared/ports.ts';
import { renewQuestion } from '../../shared/renewal.ts';
import { sleep } from '../../shared/time.ts';
import { timeQuestion } from '../../shared/time-question.ts';
import { DiskFaults } from './disk.ts';
import { Host, type Run } from './host.ts';
import type { SimProcess } from './machine.ts';
import type { Surroundings } from './surroundings.ts';
import type { SimUpstream } from './upstream.ts';

/** The bounds of a time that is known are at most so far apart, in milliseconds: a slow line takes that long to say hello. */
const knownBoundsMsMax = 10_000;

/** A kiosk that says later how it is, after its connection was made, has a slow line; in milliseconds. */
const quickHelloMsMax = 5_000;

/** What the broker may have at once: four kiosks, four connections each. */
const connectionsMax = 4 * brokerLimits.connectionsPerKioskMax;

interface Running extends Run {
  readonly database: Store;
  readonly announcements: Announcements;
  readonly parts: AsyncDisposableStack;
}

export class GatewayHost extends Host<Running> {
  readonly disk: DiskFaults;
  /** How long a commit takes, in milliseconds. */
  commitMs = 0;
  /** So many readings of the store fail. */
  failingReads = 0;
  /** The intake's limits, for a gateway that is easily overwhelmed. */
  intakeLimits: Partial<IntakeLimits> = {};
  /** What each kiosk last said of itself. */
  readonly states = new Map<string, KioskState>();
  /** The boots of kiosks whose time the gateway must know. */
  readonly #knownBoots = new Map<string, string>();
  readonly #upstream: SimUpstream;
  #connections = () => 0;
  #times: string | null = null;

  constructor(world: Surroundings, upstream: SimUpstream) {
    super('gateway', world);
    this.#upstream = upstream;
    this.disk = new DiskFaults({
      chance: world.chance,
      path: () => this.databasePath,
      onFault: (kind) => world.happened(kind.startsWith('crash') ? `gateway-${kind}` : `store-${kind}`, 'gateway'),
      crash: (tear) => this.crash('reset', tear),
      keptIsSeen: true,
    });
  }

  protected override get databasePath(): string {
    return storePath(this.dir);
  }

  /** Whether it takes connections. */
  get isServing(): boolean {
    return this.isStaying && this.running !== null;
  }

  protected override async boot(process: SimProcess, run: number): Promise<Running> {
    this.world.trace.add('gateway', 'start', { run });
    const { network, chance, hooks, ledger, rules, siteTrust } = this.world;
    const { clock } = process;
    const log = this.world.logOf('gateway');
    const { dir } = this;
    hooks.set(this.databasePath, this.disk.hook);
    // What it has learnt since it last kept it is gone with a crash.
    this.#knownBoots.clear();
    const parts = new AsyncDisposableStack();
    const opened = parts.use(await openSqliteStore({ dir, log }));
    ledger.storeOpened(await gather(opened.entries()));
    const store = this.#guard(opened, process);
    parts.use(createForwarder({ store, upstream: this.#upstream.endFor(process), clock, chance, log }));
    const keeper = parts.use(this.#keepTime(process));
    const timeOf: TimeOf = (sender, kiosk, entry) => this.#watchTime(kiosk, entry, keeper.timeOf(sender, kiosk, entry));
    const intake = parts.use(createIntake({ store, clock, log, limits: this.intakeLimits, timeOf }));
    const broker = parts.use(
      await startMqtt({
        accept: (sender, kiosk, payload) => intake.accept(sender, kiosk, payload),
        onState: (kiosk, state, connection) => {
          this.#heard(kiosk, state);
          if (clock.monotonicMs() - connection.openedMs <= quickHelloMsMax) this.#noteBoot(kiosk, state);
          keeper.noteState(kiosk, state, connection);
        },
        answers: {
          [timeQuestion]: async (_kiosk, payload) => keeper.answer(payload),
          [renewQuestion]: siteTrust.answer({ clock, chance }),
        },
        siteNotice: this.#notice,
        ...{ clock, log },
      }),
    );
    parts.use(
      publishRules({
        lists: rules.lists,
        site: rules.people,
        announcements: broker.announcements,
        clock,
        log: this.#rulesLog(log),
      }),
    );
    this.#connections = () => broker.connections;
    network.listen({ process, accept: (stream, kiosk) => broker.handle(stream, kiosk) });
    this.world.trace.add('gateway', 'serves');
    return { process, database: opened, announcements: broker.announcements, parts };
  }

  /** What it knows of time outlasts it, as in a file that was written at once. */
  #keepTime({ clock }: SimProcess): TimeKeeper {
    const { machine } = this;
    const memory = {
      load: () => this.#times,
      save: (content: string) => {
        this.#times = content;
      },
    };
    return new TimeKeeper({ clock, sync: machine.timeSync, memory, log: this.world.logOf('gateway') });
  }

  /** The gateway has learnt what time it is in a kiosk's boot, if it knew it itself. */
  #noteBoot(kiosk: string, { clock }: KioskState): void {
    if (this.machine.wasSynced && clock !== undefined) this.#knownBoots.set(kiosk, clock.boot);
  }

  /** Of a boot in which the kiosk was heard soon, while the gateway knew the time, it is known well. */
  #watchTime(kiosk: string, { id, clock }: Entry, time: Bounds): Bounds {
    const withinMs = time.toMs - time.fromMs;
    if (this.#knownBoots.get(kiosk) === clock.boot && withinMs > knownBoundsMsMax)
      this.world.fail(`the time of ${id} is known within ${withinMs} ms only`);
    return time;
  }

  get #notice(): SiteNotice {
    const { siteKeyId, siteTrust } = this.world;
    const key = { id: siteKeyId, publicKey: 'A'.repeat(43) };
    return { v: 1, site: 'Nhà máy A', key, credentials: siteTrust.credentials };
  }

  /** Tells the kiosks what the site is now, if it serves; else the next process does. */
  announce(): void {
    const { running } = this;
    if (!this.isStaying || running === null) return;
    this.world.timeline.after(0, running.process, () => void running.announcements.tellSite(this.#notice));
  }

  /** The log, and whoever must know which rules were told. */
  #rulesLog(log: Log): Log {
    return {
      ...log,
      info: (event, fields) => {
        if (event === 'rules.told') this.world.rules.told(String(fields?.version));
        log.info(event, fields);
      },
    };
  }

  #heard(kiosk: string, state: KioskState): void {
    if (this.#connections() > connectionsMax) this.world.fail(`the gateway has ${this.#connections()} connections`);
    this.world.trace.add('gateway', 'state', { kiosk, online: state.online, depth: state.outbox?.depth });
    this.states.set(kiosk, state);
  }

  /** The real store, slowed down and spied on; in a process that has died, nothing comes back from it. */
  #guard(store: Store, process: SimProcess): Store {
    const { ledger, trace } = this.world;
    const never = new Promise<never>(() => {});
    const unlessDead = async <T>(work: () => Promise<T>): Promise<T> => {
      if (!process.alive) return never;
      try {
        const result = await work();
        return process.alive ? result : never;
      } catch (error) {
        if (!process.alive) return never;
        throw error;
      }
    };
    return {
      entries: () => store.entries(),
      quarantine: () => store.quarantine(),
      findKnown: (ids) => store.findKnown(ids),
      findRemoved: (places) => store.findRemoved(places),
      traces: store.traces,
      indexSome: () => unlessDead(() => store.indexSome()),
      findControls: (...range) => unlessDead(() => store.findControls(...range)),
      lastPosition: () => store.lastPosition(),
      entriesAfter: (position, entriesMax) => store.entriesAfter(position, entriesMax),
      correctedSubjects: () => store.correctedSubjects(),
      corrections: (subjects) => store.corrections(subjects),
      upstreams: () => store.upstreams(),
      check: () => store.check(),
      append: async (group) => {
        if (this.commitMs > 0) {
          this.world.happened('store-slow', 'gateway');
          await sleep(process.clock, this.commitMs);
        }
        const { groupEntriesMax } = { ...defaultIntakeLimits, ...this.intakeLimits };
        if (group.length > groupEntriesMax) this.world.fail(`a commit of ${group.length} packets`);
        const verdicts = await unlessDead(() => store.append(group));
        trace.add('gateway', 'stored', { verdicts: verdicts.map(({ type }) => type) });
        ledger.stored(group, verdicts);
        return verdicts;
      },
      readNext: (upstream, limits) =>
        unlessDead(async () => {
          if (this.failingReads <= 0) {
            const rows = await store.readNext(upstream, limits);
            ledger.found(rows);
            return rows;
          }
          this.failingReads--;
          this.world.happened('store-read-error', 'gateway');
          throw new Fault('STORE_READ_FAILED', 'simulated');
        }),
      markForwarded: (...move) => unlessDead(() => store.markForwarded(...move)),
      onAppended: (callback) => store.onAppended(callback),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  }

  protected override async end({ parts }: Running): Promise<void> {
    this.world.network.listen(null);
    await parts.disposeAsync();
  }

  /** The store on disk, for the last judgement; only while it serves. */
  get store(): Store | null {
    return this.running?.database ?? null;
  }
}

/** Everything that an asynchronous iteration brings. */
export async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const gathered: T[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}
