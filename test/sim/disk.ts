/**
 * The disks of the simulated world: real SQLite files whose commits can be made to fail, or to be the last thing that
 * their process did, and copies of what a process that died has left behind.
 */
import { copyFileSync, mkdirSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Chance } from '../../shared/ports.ts';

/** How a commit goes wrong. The first three keep nothing; `kept` is on disk although it is reported as failed. */
export const diskFaultKinds = ['full', 'io', 'busy', 'kept', 'crash-before', 'crash-after', 'crash-torn'] as const;
export type DiskFaultKind = (typeof diskFaultKinds)[number];

const errorOf = {
  full: ['database or disk is full', 'SQLITE_FULL'],
  io: ['disk I/O error', 'SQLITE_IOERR_WRITE'],
  busy: ['database is locked', 'SQLITE_BUSY'],
  kept: ['disk I/O error', 'SQLITE_IOERR_FSYNC'],
} as const;

interface Armed {
  readonly kind: DiskFaultKind;
  /** Commits that still succeed before. */
  passes: number;
  /** Commits that then go wrong. */
  times: number;
}

type Statement = { readonly source: string; readonly database: Database.Database };
type Run = (this: Statement, ...given: unknown[]) => unknown;

/** What happens at the begin and the commit of each transaction of one database file. */
export type CommitHook = (point: 'begin' | 'commit', run: () => unknown) => unknown;

/** Puts hooks between better-sqlite3 and whoever uses it, by file, until disposed. */
export class CommitHooks implements Disposable {
  readonly #hooks = new Map<string, CommitHook>();
  readonly #restore: () => void;

  constructor() {
    const database = new Database(':memory:');
    const prototype: { run: Run } = Object.getPrototypeOf(database.prepare('SELECT 1'));
    database.close();
    const { run } = prototype;
    const hooks = this.#hooks;
    prototype.run = function (...given) {
      const { source } = this;
      const point = source === 'COMMIT' ? 'commit' : source === 'BEGIN IMMEDIATE' ? 'begin' : null;
      const hook = point === null ? undefined : hooks.get(this.database.name);
      if (point === null || hook === undefined) return run.apply(this, given);
      return hook(point, () => run.apply(this, given));
    };
    this.#restore = () => {
      prototype.run = run;
    };
  }

  set(path: string, hook: CommitHook): void {
    this.#hooks.set(path, hook);
  }

  delete(path: string): void {
    this.#hooks.delete(path);
  }

  [Symbol.dispose](): void {
    this.#restore();
  }
}

/** The faults that wait for one database's commits. */
export class DiskFaults {
  readonly #chance: Chance;
  readonly #path: () => string;
  readonly #onFault: (kind: DiskFaultKind) => void;
  readonly #crash: (tear: ((dir: string) => void) | null) => Error;
  readonly #keptIsSeen: boolean;
  #armed: Armed[] = [];

  /**
   * @param crash ends the process and returns what is to be thrown through it; `tear` spoils the copy of its files.
   * @param keptIsSeen whether the process itself sees what a failed commit kept (it opens the file anew), or only the next.
   */
  constructor(parts: {
    readonly chance: Chance;
    readonly path: () => string;
    readonly onFault: (kind: DiskFaultKind) => void;
    readonly crash: (tear: ((dir: string) => void) | null) => Error;
    readonly keptIsSeen: boolean;
  }) {
    this.#chance = parts.chance;
    this.#path = parts.path;
    this.#onFault = parts.onFault;
    this.#crash = parts.crash;
    this.#keptIsSeen = parts.keptIsSeen;
  }

  /** After `passes` commits that succeed, `times` go wrong. */
  arm(kind: DiskFaultKind, passes: number, times: number): void {
    this.#armed.push({ kind, passes, times });
  }

  disarm(): void {
    this.#armed = [];
  }

  readonly hook: CommitHook = (point, run) => {
    const armed = this.#armed[0];
    if (armed === undefined) return run();
    if (point === 'begin') {
      if (armed.kind !== 'busy' || armed.passes > 0) return run();
    } else {
      if (armed.passes > 0) armed.passes--;
      else if (armed.kind !== 'busy') return this.#goWrong(armed, run);
      return run();
    }
    return this.#goWrong(armed, run);
  };

  #goWrong(armed: Armed, run: () => unknown): never {
    armed.times--;
    if (armed.times <= 0) this.#armed.shift();
    const { kind } = armed;
    this.#onFault(kind);
    switch (kind) {
      case 'crash-before':
        throw this.#crash(null);
      case 'crash-after':
        run();
        throw this.#crash(null);
      case 'crash-torn':
        throw this.#crash(this.#runTorn(run));
      case 'kept':
        if (this.#keptIsSeen) run();
        break;
    }
    const [message, code] = errorOf[kind];
    throw new Database.SqliteError(message, code);
  }

  /** The commit is written, but the log's copy ends somewhere in the middle of what was written. */
  #runTorn(run: () => unknown): ((dir: string) => void) | null {
    const path = this.#path();
    const before = { log: bytesOf(`${path}-wal`), fileNs: changedNs(path) };
    run();
    const after = { log: bytesOf(`${path}-wal`), fileNs: changedNs(path) };
    // A log that began anew, or was brought home at once, has no torn end.
    if (after.log <= before.log || after.fileNs !== before.fileNs) return null;
    const cutTo = before.log + Math.floor(this.#chance.fraction() * (after.log - before.log));
    const name = path.slice(path.lastIndexOf('/') + 1);
    return (dir) => truncateSync(join(dir, `${name}-wal`), cutTo);
  }
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function changedNs(path: string): bigint {
  return statSync(path, { bigint: true }).mtimeNs;
}

/** Copies a process's files as they are now, without what only a living process can use. */
export function copyFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyFiles(source, target);
    else if (!entry.name.endsWith('-shm') && !entry.name.includes('.lock')) copyFileSync(source, target);
  }
}
