import type { Chance } from '../ports.ts';

/** The operating system's randomness. */
export const systemChance: Chance = {
  fraction: () => Math.random(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};
