import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Chance, Clock } from '../ports.ts';

/** How much a machine's clock can be trusted. */
export interface TimeSync extends Disposable {
  /** The id of this boot, within which monotonic times can be compared. */
  readonly boot: string;
  /** Whether the wall clock was synchronised to a time server at the last look. */
  synced(): boolean;
}

/** One that looks by itself. */
export interface WatchedTimeSync extends TimeSync {
  /** Resolves when it has looked once. */
  readonly looked: Promise<void>;
}

/** The kernel is asked anew this often, in milliseconds. */
const lookEveryMs = 60_000;
const lookTimeoutMs = 5_000;

/**
 * Watches whether the kernel's clock is synchronised, by `timedatectl`, which reads the kernel's own flag and so covers
 * systemd-timesyncd, chrony and ntpd. Where it does not exist the clock counts as not synchronised.
 */
export function watchTimeSync(clock: Clock, chance: Chance): WatchedTimeSync {
  let synced = false;
  let timer: Disposable | undefined;
  const stop = new AbortController();
  const { promise: looked, resolve } = Promise.withResolvers<void>();
  const look = () => {
    const options = { timeout: lookTimeoutMs, signal: stop.signal };
    execFile('timedatectl', ['show', '--property=NTPSynchronized', '--value'], options, (error, output) => {
      synced = error === null && output.trim() === 'yes';
      resolve();
      if (!stop.signal.aborted) timer = clock.after(lookEveryMs, look);
    });
  };
  look();
  return {
    boot: readBootId(chance),
    synced: () => synced,
    looked,
    [Symbol.dispose]() {
      stop.abort();
      timer?.[Symbol.dispose]();
    },
  };
}

/** Linux's boot id; on a system without one an id of this process, since nothing else is known to be one boot. */
function readBootId(chance: Chance): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `process-${Buffer.from(chance.bytes(16)).toString('hex')}`;
  }
}
