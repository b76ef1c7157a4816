/** Which kiosks' certificates are cut off, as the serving gateway knows it while another process adds to them. */
import { join } from 'node:path';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { keepLooking, markOf } from '../looking.ts';
import { readRevoked } from './enrolled.ts';
import { toDiskFault, trustFiles } from './trust-files.ts';

/** How often the list is looked at, in milliseconds: one system call, and a revoked kiosk is cut off within this time. */
export const lookEveryMs = 500;

/** What is cut off. It only grows. */
export interface Revocations {
  /** @param serial a certificate's serial number, hexadecimal, in any case. */
  has(serial: string): boolean;
  /** Calls `listener` after each growth. */
  onGrowth(listener: () => void): void;
}

/**
 * Reads the list, and again whenever it has changed, until disposed. What was ever in it stays, even if the file goes; a
 * failure to read it again is logged. Throws the Fault DATA_DIR_UNUSABLE where it cannot be read at first.
 */
export async function watchRevocations(
  trustFolder: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Revocations & AsyncDisposable> {
  const path = join(trustFolder, trustFiles.revoked);
  const serials = new Set<string>();
  const listeners: (() => void)[] = [];
  let before = '';
  const look = async () => {
    const now = await markOf(path);
    if (now === before) return;
    const count = serials.size;
    for (const { serial } of await readRevoked(path)) serials.add(serial);
    before = now;
    if (serials.size === count) return;
    log.info('trust.revoked', { certificates: serials.size, since: serials.size - count });
    for (const listener of listeners) listener();
  };
  await look().catch((error: unknown) => Promise.reject(toDiskFault(trustFolder, error)));
  const looking = keepLooking(look, {
    everyMs: lookEveryMs,
    first: 'later',
    clock,
    onFailure(error, isFirst) {
      if (isFirst) log.error('trust.revocations-unread', { error: describeError(error) });
    },
  });
  return {
    has: (serial) => serials.has(serial.toLowerCase()),
    onGrowth: (listener) => void listeners.push(listener),
    [Symbol.asyncDispose]: () => looking[Symbol.asyncDispose](),
  };
}
