/**
 * The globals that libraries take time and chance from. aedes and mqtt.js know no ports: while a world runs, theirs are
 * the world's, and afterwards everything is as before.
 */
import type { Chance } from '../../shared/ports.ts';
import { SimProcess, worldStartMs } from './machine.ts';
import type { Timeline } from './timeline.ts';

type Callback = (...given: unknown[]) => void;

/** What Node's `setTimeout` and `setInterval` return, as far as libraries use it. */
class SimTimeout {
  readonly #begin: () => Disposable;
  #timer: Disposable;

  constructor(begin: () => Disposable) {
    this.#begin = begin;
    this.#timer = begin();
  }

  refresh(): this {
    this.close();
    this.#timer = this.#begin();
    return this;
  }

  close(): this {
    this.#timer[Symbol.dispose]();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Runs `work` with the globals on virtual time and seeded chance. Worlds take turns: two at once would share them. */
export async function withSimulatedGlobals<T>(timeline: Timeline, chance: Chance, work: () => Promise<T>): Promise<T> {
  const restore = [
    replace(globalThis, simulatedTimers(timeline)),
    replace(Math, { random: () => chance.fraction() }),
    replace(Date, {
      now: () => {
        const { owner } = timeline;
        return owner instanceof SimProcess ? owner.clock.nowMs() : worldStartMs + timeline.nowMs;
      },
    }),
  ];
  try {
    return await work();
  } finally {
    for (const undo of restore) undo();
  }
}

function simulatedTimers(timeline: Timeline): Record<string, unknown> {
  const clear = (timeout: unknown) => {
    if (timeout instanceof SimTimeout) timeout.close();
  };
  return {
    setTimeout: (callback: Callback, delayMs = 0, ...given: unknown[]) => {
      const { owner } = timeline;
      return new SimTimeout(() => timeline.after(Math.max(1, delayMs), owner, () => callback(...given)));
    },
    setInterval: (callback: Callback, everyMs = 0, ...given: unknown[]) => {
      const { owner } = timeline;
      return new SimTimeout(() => every(timeline, Math.max(1, everyMs), owner, () => callback(...given)));
    },
    clearTimeout: clear,
    clearInterval: clear,
    setImmediate: (callback: Callback, ...given: unknown[]) => {
      return { cancel: timeline.immediate(() => callback(...given)) };
    },
    clearImmediate: (immediate?: { cancel?: () => void }) => immediate?.cancel?.(),
  };
}

function every(timeline: Timeline, everyMs: number, owner: Timeline['owner'], callback: () => void): Disposable {
  let timer: Disposable;
  const wait = () => {
    timer = timeline.after(everyMs, owner, () => {
      wait();
      callback();
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** Puts other values in the place of an object's properties; the result puts the first ones back. */
function replace(target: object, values: Record<string, unknown>): () => void {
  const before = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(target, name)] as const);
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor !== undefined) Object.defineProperty(target, name, descriptor);
    }
  };
}
