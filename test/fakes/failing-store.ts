import type { Arrival, Store, Verdict } from '../../gateway/store/store.ts';
import { Fault } from '../../shared/fault.ts';
import { MemoryStore } from './memory-store.ts';

/** A store in memory whose appends can be made to fail, or held until the test lets them go. */
export class FailingStore extends MemoryStore implements Store {
  /** The groups that were offered, those that failed included. */
  readonly groups: (readonly Arrival[])[] = [];
  /** Errors that the next appends reject with, in order; `null` lets one succeed. */
  readonly failures: (Error | null)[] = [];
  #held: PromiseWithResolvers<void> | null = null;

  /** Makes appends wait until {@link release}. */
  hold(): void {
    this.#held ??= Promise.withResolvers<void>();
  }

  /** Lets held appends go on. */
  release(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  override async append(group: readonly Arrival[]): Promise<readonly Verdict[]> {
    this.groups.push(group);
    await this.#held?.promise;
    const failure = this.failures.shift() ?? null;
    if (failure !== null) throw failure;
    return super.append(group);
  }
}

/** What a store rejects with when the disk is full. */
export function writeFault(): Fault {
  return new Fault('STORE_WRITE_FAILED', 'File: made up.', { cause: new Error('database or disk is full') });
}
