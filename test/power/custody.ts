/** Programs that keep custody, and what they owe after the power was cut: run, cut, opened again, for every kind of state. */
import assert from 'node:assert/strict';
import { accessSync, constants, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describeError, Fault, type FaultCode } from '../../shared/fault.ts';
import type { Chance } from '../../shared/ports.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { type Crash, crashes, makeCut } from './cuts.ts';
import { captureStart, Disk, type DiskStart, type Image, readImage, writeImage } from './disk.ts';
import { checkGateway, type GatewayMark } from './gateway-check.ts';
import { checkOutbox, type OutboxMark } from './outbox-check.ts';
import { runLogged, type Step } from './write-log.ts';

/** Of the databases and of the disk. */
const pageBytes = 4096;

/** Most writes cannot be missed, or not be told to be missing. */
const triesPerLieMax = 1000;

/** How long a program works before it is killed. */
export interface Life {
  readonly sessions: number;
  readonly operations: number;
  /** It dies before this sync from its start: see `endAtSync`. */
  readonly startSync?: string;
  /** It dies before this sync of what it does last. */
  readonly endSync?: string;
}

/** A program under test. */
export interface Custodian {
  readonly name: 'outbox' | 'gateway';
  readonly program: string;
  /** The fault that names a damaged file. */
  readonly damage: FaultCode;
  /** So many syncs and renamings it makes, at most, before it has made all of its files. */
  readonly making: { readonly syncs: number; readonly renames: number };
  /** Opens what is in `dir` with the real code and throws what is wrong. `from` is where the program saw it. */
  check(dir: string, marks: readonly string[], from: string): Promise<void>;
  /** The files whose lost writes are tried: see {@link lies}. */
  readonly databases: RegExp;
}

export const outbox: Custodian = {
  name: 'outbox',
  program: 'test/power/outbox-program.ts',
  damage: 'OUTBOX_CORRUPT',
  making: { syncs: 14, renames: 1 },
  check: (dir, marks) =>
    checkOutbox(
      dir,
      marks.map((mark) => JSON.parse(mark) as OutboxMark),
    ),
  databases: /outbox\.db-wal$/,
};

export const gateway: Custodian = {
  name: 'gateway',
  program: 'test/power/gateway-program.ts',
  damage: 'STORE_CORRUPT',
  making: { syncs: 26, renames: 3 },
  check: (dir, marks, from) =>
    checkGateway(
      dir,
      marks.map((mark) => JSON.parse(mark) as GatewayMark),
      from,
    ),
  databases: /store\.db(-wal)?$/,
};

/** One disk, the program that worked on it, and all that it did. */
export class Bench implements Disposable {
  readonly #custodian: Custodian;
  readonly #root = realpathSync(mkdtempSync(join(memoryDir(), 'ravao-power-')));
  /** What the program sees. */
  readonly #dir = join(this.#root, 'disk');
  /** What the power cut left. */
  readonly #after = join(this.#root, 'after');
  /** What earlier lives have said. */
  readonly #said: readonly string[];
  readonly #start: DiskStart;
  #steps: readonly Step[] = [];

  /** @param state what an earlier power cut left, and what had been said until then. */
  constructor(custodian: Custodian, state: { image: Image; said: readonly string[] } = { image: new Map(), said: [] }) {
    this.#custodian = custodian;
    this.#said = state.said;
    writeImage(state.image, this.#dir);
    this.#start = captureStart(this.#dir);
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** Lets the program live, once or again: what it left unsynced is still there then, as after SIGKILL. */
  async live(seed: number, { sessions, operations, startSync = '', endSync = '' }: Life): Promise<void> {
    const args = [join(this.#dir, 'data'), seed, sessions, operations, startSync, endSync].map(String);
    this.#steps = await runLogged(this.#custodian.program, args, { dir: this.#dir, logDir: this.#root });
    this.#expectWhole();
  }

  /** Cuts the power `count` times and checks each state; gives the states. Throws what is wrong with the first that is. */
  async *cut(seed: number, count: number): AsyncGenerator<Crash & { readonly said: readonly string[] }> {
    for (const crash of crashes(new Disk(this.#start), this.#steps, { seed, count })) {
      await this.#checkCut(crash.image, crash.done, crash.kind);
      yield { ...crash, said: this.#saidUntil(crash.done) };
    }
  }

  /**
   * Cuts the log that a database's last commits went to, after each page and frame that was not synced, with and without
   * garbage behind. Gives how many states were checked.
   */
  async cutLogs(commits: number): Promise<number> {
    const syncs = this.#steps.flatMap((step, place) =>
      step.type === 'sync' && step.path.endsWith('-wal') ? [place] : [],
    );
    const disk = new Disk(this.#start);
    let states = 0;
    for (const [place, step] of this.#steps.entries()) {
      if (step.type === 'sync' && syncs.slice(-commits).includes(place)) {
        const path = relative(this.#dir, step.path);
        const image = disk.after(makeCut('kept', seededChance(place), []));
        const synced = disk.after(makeCut('lost', seededChance(place), [])).get(path)?.length ?? 0;
        const log = image.get(path) ?? Buffer.alloc(0);
        for (const size of logBoundaries(log.length).filter((size) => size >= synced)) {
          for (const tail of [Buffer.alloc(0), Buffer.alloc(6000, 0xa5)]) {
            const torn = Buffer.concat([log.subarray(0, size), tail]);
            await this.#checkCut(new Map([...image, [path, torn]]), place, `${path} cut at ${size}`);
            states++;
          }
        }
      }
      disk.take(step);
    }
    return states;
  }

  /** Cuts each database itself off at every page: that is a disk's lie. Gives what came of it, as {@link lies} does. */
  async *cutDatabases(): AsyncGenerator<'whole' | Fault> {
    const whole = readImage(this.#dir);
    for (const [path, bytes] of whole) {
      if (bytes === null || !/(outbox|store)\.db$/.test(path)) continue;
      for (let size = 0; size < bytes.length; size += pageBytes) {
        yield (await this.#tell(
          new Map([...whole, [path, bytes.subarray(0, size)]]),
          this.#saidUntil(this.#steps.length),
        )) ?? 'whole';
      }
    }
  }

  async #checkCut(image: Image, done: number, kind: string): Promise<void> {
    try {
      await this.#check(image, this.#saidUntil(done));
    } catch (error) {
      throw new Error(`${kind}, power cut ${this.#placeOf(done)}: ${describeError(error)}`, { cause: error });
    }
  }

  async #check(image: Image, said: readonly string[]): Promise<void> {
    writeImage(image, this.#after);
    await this.#custodian.check(join(this.#after, 'data'), said, join(this.#dir, 'data'));
  }

  /**
   * Loses one synced write, as a disk does that only says it has synced, and opens the rest: either all that was
   * acknowledged is there, or the program stops with a fault that names the file, and has changed nothing.
   */
  async *lies(seed: number, count: number): AsyncGenerator<'whole' | Fault> {
    const chance = seededChance(seed);
    for (let tries = 0, made = 0; made < count && tries < count * triesPerLieMax; tries++) {
      const done = 1 + Math.floor(chance.fraction() * this.#steps.length);
      const lost = this.#loseWrite(chance, done);
      if (lost === null) continue;
      made++;
      const image = this.#imageWithout(lost, done);
      try {
        yield (await this.#tell(image, this.#saidUntil(done))) ?? 'whole';
      } catch (error) {
        const place = `without step ${lost} (${describeStep(this.#steps[lost])}), power cut ${this.#placeOf(done)}`;
        throw new Error(`${place}: ${describeError(error)}`, { cause: error });
      }
    }
  }

  /** Checks a state that should not be; returns the fault that it was refused with, or null where nothing is missing. */
  async #tell(image: Image, said: readonly string[]): Promise<Fault | null> {
    try {
      await this.#check(image, said);
      return null;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      assert(error.message.includes(this.#after), `${error.message} names no file`);
      const left = readImage(this.#after);
      for (const [path, bytes] of image) {
        // The lock holds nothing, nor does an empty file; shared memory is rebuilt.
        if (bytes === null || bytes.length === 0 || /-shm$|gateway\.lock/.test(path)) continue;
        assert(left.get(path)?.equals(bytes), `${path} was changed after ${error.code}`);
      }
      return error;
    }
  }

  /**
   * A synced write to a database or its log, or null where the one that chance chose cannot be told to be missing: what
   * one or two commits at the end of a log held looks like a commit that a power cut interrupted.
   */
  #loseWrite(chance: Chance, done: number): number | null {
    const place = Math.floor(chance.fraction() * done);
    const step = this.#steps[place];
    if (step?.type !== 'write' || !this.#custodian.databases.test(step.path)) return null;
    const syncs = this.#steps.slice(place, done).filter((later) => later.type === 'sync' && later.inode === step.inode);
    return syncs.length < (step.path.endsWith('-wal') ? 4 : 1) ? null : place;
  }

  #imageWithout(lost: number, done: number): Image {
    const disk = new Disk(this.#start);
    for (const [place, step] of this.#steps.slice(0, done).entries()) if (place !== lost) disk.take(step);
    return disk.after(makeCut('kept', seededChance(lost), []));
  }

  #saidUntil(done: number): readonly string[] {
    return [...this.#said, ...marksOf(this.#steps.slice(0, done))];
  }

  #placeOf(done: number): string {
    return `after step ${done} of ${this.#steps.length} (${describeStep(this.#steps[done - 1])})`;
  }

  /** The log and the disk must agree, or else the program wrote in a way that the shim does not see. */
  #expectWhole(): void {
    const disk = new Disk(this.#start);
    for (const step of this.#steps) disk.take(step);
    const logged = disk.after(makeCut('kept', seededChance(1), []));
    const found = readImage(this.#dir);
    const plain = (image: Image) => [...image.keys()].filter((path) => !path.endsWith('-shm')).sort();
    assert.deepEqual(plain(logged), plain(found), 'the write log misses a file');
    for (const path of plain(found)) {
      assert.deepEqual(logged.get(path) ?? null, found.get(path) ?? null, `the write log misses something of ${path}`);
    }
  }
}

/** Where the pages of a write-ahead log end, and where those of the disk do. */
function logBoundaries(bytes: number): readonly number[] {
  const ends = new Set<number>([bytes]);
  for (let end = 0; end < bytes; end += pageBytes) ends.add(end);
  for (let end = 32; end < bytes; end += 24 + pageBytes) ends.add(end).add(Math.min(bytes, end + 24));
  return [...ends].sort((one, other) => one - other);
}

function marksOf(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => (step.type === 'mark' && !step.text.startsWith('!') ? [step.text] : []));
}

function describeStep(step: Step | undefined): string {
  if (step === undefined) return 'none';
  if (step.type === 'mark') return step.text;
  if (step.type === 'rename') return `rename ${step.to}`;
  return step.type === 'write' ? `write ${step.path} ${step.offset}+${step.data.length}` : `${step.type} ${step.path}`;
}

/** Here a sync costs nothing; what it means is the write log's to know. */
function memoryDir(): string {
  const dir = '/dev/shm';
  try {
    accessSync(dir, constants.W_OK);
    return dir;
  } catch {
    return tmpdir();
  }
}
