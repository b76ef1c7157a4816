import fc from 'fast-check';
import { systemClock } from '../../shared/system/clock.ts';
import { within } from '../../shared/time.ts';

/** What one call of a fuzzer does: so many runs, all of which follow from the seed. */
export interface FuzzPlan {
  readonly seed: number;
  readonly runs: number;
}

/** Tries to break one thing. Rejects with the counterexample, made as small as possible, when it has. */
export interface Fuzzer {
  readonly name: string;
  /** What holds, whatever comes. Continues "fuzzing". */
  readonly title: string;
  /** How many runs `npm test` does. */
  readonly runs: number;
  fuzz(plan: FuzzPlan): Promise<void>;
}

/** A run that takes longer, in milliseconds, hangs. */
const runTimeoutMs = 10_000;

/** Runs a property as often as the plan says; every run must end in time. */
export async function tryToBreak<T>(
  plan: FuzzPlan,
  inputs: fc.Arbitrary<T>,
  holds: (input: T) => void | Promise<void>,
): Promise<void> {
  const property = fc.asyncProperty(inputs, async (input) => {
    const timed = await within(systemClock, runTimeoutMs, Promise.resolve(holds(input)));
    if (!timed.inTime) throw new Error(`hangs: no end within ${runTimeoutMs} ms`);
  });
  await fc.assert(property, { seed: plan.seed, numRuns: plan.runs, endOnFailure: false });
}

/** What can happen to bytes on a wire or a disk. Places are shares of the length, so that one damage fits all files. */
export type Damage =
  | { readonly type: 'none' }
  | { readonly type: 'cut'; readonly at: number }
  | { readonly type: 'flip'; readonly at: readonly number[]; readonly bit: number }
  | { readonly type: 'overwrite'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: 'append'; readonly bytes: Uint8Array }
  | { readonly type: 'replace'; readonly bytes: Uint8Array };

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const soup = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 64 }),
  fc.constantFrom(new Uint8Array(512), new Uint8Array(4096).fill(0xff)),
);

/** Damage to bytes that are there. */
export const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ type: fc.constant('cut' as const), at: share }),
  fc.record({
    type: fc.constant('flip' as const),
    at: fc.array(share, { minLength: 1, maxLength: 4 }),
    bit: fc.nat(7),
  }),
  fc.record({ type: fc.constant('overwrite' as const), at: share, bytes: soup }),
  fc.record({ type: fc.constant('insert' as const), at: share, bytes: soup }),
  fc.record({ type: fc.constant('append' as const), bytes: soup }),
  fc.record({ type: fc.constant('replace' as const), bytes: fc.uint8Array({ maxLength: 256 }) }),
);

/** Bytes after a damage. */
export function inflict(whole: Uint8Array, damage: Damage): Uint8Array {
  const place = (at: number) => Math.floor(at * whole.byteLength);
  switch (damage.type) {
    case 'none':
      return whole;
    case 'cut':
      return whole.slice(0, place(damage.at));
    case 'flip': {
      const copy = whole.slice();
      for (const at of damage.at) copy[place(at)] = (copy[place(at)] ?? 0) ^ (1 << damage.bit);
      return copy;
    }
    case 'overwrite': {
      const copy = whole.slice();
      copy.set(damage.bytes.subarray(0, whole.byteLength - place(damage.at)), place(damage.at));
      return copy;
    }
    case 'insert': {
      const at = place(damage.at);
      return Buffer.concat([whole.subarray(0, at), damage.bytes, whole.subarray(at)]);
    }
    case 'append':
      return Buffer.concat([whole, damage.bytes]);
    case 'replace':
      return damage.bytes;
  }
}
