/** A kiosk of the simulated world: the real program's parts on a machine, a disk and a scanner that can fail. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Asker } from '../../kiosk/asking.ts';
import { AskedTime } from '../../kiosk/gateway-time.ts';
import { Kiosk } from '../../kiosk/kiosk.ts';
import { createKnowledge } from '../../kiosk/knowledge.ts';
import { createLink, type Link } from '../../kiosk/link.ts';
import { type Outbox, openOutbox, outboxFileName } from '../../kiosk/outbox.ts';
import { rulesDir } from '../../kiosk/rules.ts';
import { openSiteRules, type SiteRules } from '../../kiosk/site-rules.ts';
import type { StationSettings } from '../../kiosk/station.ts';
import type { TimeSources } from '../../kiosk/timestamp.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import { copyFiles, DiskFaults } from './disk.ts';
import { guardOutbox, keepAsPhantom } from './guarded-outbox.ts';
import { credentialsDir, enrolAnew, type KioskTrust, keepTrust } from './kiosk-trust.ts';
import { Lights } from './lights.ts';
import { Machine, ProcessDied, SimProcess } from './machine.ts';
import { person, subjectKey } from './people.ts';
import { RulesWitness } from './rules-witness.ts';
import { deterministicSealer } from './sealer.ts';
import { SimScanner } from './sim-scanner.ts';
import type { Surroundings } from './surroundings.ts';

/** How one kiosk is set up. */
export interface KioskSetup {
  readonly id: string;
  readonly direction: StationSettings['direction'];
  readonly repeatWindowMs: number;
  readonly entriesMax: number;
}

/** systemd starts a program again after this long, in milliseconds; a machine without power takes longer. */
const restartMs = 2_000;
const powerCutMsMax = 40_000;

/** program.ts ends what does not stop within this long, in milliseconds. */
const stopTimeoutMs = 4_500;

const plentyBytes = 1024 ** 3;

const dayMs = 24 * 3_600_000;

/** Where a program has its time from. */
type KioskTime = TimeSources & { readonly gatewayTime: AskedTime };

interface Running {
  readonly process: SimProcess;
  readonly dir: string;
  readonly outbox: Outbox;
  readonly rules: SiteRules;
  readonly trust: KioskTrust;
  readonly link: Link;
  readonly kiosk: Kiosk;
  readonly gatewayTime: AskedTime;
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

export class KioskHost {
  readonly setup: KioskSetup;
  readonly machine: Machine;
  /** Free bytes of its disk, as the outbox sees them. */
  freeBytes = plentyBytes;
  readonly disk: DiskFaults;
  readonly lights: Lights;
  readonly rules: RulesWitness;
  readonly #world: Surroundings;
  readonly #scanner: SimScanner;
  #process: SimProcess | null = null;
  #running: Running | null = null;
  #dir: string;
  /** The process that is stopping. */
  #stopping: SimProcess | null = null;
  #runs = 0;
  #deaths = 0;
  /** Files as a restart would find them, where those of a failed commit hold more than the process knows. */
  #phantomDir: string | null = null;
  #wantsPhantom = false;

  constructor(setup: KioskSetup, world: Surroundings) {
    this.setup = setup;
    this.#world = world;
    this.machine = new Machine(setup.id, world.timeline);
    this.#dir = join(world.dir, `${setup.id}-0`);
    this.#scanner = new SimScanner(setup.id, world);
    this.rules = new RulesWitness(setup.id, world);
    this.lights = new Lights(setup.id, world, () => this.#scanner.reading);
    this.disk = new DiskFaults({
      chance: world.chance,
      path: () => join(this.#dir, outboxFileName),
      onFault: (kind) => {
        world.happened(kind.startsWith('crash') ? `kiosk-${kind}` : `outbox-${kind}`, setup.id);
        this.#wantsPhantom = kind === 'kept';
      },
      crash: (tear) => this.crash('reset', tear),
      keptIsSeen: false,
    });
  }

  get id(): string {
    return this.setup.id;
  }

  /** The process that runs now, if one does. */
  get process(): SimProcess | null {
    return this.#process?.alive === true ? this.#process : null;
  }

  get outbox(): Outbox | null {
    return this.process === null ? null : (this.#running?.outbox ?? null);
  }

  /** Whether it is connected, has its scanner, the newest rules and certificate, and nothing waits in its outbox. */
  get isAtRest(): boolean {
    const { rules, siteTrust } = this.#world;
    const trust = this.#running?.trust;
    if (this.process === null || this.process === this.#stopping) return false;
    const isTrusted = trust?.version === siteTrust.credentials && !trust.isRevoked;
    const hasNewestRules = this.rules.version === rules.version && isTrusted;
    return this.outbox?.depth() === 0 && this.lights.linkStatus === 'online' && this.#scanner.isFound && hasNewestRules;
  }

  /** Starts the program on what its directory holds, unless it runs. */
  start(): void {
    if (this.process !== null) return;
    const { timeline } = this.#world;
    const process = new SimProcess(this.id, this.machine, timeline);
    this.#process = process;
    timeline.after(0, process, () => void this.#boot(process));
  }

  async #boot(process: SimProcess): Promise<void> {
    const { trace } = this.#world;
    trace.add(this.id, 'start', { run: ++this.#runs, boot: this.machine.boot });
    this.lights.reborn();
    try {
      const outbox = this.#openOutbox(process);
      const time = this.#keepTime(process);
      const rules = await this.#openRules(process, time);
      const trust = await keepTrust(this.id, this.#dir, process, {
        world: this.#world,
        asker: this.#asker,
        onStateChanged: () => this.#running?.link.stateChanged(),
      });
      if (process.alive) this.#running = this.#assemble(process, outbox, { rules, time, trust });
    } catch (error) {
      this.#ended(process, error);
    }
  }

  readonly #asker: Asker = { ask: async (...question) => (await this.#running?.link.ask(...question)) ?? null };

  /** Which time the program goes by. */
  #keepTime({ clock }: SimProcess): KioskTime {
    const { timeSync } = this.machine;
    const gatewayTime = new AskedTime({ asker: this.#asker, timeSync, clock, log: this.#world.logOf(this.id) });
    return { clock, timeSync, gatewayTime };
  }

  #openOutbox(process: SimProcess): { readonly opened: Outbox; readonly outbox: Outbox } {
    const { world, setup } = { world: this.#world, setup: this.setup };
    const log = world.logOf(this.id);
    const { clock } = process;
    const { chance } = world;
    world.hooks.set(join(this.#dir, outboxFileName), this.disk.hook);
    const opened = openOutbox({
      ...{ dir: this.#dir, kiosk: this.id, clock, chance, log },
      freeBytes: () => this.freeBytes,
      limits: { entriesMax: setup.entriesMax, freeBytesEveryMs: 100 },
    });
    world.ledger.outboxOpened(this.id, opened.epoch, opened.peek(0, Number.MAX_SAFE_INTEGER));
    const outbox = guardOutbox(opened, {
      ...{ kiosk: this.id, dir: this.#dir, process, world },
      onKept: (entry) => {
        this.lights.kept(entry);
        this.rules.kept(entry);
      },
      onFailed: (draft, presence) => {
        if (!this.#wantsPhantom) return;
        this.#wantsPhantom = false;
        this.#phantomDir = `${this.#dir}-phantom`;
        keepAsPhantom(this.#dir, this.#phantomDir, { kiosk: this.id, clock, chance, log }, draft, presence);
      },
      onWritten: () => {
        this.#phantomDir = null;
      },
    });
    return { opened, outbox };
  }

  async #openRules(process: SimProcess, time: KioskTime): Promise<SiteRules> {
    const { chance } = this.#world;
    const log = this.#world.logOf(this.id);
    const rules = await openSiteRules({
      ...{ dir: this.#dir, kiosk: this.id, gate: `Cổng ${this.id}`, time, clock: process.clock, chance },
      onStateChanged: () => this.#running?.link.stateChanged(),
      log: {
        ...log,
        info: (event, fields) => {
          if (event === 'rules.held' && process.alive) this.rules.holds(String(fields?.version));
          log.info(event, fields);
        },
      },
    });
    if (process.alive) this.rules.opened(rules.state.version);
    return rules;
  }

  #assemble(
    process: SimProcess,
    { opened, outbox }: { readonly opened: Outbox; readonly outbox: Outbox },
    { rules, time, trust }: { readonly rules: SiteRules; readonly time: KioskTime; readonly trust: KioskTrust },
  ): Running {
    const { world, setup } = { world: this.#world, setup: this.setup };
    const log = world.logOf(this.id);
    const { clock } = process;
    const { chance } = world;
    const { timeSync } = this.machine;
    const link: Link = createLink({
      ...{ outbox, kiosk: this.id, clock, chance, log },
      dial: trust.dial,
      reader: rules.reader,
      state: () => ({ version: '0.0.0', rules: rules.state, ...kiosk.state() }),
      onSite: (notice) => {
        world.trace.add(this.id, 'site', { key: notice.key.id });
        trust.noticed(notice);
      },
      onStatus: (status) => {
        this.lights.linkStatus = status;
        kiosk.linkChanged(status);
        time.gatewayTime.linkChanged(status === 'online');
      },
    });
    const kiosk = new Kiosk({
      scanner: this.#scanner.openFor(process, this.lights),
      indicator: this.lights.indicatorOf(process),
      outbox,
      onRecorded: () => link.wake(),
      onStateChanged: () => link.stateChanged(),
      gate: `Cổng ${this.id}`,
      gateRules: rules.gateRules,
      station: { direction: setup.direction, repeatWindowMs: setup.repeatWindowMs, stayMsMax: 16 * 3_600_000 },
      known: createKnowledge({ ...time, cards: rules.cards, certificateSigners: new Map() }),
      subjectKeys: [subjectKey],
      sealer: deterministicSealer(world.siteKeyId),
      ...{ ...time, timeSync, chance, log },
    });
    const stop = new AbortController();
    const done = Promise.all([kiosk.run(stop.signal), link.run(stop.signal)]);
    done.then(
      () => {},
      (error: unknown) => this.#ended(process, error),
    );
    return {
      process,
      dir: this.#dir,
      outbox: opened,
      rules,
      trust,
      link,
      kiosk,
      gatewayTime: time.gatewayTime,
      stop,
      done,
    };
  }

  /** The program ended by itself. Nothing that happens in this world is a reason to. */
  #ended(process: SimProcess, error: unknown): void {
    if (process.alive) this.#world.fail(`${this.id} ${describe(error)}`);
  }

  /**
   * The process dies here and now. The next one finds a copy of the files as they are at this moment, so that nothing
   * counts that a clean end would have written.
   */
  crash(how: 'reset' | 'silent', tear: ((dir: string) => void) | null = null): Error {
    const process = this.process;
    const died = new ProcessDied(this.id);
    if (process === null) return died;
    process.alive = false;
    const { dir, network, trace, hooks, timeline } = this.#world;
    trace.add(this.id, 'dies', { how, torn: tear !== null, phantom: this.#phantomDir !== null });
    network.died(process, how);
    hooks.delete(join(this.#dir, outboxFileName));
    const nextDir = join(dir, `${this.id}-${++this.#deaths}`);
    copyFiles(this.#phantomDir ?? this.#dir, nextDir);
    // The phantom is one of the outbox alone, and older.
    for (const folder of this.#phantomDir === null ? [] : [rulesDir, credentialsDir]) {
      rmSync(folder(nextDir), { recursive: true, force: true });
      if (existsSync(folder(this.#dir))) copyFiles(folder(this.#dir), folder(nextDir));
    }
    tear?.(nextDir);
    const { outbox } = this.#running ?? {};
    const [oldDir, phantomDir] = [this.#dir, this.#phantomDir];
    // Not now: this may be in the middle of one of its transactions.
    timeline.after(0, null, () => {
      void outbox?.[Symbol.asyncDispose]();
      for (const gone of [oldDir, phantomDir]) if (gone !== null) rmSync(gone, { recursive: true, force: true });
    });
    this.#running = null;
    this.#phantomDir = null;
    this.#wantsPhantom = false;
    this.#dir = nextDir;
    this.lights.linkStatus = null;
    this.rules.died();
    this.#restartAfter(how);
    return died;
  }

  #restartAfter(how: 'reset' | 'silent'): void {
    const { timeline, chance } = this.#world;
    const delayMs = restartMs + (how === 'silent' ? Math.floor(chance.fraction() * powerCutMsMax) : 0);
    timeline.after(delayMs, null, () => {
      if (this.process !== null) return;
      if (how === 'silent') this.#reboot();
      this.start();
    });
  }

  /** A Pi has no clock of its own: mostly it wakes up in another month, and often no time server ever tells it. */
  #reboot(): void {
    const { timeline, chance, happened } = this.#world;
    this.machine.reboot();
    if (chance.fraction() < 0.3) return;
    this.machine.jumpWall(Math.floor((chance.fraction() - 0.7) * 500) * dayMs);
    happened('clock-lost', this.id);
    if (chance.fraction() < 0.4) {
      timeline.after(Math.floor(chance.fraction() * 60_000), null, () => this.machine.correctWall());
    }
  }

  /**
   * Ends the program in its own time, and then calls back; one that does not end in time is killed. While it stops
   * already this does nothing.
   */
  stop(onStopped: () => void): void {
    const running = this.#running;
    if (running === null || this.process === null) {
      onStopped();
      return;
    }
    if (this.#stopping === this.process) return;
    this.#stopping = this.process;
    const { timeline, hooks, network, trace } = this.#world;
    const { process, kiosk, gatewayTime, link, rules, trust, outbox, stop, done, dir } = running;
    const overrun = timeline.after(stopTimeoutMs, process, () => {
      this.crash('reset');
      onStopped();
    });
    timeline.after(0, process, async () => {
      trace.add(this.id, 'stops');
      stop.abort();
      try {
        await done;
        kiosk[Symbol.dispose]();
        gatewayTime[Symbol.dispose]();
        await link[Symbol.asyncDispose]();
        await rules[Symbol.asyncDispose]();
        await trust[Symbol.asyncDispose]();
        await outbox[Symbol.asyncDispose]();
      } catch {
        return; // it died meanwhile, or is ended by what went wrong
      }
      if (!process.alive) return;
      process.alive = false;
      overrun[Symbol.dispose]();
      this.#running = null;
      hooks.delete(join(dir, outboxFileName));
      network.died(process, 'reset');
      trace.add(this.id, 'stopped');
      onStopped();
    });
  }

  /** Bytes arrive from the scanner. */
  scanBytes(bytes: string | Uint8Array): void {
    this.#scanner.send(bytes);
  }

  /** A person holds a card before the scanner. */
  scan(number: number, ending = '\r'): void {
    const { card, subject } = person(number);
    this.#world.ledger.presented(this.id, subject);
    this.scanBytes(card + ending);
  }

  /** A person holds up a printed card, which may be revoked. */
  scanCard(card: number): void {
    const { ledger, rules } = this.#world;
    ledger.presented(this.id, rules.subject(card));
    ledger.unreadableScans++;
    this.scanBytes(`${rules.text(card)}\r`);
  }

  /** Pulls the scanner's plug, or puts it back. @param says whether the driver notices by itself. */
  plug(isPlugged: boolean, says = true): void {
    this.#scanner.plug(isPlugged, says);
  }

  /** Its scanner is plugged in again, and its disk has room. */
  heal(): void {
    this.freeBytes = plentyBytes;
    this.plug(true);
  }

  /** An installer enrols it anew: its certificate was cut off. */
  enrolAnew(): void {
    this.stop(() => {
      void enrolAnew(this.#world, this.id, this.#dir).then(() => this.start());
    });
  }

  /** The world is over: nothing of it stays open. */
  async close(): Promise<void> {
    if (this.process !== null) this.crash('reset');
  }
}

function describe(error: unknown): string {
  if (error instanceof Fault) return `ended: ${describeError(error)}`;
  return `crashed: ${error instanceof Error ? error.stack : String(error)}`;
}
