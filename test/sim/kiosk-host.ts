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
import { copyFiles, DiskFaults } from './disk.ts';
import { guardOutbox, keepAsPhantom } from './guarded-outbox.ts';
import { Host, type Run } from './host.ts';
import { credentialsDir, enrolAnew, type KioskTrust, keepTrust } from './kiosk-trust.ts';
import { Lights } from './lights.ts';
import { ProcessDied, type SimProcess } from './machine.ts';
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

const plentyBytes = 1024 ** 3;

const dayMs = 24 * 3_600_000;

/** Where a program has its time from. */
type KioskTime = TimeSources & { readonly gatewayTime: AskedTime };

interface Running extends Run {
  readonly database: Outbox;
  readonly rules: SiteRules;
  readonly trust: KioskTrust;
  readonly link: Link;
  readonly kiosk: Kiosk;
  readonly gatewayTime: AskedTime;
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

export class KioskHost extends Host<Running> {
  readonly setup: KioskSetup;
  /** Free bytes of its disk, as the outbox sees them. */
  freeBytes = plentyBytes;
  readonly disk: DiskFaults;
  readonly lights: Lights;
  readonly rules: RulesWitness;
  readonly #scanner: SimScanner;
  /** Files as a restart would find them, where those of a failed commit hold more than the process knows. */
  #phantomDir: string | null = null;
  #wantsPhantom = false;

  constructor(setup: KioskSetup, world: Surroundings) {
    super(setup.id, world);
    this.setup = setup;
    this.#scanner = new SimScanner(setup.id, world);
    this.rules = new RulesWitness(setup.id, world);
    this.lights = new Lights(setup.id, world, () => this.#scanner.reading);
    this.disk = new DiskFaults({
      chance: world.chance,
      path: () => this.databasePath,
      onFault: (kind) => {
        world.happened(kind.startsWith('crash') ? `kiosk-${kind}` : `outbox-${kind}`, setup.id);
        this.#wantsPhantom = kind === 'kept';
      },
      crash: (tear) => this.crash('reset', tear),
      keptIsSeen: false,
    });
  }

  protected override get databasePath(): string {
    return join(this.dir, outboxFileName);
  }

  get outbox(): Outbox | null {
    return this.running?.database ?? null;
  }

  /** Whether it is connected, has its scanner, the newest rules and certificate, and nothing waits in its outbox. */
  get isAtRest(): boolean {
    if (!this.isStaying) return false;
    const { rules, siteTrust } = this.world;
    const trust = this.running?.trust;
    const isTrusted = trust?.version === siteTrust.credentials && !trust.isRevoked;
    const hasNewestRules = this.rules.version === rules.version && isTrusted;
    return this.outbox?.depth() === 0 && this.lights.linkStatus === 'online' && this.#scanner.isFound && hasNewestRules;
  }

  protected override async boot(process: SimProcess, run: number): Promise<Running> {
    const { world } = this;
    world.trace.add(this.id, 'start', { run, boot: this.machine.boot });
    this.lights.reborn();
    const outbox = this.#openOutbox(process);
    const time = this.#keepTime(process);
    const rules = await this.#openRules(process, time);
    const trust = await keepTrust(this.id, this.dir, process, {
      ...{ world, asker: this.#asker },
      onStateChanged: () => this.running?.link.stateChanged(),
    });
    if (!process.alive) throw new ProcessDied(this.id);
    return this.#assemble(process, outbox, { rules, time, trust });
  }

  readonly #asker: Asker = { ask: async (...question) => (await this.running?.link.ask(...question)) ?? null };

  /** Which time the program goes by. */
  #keepTime({ clock }: SimProcess): KioskTime {
    const { timeSync } = this.machine;
    const gatewayTime = new AskedTime({ asker: this.#asker, timeSync, clock, log: this.world.logOf(this.id) });
    return { clock, timeSync, gatewayTime };
  }

  #openOutbox(process: SimProcess): { readonly opened: Outbox; readonly outbox: Outbox } {
    const { world, setup } = { world: this.world, setup: this.setup };
    const log = world.logOf(this.id);
    const { clock } = process;
    const { chance } = world;
    world.hooks.set(this.databasePath, this.disk.hook);
    const opened = openOutbox({
      ...{ dir: this.dir, kiosk: this.id, clock, chance, log },
      freeBytes: () => this.freeBytes,
      limits: { entriesMax: setup.entriesMax, freeBytesEveryMs: 100 },
    });
    world.ledger.outboxOpened(this.id, opened.epoch, opened.peek(0, Number.MAX_SAFE_INTEGER));
    const outbox = guardOutbox(opened, {
      ...{ kiosk: this.id, dir: this.dir, process, world },
      onKept: (entry) => {
        this.lights.kept(entry);
        this.rules.kept(entry);
      },
      onFailed: (draft, presence) => {
        if (!this.#wantsPhantom) return;
        this.#wantsPhantom = false;
        this.#phantomDir = `${this.dir}-phantom`;
        keepAsPhantom(this.dir, this.#phantomDir, { kiosk: this.id, clock, chance, log }, draft, presence);
      },
      onWritten: () => {
        this.#phantomDir = null;
      },
    });
    return { opened, outbox };
  }

  async #openRules(process: SimProcess, time: KioskTime): Promise<SiteRules> {
    const { chance } = this.world;
    const log = this.world.logOf(this.id);
    const rules = await openSiteRules({
      ...{ dir: this.dir, kiosk: this.id, gate: `Cổng ${this.id}`, time, clock: process.clock, chance },
      onStateChanged: () => this.running?.link.stateChanged(),
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
    const { world, setup } = { world: this.world, setup: this.setup };
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
      (error: unknown) => this.failed(process, error),
    );
    const { gatewayTime } = time;
    return { process, database: opened, rules, trust, link, kiosk, gatewayTime, stop, done };
  }

  protected override get deathMarks(): Record<string, unknown> {
    return { phantom: this.#phantomDir !== null };
  }

  protected override leaveFiles(nextDir: string): void {
    copyFiles(this.#phantomDir ?? this.dir, nextDir);
    if (this.#phantomDir === null) return;
    rmSync(this.#phantomDir, { recursive: true });
    // The phantom is one of the outbox alone, and older.
    for (const folder of [rulesDir, credentialsDir]) {
      rmSync(folder(nextDir), { recursive: true, force: true });
      if (existsSync(folder(this.dir))) copyFiles(folder(this.dir), folder(nextDir));
    }
  }

  protected override forget(): void {
    this.#phantomDir = null;
    this.#wantsPhantom = false;
    this.lights.linkStatus = null;
    this.rules.died();
  }

  /** A Pi has no clock of its own: mostly it wakes up in another month, and often no time server ever tells it. */
  protected override reboot(): void {
    const { timeline, chance, happened } = this.world;
    super.reboot();
    if (chance.fraction() < 0.3) return;
    this.machine.jumpWall(Math.floor((chance.fraction() - 0.7) * 500) * dayMs);
    happened('clock-lost', this.id);
    if (chance.fraction() < 0.4) {
      timeline.after(Math.floor(chance.fraction() * 60_000), null, () => this.machine.correctWall());
    }
  }

  protected override async end({ stop, done, ...parts }: Running): Promise<void> {
    stop.abort();
    await done;
    parts.kiosk[Symbol.dispose]();
    parts.gatewayTime[Symbol.dispose]();
    await parts.link[Symbol.asyncDispose]();
    await parts.rules[Symbol.asyncDispose]();
    await parts.trust[Symbol.asyncDispose]();
    await parts.database[Symbol.asyncDispose]();
  }

  /** Bytes arrive from the scanner. */
  scanBytes(bytes: string | Uint8Array): void {
    this.#scanner.send(bytes);
  }

  /** A person holds a card before the scanner. */
  scan(number: number, ending = '\r'): void {
    const { card, subject } = person(number);
    this.world.ledger.presented(this.id, subject);
    this.scanBytes(card + ending);
  }

  /** A person holds up a printed card, which may be revoked. */
  scanCard(card: number): void {
    const { ledger, rules } = this.world;
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
      void enrolAnew(this.world, this.id, this.dir).then(() => this.start());
    });
  }
}
