import type { Readable } from 'node:stream';
import type { Chance, Clock, Log, Reading, Scanner } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import { findScanner } from './find-scanner.ts';
import { createLineScanner } from './line-scanner.ts';
import { baudRateDefault, type ScannerSetting } from './scanner-setting.ts';
import { createSerialScanner } from './serial-scanner.ts';

export interface ScannerDeps {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Standard input. */
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Serial ports that are not scanners: the one of the lights' board. */
  readonly except?: readonly string[];
  /** How `auto` looks for a scanner; tests stand in for it. */
  readonly find?: () => Promise<string | null>;
}

/** How often `auto`, while it reads from a terminal, looks whether a scanner was plugged in. */
export const lookMs = 2000;

/**
 * The scanner that a setting names. Never throws: one that is not there is waited for.
 *
 * `auto` takes a scanner that is plugged in now. Otherwise it reads standard input, until that ends (at once, under a
 * service manager) or, on a terminal, until a scanner is plugged in; from then on it is a scanner for good. Lines that
 * are piped in are all read first.
 */
export async function openScanner(setting: ScannerSetting, deps: ScannerDeps): Promise<Scanner> {
  const { clock, chance, log, input } = deps;
  switch (setting.type) {
    case 'stdin':
      return createLineScanner({ input });
    case 'serial': {
      const { path, baudRate } = setting;
      return createSerialScanner({ name: path, find: async () => path, baudRate, clock, chance, log });
    }
    case 'auto': {
      const { find = () => findScanner(deps.except ?? []) } = deps;
      const path = await find();
      const serial = createSerialScanner({ name: path ?? 'auto', find, baudRate: baudRateDefault, clock, chance, log });
      if (path !== null) return serial;
      return { name: 'stdin', readings: (signal) => readLinesThenSerial(serial, find, deps, signal) };
    }
  }
}

async function* readLinesThenSerial(
  serial: Scanner,
  find: () => Promise<string | null>,
  { clock, input }: ScannerDeps,
  signal: AbortSignal,
): AsyncGenerator<Reading> {
  const enough = new AbortController();
  const either = AbortSignal.any([signal, enough.signal]);
  const looking = input.isTTY === true ? lookForScanner(clock, find, either).then(() => enough.abort()) : null;
  try {
    yield* createLineScanner({ input }).readings(either);
  } finally {
    enough.abort();
    await looking;
  }
  yield* serial.readings(signal);
}

/** Returns when a scanner is plugged in, or told to stop. */
async function lookForScanner(clock: Clock, find: () => Promise<string | null>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(clock, lookMs, signal);
    if (signal.aborted || (await find()) !== null) return;
  }
}
