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

/**
 * What Node is given when it runs a kiosk (npm scripts, `npm start`, the systemd unit): a kiosk makes little at a time, so a
 * young space that grows to many times that is memory for nothing.
 */
export const kioskNodeFlags: readonly string[] = ['--max-semi-space-size=1'];

/**
 * What Node is given when it runs a gateway (npm scripts, `npm start`, the systemd unit): without them V8 lets a busy
 * gateway's heap grow with the machine's memory instead of with its need: about 410 MiB after a load instead of 165
 * (`npm run bench -- --only memory`). The young space must hold what is under way between two commits, from the start on:
 * where it overflows into the old, marking that never ends takes a third of the time. The old space holds many times
 * what the intake may hold (see its limits), so reaching its end is a bug.
 */
export const gatewayNodeFlags: readonly string[] = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--max-old-space-size=256',
];
