/** A computer of the simulated world and the program on it: how that starts, dies, starts again and stops. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import { copyFiles } from './disk.ts';
import { Machine, ProcessDied, SimProcess } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

/** systemd starts a program again after this long, in milliseconds; a machine without power takes longer. */
const restartMs = 2_000;
const powerCutMsMax = 40_000;

/** program.ts ends what does not stop within this long, in milliseconds. */
const stopTimeoutMs = 4_500;

/** `reset`: the process dies, and its connections are reset. `silent`: the power fails, and nobody is told. */
export type Death = 'reset' | 'silent';

/** What has booted. */
export interface Run {
  readonly process: SimProcess;
  /** What stays open when the process dies, and is to be closed behind it. */
  readonly database: AsyncDisposable;
}

/** What the gateway and the kiosks have in common. */
export abstract class Host<Booted extends Run> {
  readonly id: string;
  readonly machine: Machine;
  protected readonly world: Surroundings;
  /** Where its files are; elsewhere after each death. */
  protected dir: string;
  #process: SimProcess | null = null;
  #running: Booted | null = null;
  /** The process that is stopping. */
  #stopping: SimProcess | null = null;
  #runs = 0;
  #deaths = 0;

  constructor(id: string, world: Surroundings) {
    this.id = id;
    this.world = world;
    this.machine = new Machine(id, world.timeline);
    this.dir = join(world.dir, `${id}-0`);
  }

  /** Starts the real parts on what {@link dir} holds; `run` counts from 1. What it rejects with breaks a promise. */
  protected abstract boot(process: SimProcess, run: number): Promise<Booted>;

  /** Ends what runs, as the program does that is told to stop. What it rejects with breaks a promise. */
  protected abstract end(running: Booted): Promise<void>;

  /** The file whose commits can fail. */
  protected abstract get databasePath(): string;

  /** What the trace says of a death besides. */
  protected get deathMarks(): Record<string, unknown> {
    return {};
  }

  /** Copies the files of a process that has died to where the next one finds them. */
  protected leaveFiles(nextDir: string): void {
    copyFiles(this.dir, nextDir);
  }

  /** Forgets what was known of a process that has died. */
  protected forget(): void {}

  /** The power comes back after a cut. */
  protected reboot(): void {
    this.machine.reboot();
  }

  /** The process that runs now, if one does. */
  get process(): SimProcess | null {
    return this.#process?.alive === true ? this.#process : null;
  }

  /** What has booted and runs. */
  protected get running(): Booted | null {
    return this.process === null ? null : this.#running;
  }

  /** Whether a process runs that has not been told to stop. */
  protected get isStaying(): boolean {
    return this.process !== null && this.process !== this.#stopping;
  }

  /** Starts the program on what its directory holds, unless it runs. */
  start(): void {
    if (this.process !== null) return;
    const process = new SimProcess(this.id, this.machine, this.world.timeline);
    this.#process = process;
    this.#act(process, async () => {
      const running = await this.boot(process, ++this.#runs);
      if (process.alive) this.#running = running;
    });
  }

  /** Lets the program do something as soon as it is its turn. */
  #act(process: SimProcess, action: () => Promise<void>): void {
    this.world.timeline.after(0, process, () => {
      action().catch((error: unknown) => this.failed(process, error));
    });
  }

  /** Nothing that happens in this world is a reason to end; what a dead process still stumbles over is none. */
  protected failed(process: SimProcess, error: unknown): void {
    if (process.alive) this.world.fail(`${this.id} ${describe(error)}`);
  }

  /**
   * The process dies here and now. The next one finds a copy of the files as they are at this moment, so that nothing
   * counts that a clean end would have written.
   * @param tear spoils that copy.
   * @returns what is to be thrown through what the process is in the middle of.
   */
  crash(how: Death, tear: ((dir: string) => void) | null = null): Error {
    const process = this.process;
    const died = new ProcessDied(this.id);
    if (process === null) return died;
    process.alive = false;
    const { dir, network, trace, hooks, timeline } = this.world;
    trace.add(this.id, 'dies', { how, torn: tear !== null, ...this.deathMarks });
    network.died(process, how);
    hooks.delete(this.databasePath);
    const [oldDir, nextDir] = [this.dir, join(dir, `${this.id}-${++this.#deaths}`)];
    this.leaveFiles(nextDir);
    tear?.(nextDir);
    const database = this.#running?.database;
    // Not now: this may be in the middle of one of its transactions.
    timeline.after(0, null, () => {
      void database?.[Symbol.asyncDispose]();
      rmSync(oldDir, { recursive: true, force: true });
    });
    this.#running = null;
    this.dir = nextDir;
    this.forget();
    this.#restartAfter(how);
    return died;
  }

  #restartAfter(how: Death): void {
    const { timeline, chance } = this.world;
    const delayMs = restartMs + (how === 'silent' ? Math.floor(chance.fraction() * powerCutMsMax) : 0);
    timeline.after(delayMs, null, () => {
      if (this.process !== null) return;
      if (how === 'silent') this.reboot();
      this.start();
    });
  }

  /**
   * Ends the program in its own time, and then calls back; one that does not end in time is killed. While it stops
   * already this does nothing.
   */
  stop(onStopped: () => void): void {
    const { running } = this;
    if (running === null) {
      onStopped();
      return;
    }
    const { process } = running;
    if (this.#stopping === process) return;
    this.#stopping = process;
    const { timeline, hooks, network, trace } = this.world;
    const overrun = timeline.after(stopTimeoutMs, process, () => {
      this.crash('reset');
      onStopped();
    });
    this.#act(process, async () => {
      trace.add(this.id, 'stops');
      await this.end(running);
      if (!process.alive) return;
      process.alive = false;
      overrun[Symbol.dispose]();
      this.#running = null;
      hooks.delete(this.databasePath);
      network.died(process, 'reset');
      trace.add(this.id, 'stopped');
      onStopped();
    });
  }

  /** The world is over: nothing of it stays open. */
  close(): void {
    if (this.process !== null) this.crash('reset');
  }
}

function describe(error: unknown): string {
  if (error instanceof Fault) return `ended: ${describeError(error)}`;
  return `crashed: ${error instanceof Error ? error.stack : String(error)}`;
}
