/** Which gates guards have closed, as kiosks say, for whoever asks: a file beside the store, written when one changes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { KioskState } from '../../shared/entry.ts';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log, Timer } from '../../shared/ports.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';

/** The file in the gateway's data directory. */
const fileName = 'gates.json';

/** What has changed is written after so long, in milliseconds, with all that has changed meanwhile. */
export const writeAfterMs = 2_000;

/** Beyond so many kiosks no more are remembered. */
const kiosksMax = 10_000;

/** Of a gate. */
export type GateState = 'open' | 'closed';

const gatesSchema = z.record(kioskIdSchema, z.enum(['open', 'closed']));

/** By kiosk, what the serving gateway wrote last; nothing where it wrote nothing that can be read. */
export async function readGateStates(dataDir: string): Promise<ReadonlyMap<string, GateState>> {
  try {
    const parsed = gatesSchema.safeParse(JSON.parse(await readFile(join(dataDir, fileName), 'utf8')));
    return new Map(Object.entries(parsed.data ?? {}));
  } catch {
    return new Map();
  }
}

/** Remembers the last word of each kiosk. A disk that fails costs the answer to a question, so it is only logged. */
export class GateStates implements AsyncDisposable {
  readonly #dataDir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gates: Map<string, GateState>;
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param before what was remembered at the last start. */
  constructor(dataDir: string, before: ReadonlyMap<string, GateState>, clock: Clock, log: Log) {
    this.#dataDir = dataDir;
    this.#gates = new Map(before);
    this.#clock = clock;
    this.#log = log;
  }

  /** A kiosk has said how it is. One that has gone keeps what it said; one that is here and does not say it is unknown. */
  note(kiosk: string, { online, control }: Pick<KioskState, 'online' | 'control'>): void {
    if (!online) return;
    const before = this.#gates.get(kiosk);
    const gate = control === undefined ? undefined : control.closed ? 'closed' : 'open';
    if (gate === before) return;
    if (gate === undefined) this.#gates.delete(kiosk);
    else if (before !== undefined || this.#gates.size < kiosksMax) this.#gates.set(kiosk, gate);
    else return;
    this.#timer ??= this.#clock.after(writeAfterMs, () => this.#write());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) this.#write();
    await this.#writing;
  }

  #write(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    const content = `${JSON.stringify(Object.fromEntries(this.#gates))}\n`;
    this.#writing = this.#writing
      .then(() => replaceFile(this.#dataDir, { name: fileName, content, mode: publicFileMode }))
      .catch((error: unknown) => this.#log.warn('kiosk.gates-unwritten', { error: describeError(error) }));
  }
}
