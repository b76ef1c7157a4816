import { describe, expect, test } from 'vitest';
import { gateway, outbox } from './custody.ts';
import { disasters } from './disasters.ts';

/** A seed gives the same disasters; `node test/power/main.ts` tries as many others as asked. */
const seed = 1;

const custodians = [
  { custodian: outbox, extent: { life: { sessions: 4, operations: 12 }, cuts: 300 } },
  { custodian: gateway, extent: { life: { sessions: 3, operations: 6 }, cuts: 150 } },
];

describe.each(custodians)(
  'the $custodian.name keeps what it acknowledged, once, or says that it cannot, when',
  (tried) => {
    test.each(Object.entries(disasters))('%s', async (_, disaster) => {
      expect(await disaster(tried.custodian, seed, tried.extent)).toBeGreaterThan(0);
    });
  },
);
