/** A computer of the simulated world: its clocks, and the processes that live and die on it. */
import type { Clock } from '../../shared/ports.ts';
import type { TimeSync } from '../../shared/system/time-sync.ts';
import type { Owner, Timeline } from './timeline.ts';

/** The wall clock of every machine when the world begins: 20 November 2026, 08:00 UTC. */
export const worldStartMs = Date.UTC(2026, 10, 20, 8, 0, 0);

/** How long a machine has been up when its first process starts, in milliseconds. */
const bootMs = 20_000;

/** How long it takes after a power cut: no longer than it was without power and booting, or two boots would overlap. */
const rebootMs = 2_000;

export class Machine {
  readonly name: string;
  readonly #timeline: Timeline;
  #bootedMs: number;
  #boots = 1;
  #wallOffsetMs = 0;
  #wasSynced = true;

  constructor(name: string, timeline: Timeline) {
    this.name = name;
    this.#timeline = timeline;
    this.#bootedMs = timeline.nowMs - bootMs;
  }

  /** The kernel's id of this boot. */
  get boot(): string {
    return `boot-${this.name}-${this.#boots}`;
  }

  /** Whether a time server has set its clock. In this world that is so whenever it is right. */
  get isSynced(): boolean {
    return this.#wallOffsetMs === 0;
  }

  /** What a program on it is told of its clock. */
  get timeSync(): TimeSync {
    return { boot: this.boot, synced: () => this.isSynced, [Symbol.dispose]: () => {} };
  }

  /** Whether a time server has set its clock since it booted: whatever has become of the clock, one can go on counting. */
  get wasSynced(): boolean {
    return this.#wasSynced || this.isSynced;
  }

  nowMs(): number {
    return worldStartMs + this.#timeline.nowMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#timeline.nowMs - this.#bootedMs;
  }

  /** Sets the wall clock without moving time; never before 1970, where a machine without a clock begins. */
  jumpWall(byMs: number): void {
    this.#wasSynced ||= this.isSynced;
    this.#wallOffsetMs += Math.max(byMs, -this.nowMs());
  }

  /** What NTP does in the end. */
  correctWall(): void {
    this.#wallOffsetMs = 0;
  }

  /** Power comes back after a cut: another boot, and monotonic time begins anew. */
  reboot(): void {
    this.#boots++;
    this.#wasSynced = false;
    this.#bootedMs = this.#timeline.nowMs - rebootMs;
  }
}

/** What a process was doing when it died in the middle of it: nothing above may go on. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

/** One run of a program, from its start to its end. Its timers die with it. */
export class SimProcess implements Owner {
  readonly name: string;
  readonly machine: Machine;
  readonly clock: Clock;
  alive = true;

  constructor(name: string, machine: Machine, timeline: Timeline) {
    this.name = name;
    this.machine = machine;
    this.clock = {
      nowMs: () => machine.nowMs(),
      monotonicMs: () => machine.monotonicMs(),
      after: (delayMs, callback) => timeline.after(delayMs, this, callback),
    };
  }
}
