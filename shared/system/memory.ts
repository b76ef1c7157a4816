import { setFlagsFromString } from 'node:v8';

/**
 * Makes this process small rather than fast: V8's optimising compilers stay off and its heap is kept tight. For a
 * program that does a little now and then on a small machine. Call it before anything else is loaded.
 */
export function preferMemoryToSpeed(): void {
  // All three are about what comes, so they may be set while V8 runs; `npm run bench -- --only memory,scan` shows what
  // they are worth: about 20 MiB of a kiosk's 105, and nothing that a person at the gate would notice.
  for (const flag of ['--no-opt', '--no-maglev', '--optimize-for-size']) setFlagsFromString(flag);
}
