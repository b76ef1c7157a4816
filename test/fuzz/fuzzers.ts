import { brokerFuzzers } from './broker-fuzzers.ts';
import type { Fuzzer } from './fuzzer.ts';
import { stateFuzzers } from './state-fuzzers.ts';
import { textFuzzers } from './text-fuzzers.ts';
import { upstreamFuzzers } from './upstream-fuzzers.ts';

/** All fuzzers. A new one is one object in a file beside this and its name in that file's list. */
export const fuzzers: readonly Fuzzer[] = [...textFuzzers, ...brokerFuzzers, ...upstreamFuzzers, ...stateFuzzers];
