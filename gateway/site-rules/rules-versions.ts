/** Which version of the rules each kiosk says it holds, for whoever asks: a file beside the store, written now and then. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log, Timer } from '../../shared/ports.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';

/** The file in the gateway's data directory. */
const fileName = 'rules-held.json';

/** What has changed is written after so long, in milliseconds, with all that has changed meanwhile. */
export const writeAfterMs = 2_000;

/** Beyond so many kiosks no more are remembered. */
const kiosksMax = 10_000;

const versionSchema = z.string().max(64);
const heldSchema = z.object({
  told: versionSchema.nullable(),
  kiosks: z.record(kioskIdSchema, versionSchema.nullable()),
});

/** What is known of versions. */
export interface HeldVersions {
  /** What the gateway told last; null: nothing. */
  readonly told: string | null;
  /** By kiosk; null: it holds none whole. */
  readonly kiosks: ReadonlyMap<string, string | null>;
}

/** What the serving gateway wrote last; nothing where it wrote nothing that can be read. */
export async function readHeldVersions(dataDir: string): Promise<HeldVersions> {
  try {
    const { told, kiosks } = heldSchema.parse(JSON.parse(await readFile(join(dataDir, fileName), 'utf8')));
    return { told, kiosks: new Map(Object.entries(kiosks)) };
  } catch {
    return { told: null, kiosks: new Map() };
  }
}

/** Remembers versions. A disk that fails costs the answer to a question, so it is only logged. */
export class RulesVersions implements AsyncDisposable {
  readonly #dataDir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #kiosks: Map<string, string | null>;
  #told: string | null;
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param before what was remembered at the last start. */
  constructor(dataDir: string, before: HeldVersions, clock: Clock, log: Log) {
    this.#dataDir = dataDir;
    this.#told = before.told;
    this.#kiosks = new Map(before.kiosks);
    this.#clock = clock;
    this.#log = log;
  }

  /** The gateway tells another version. */
  told(version: string): void {
    if (version === this.#told) return;
    this.#told = version;
    this.#writeSoon();
  }

  /** A kiosk has said which one it holds. */
  held(kiosk: string, version: string | null): void {
    if (!this.#kiosks.has(kiosk) && this.#kiosks.size >= kiosksMax) return;
    if (this.#kiosks.get(kiosk) === version) return;
    this.#kiosks.set(kiosk, version);
    this.#writeSoon();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) this.#write();
    await this.#writing;
  }

  #writeSoon(): void {
    this.#timer ??= this.#clock.after(writeAfterMs, () => this.#write());
  }

  #write(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    const content = `${JSON.stringify({ told: this.#told, kiosks: Object.fromEntries(this.#kiosks) })}\n`;
    this.#writing = this.#writing
      .then(() => replaceFile(this.#dataDir, { name: fileName, content, mode: publicFileMode }))
      .catch((error: unknown) => this.#log.warn('rules.versions-unwritten', { error: describeError(error) }));
  }
}
