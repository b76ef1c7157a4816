/** Every fuzzer with one fixed seed. `npm run fuzz` goes on from there for as long as it is let. */
import { describe, it } from 'vitest';
import { fuzzers } from './fuzzers.ts';

const seed = 20_261_120;

describe('fuzzing', () => {
  it.each(fuzzers.map((fuzzer) => ({ ...fuzzer, fuzzer })))(
    '$title',
    ({ fuzzer }) => fuzzer.fuzz({ seed, runs: fuzzer.runs }),
    60_000,
  );
});
