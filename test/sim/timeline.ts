/** Virtual time for a whole world: one event at a time, each run until nothing is left to do before the next begins. */
import type { Timer } from '../../shared/ports.ts';
import { systemClock } from '../../shared/system/clock.ts';

/** Whose event it is. What a dead owner still had to do is dropped, as with a process that was killed. */
export interface Owner {
  readonly name: string;
  readonly alive: boolean;
}

interface Happening {
  readonly dueMs: number;
  readonly order: number;
  readonly owner: Owner | null;
  readonly callback: () => void;
  cancelled: boolean;
}

/** An event that is not quiet after so long never will be, in milliseconds of real time: a disk under load takes its time. */
const quietMsMax = 60_000;

/** The real one: the simulated world counts its own. */
const realSetImmediate = setImmediate;

function isFileUnderWay(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq') || name === 'CloseReq');
}

export class Timeline {
  #nowMs = 0;
  #order = 0;
  /** A binary heap: the next happening first. */
  readonly #heap: Happening[] = [];
  #owner: Owner | null = null;
  #immediates = 0;
  #outside = 0;
  /** Events that have run. */
  events = 0;
  /** Told of what an event throws: a bug, or the death of a process in the middle of it. */
  onThrown: (error: unknown) => void = (error) => {
    throw error;
  };

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Whose code runs now; null for the world's own. */
  get owner(): Owner | null {
    return this.#owner;
  }

  /** How many events wait, cancelled ones included. */
  get waiting(): number {
    return this.#heap.length;
  }

  /** Calls `callback` after `delayMs`, as `owner`; events of one moment run in the order in which they were set. */
  after(delayMs: number, owner: Owner | null, callback: () => void): Timer {
    const dueMs = this.#nowMs + (delayMs > 0 ? delayMs : 0);
    const happening: Happening = { dueMs, order: this.#order++, owner, callback, cancelled: false };
    this.#push(happening);
    return {
      [Symbol.dispose]: () => {
        happening.cancelled = true;
      },
    };
  }

  /** Stands for `setImmediate` while the world runs, so that it is known how many wait. Returns how to cancel it. */
  immediate(callback: () => void): () => void {
    const owner = this.#owner;
    let waits = true;
    this.#immediates++;
    const leave = () => {
      if (waits) this.#immediates--;
      waits = false;
    };
    realSetImmediate(() => {
      if (!waits) return;
      leave();
      if (owner === null || owner.alive) callback();
    });
    return leave;
  }

  /** Work on threads, which must not be taken for quiet while it lasts: it takes no virtual time. It must not wait for any. */
  async outside<T>(work: Promise<T>): Promise<T> {
    this.#outside++;
    try {
      return await work;
    } finally {
      this.#outside--;
    }
  }

  /** Does something now as `owner`, and everything that follows from it at once. */
  async #act(owner: Owner | null, action: () => void): Promise<void> {
    this.#owner = owner;
    try {
      try {
        action();
      } catch (error) {
        this.onThrown(error);
      }
      await this.#quiet();
    } finally {
      this.#owner = null;
    }
  }

  /** Runs events until `untilMs`, or until `isDone` says so after one. */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.dueMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      if (next.cancelled || next.owner?.alive === false) continue;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.events++;
      await this.#act(next.owner, next.callback);
      if (isDone()) return;
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /**
   * Lets microtasks, ticks, immediates and the reading and writing of files run until none is left: two turns in a row
   * without any. So a file takes no virtual time.
   */
  async #quiet(): Promise<void> {
    const endMs = systemClock.monotonicMs() + quietMsMax;
    for (let quietTurns = 0; quietTurns < 2; ) {
      await new Promise<void>((resolve) => realSetImmediate(resolve));
      const isQuiet = this.#immediates === 0 && this.#outside === 0 && !isFileUnderWay();
      quietTurns = isQuiet ? quietTurns + 1 : 0;
      if (!isQuiet && systemClock.monotonicMs() > endMs) throw new Error(this.#describeUnrest());
    }
  }

  #describeUnrest(): string {
    const [immediates, outside, resources] = [this.#immediates, this.#outside, process.getActiveResourcesInfo()];
    return `the world is not quiet after ${quietMsMax} ms: ${JSON.stringify({ immediates, outside, resources })}`;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let first = at;
      if (left < heap.length && this.#isBefore(left, first)) first = left;
      if (right < heap.length && this.#isBefore(right, first)) first = right;
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return false;
    return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }
}
