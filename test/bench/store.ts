/** How fast the store takes groups, and whether it stays so as it grows. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keysOf } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Arrival, Store } from '../../gateway/store/store.ts';
import type { Log } from '../../shared/ports.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { makeEntry } from '../fakes/entries.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const groupEntries = 200;

export interface StoreFigures {
  /** Entries a second into an empty store, and into one that holds `rows`. */
  readonly emptyPerSecond: number;
  readonly grownPerSecond: number;
  /** The second divided by the first. */
  readonly ratio: number;
  readonly rows: number;
  readonly bytes: number;
  /** How long closing, and opening with its quick_check, took with all rows. */
  readonly closeMs: number;
  readonly openMs: number;
}

/**
 * Appends groups of 200 entries of 50 kiosks, ids as UUIDv7.
 * @param options.rows how far the store grows between the two measurements.
 * @param options.sampleRows how many entries each measurement takes.
 */
export async function benchStore(options: { rows: number; sampleRows: number; dir?: string }): Promise<StoreFigures> {
  const dir = await mkdtemp(join(options.dir ?? tmpdir(), 'ravao-bench-store-'));
  try {
    let store: Store = await openSqliteStore({ dir, log: silent });
    const arrivals = new Arrivals();
    const emptyPerSecond = await fill(store, arrivals, options.sampleRows);
    if (options.rows > options.sampleRows) await fill(store, arrivals, options.rows - options.sampleRows);
    const grownPerSecond = await fill(store, arrivals, options.sampleRows);
    const closingMs = systemClock.monotonicMs();
    await store[Symbol.asyncDispose]();
    const openingMs = systemClock.monotonicMs();
    store = await openSqliteStore({ dir, log: silent });
    const openedMs = systemClock.monotonicMs();
    await store[Symbol.asyncDispose]();
    return {
      emptyPerSecond,
      grownPerSecond,
      ratio: grownPerSecond / emptyPerSecond,
      rows: options.rows,
      bytes: (await stat(join(dir, 'store.db'))).size,
      closeMs: openingMs - closingMs,
      openMs: openedMs - openingMs,
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Only the appends are timed, not the making of the entries. */
async function fill(store: Store, arrivals: Arrivals, rows: number): Promise<number> {
  let spentNs = 0n;
  for (let done = 0; done < rows; done += groupEntries) {
    const group = arrivals.next(groupEntries);
    const startNs = process.hrtime.bigint();
    await store.append(group);
    spentNs += process.hrtime.bigint() - startNs;
  }
  return Math.round(rows / (Number(spentNs) / 1e9));
}

/** Entries as 50 kiosks make them: seq counts by kiosk, ids rise by time and are random behind it. */
class Arrivals {
  #number = 0;
  readonly #template = makeEntry(1, {
    identity: { enc: 'e'.repeat(43), ct: 'c'.repeat(200), key: 'k'.repeat(16) },
  });

  next(count: number): Arrival[] {
    return Array.from({ length: count }, () => this.#make(++this.#number));
  }

  #make(number: number): Arrival {
    const time = (0x19a1b2c3d4e + Math.floor(number / 10)).toString(16).padStart(12, '0');
    const mixed = (Math.imul(number, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
    const id = `${time.slice(0, 8)}-${time.slice(8)}-7${mixed.slice(0, 3)}-8${mixed.slice(3, 6)}-${number.toString(16).padStart(12, '0')}`;
    const kiosk = `gate-${number % 50}`;
    const seq = Math.floor(number / 50) + 1;
    const entry = { ...this.#template.entry, id, kiosk, seq };
    return { type: 'entry', entry: keysOf(entry), body: Buffer.from(JSON.stringify(entry)), receivedMs: number };
  }
}
