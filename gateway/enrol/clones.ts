/**
 * Notices when two machines use one kiosk's identity: a disk that was copied, or an old image of it that came back. It is
 * told to people, and both machines go on being served: what they send under one place in an outbox meets in quarantine.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { SparseLog } from '../sparse-log.ts';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';
import { readRevoked } from '../trust/enrolled.ts';
import { trustFiles } from '../trust/trust-files.ts';

/** The file in the gateway's data directory. */
const fileName = 'clones.json';

/**
 * A process that was heard before, and speaks again after another of the same kiosk has spoken, has come back. So often
 * within `windowMs` milliseconds makes an alarm. Once could be a last word that was held up on its way until its process
 * had been started again, and then the next word of that one is a second time.
 */
export const returnsMin = 3;
export const windowMs = 3_600_000;

/** So many processes of one kiosk are told apart; beyond it the one that was silent longest is forgotten. */
const instancesMax = 8;

/** Beyond so many kiosks no more are watched. */
const kiosksMax = 10_000;

/** An alarm that lasts is logged, and written down, this often, in milliseconds. */
const repeatMs = 60_000;

/** What a person can do about it. */
export function cloneRemedy(kiosk: string): string {
  return `Find both machines. Run "revoke ${kiosk}" on the gateway, "reset" on each machine, and invite each anew.`;
}

/** How it showed: two processes speak by turns, or two entries bear one place in one outbox. */
const signs = ['instances', 'entries'] as const;

const cloneSchema = z.looseObject({ sign: z.enum(signs), since: z.iso.datetime(), last: z.iso.datetime() });
const clonesSchema = z.record(kioskIdSchema, cloneSchema);

/** An alarm: how it showed last, when it began, and when it was seen last. */
export type Clone = z.infer<typeof cloneSchema>;

/** The alarms that the serving gateway wrote down; none where it wrote nothing that can be read. */
async function readClones(dataDir: string): Promise<ReadonlyMap<string, Clone>> {
  try {
    const parsed = clonesSchema.safeParse(JSON.parse(await readFile(join(dataDir, fileName), 'utf8')));
    return new Map(Object.entries(parsed.data ?? {}));
  } catch {
    return new Map();
  }
}

/** Those that still hold: a kiosk that was revoked since is nobody any more. Throws what the system says. */
export async function currentClones(dataDir: string): Promise<ReadonlyMap<string, Clone>> {
  const revoked = await readRevoked(join(dataDir, 'trust', trustFiles.revoked));
  const isOver = (kiosk: string, { last }: Clone) => revoked.some((one) => one.kiosk === kiosk && one.at >= last);
  return new Map([...(await readClones(dataDir))].filter(([kiosk, clone]) => !isOver(kiosk, clone)));
}

/** What was heard of one kiosk. */
interface Voices {
  /** The process that spoke last is the last of them. */
  instances: string[];
  /** When one came back, by the monotonic clock. */
  returnsMs: number[];
}

/** Watches for it while the gateway serves. A disk that fails costs the memory of an alarm after a restart, so it is only logged. */
export class CloneWatch implements AsyncDisposable {
  readonly #dataDir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sparse: SparseLog;
  readonly #voices = new Map<string, Voices>();
  readonly #clones: Map<string, Clone>;
  readonly #writtenMs = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(dataDir: string, before: ReadonlyMap<string, Clone>, clock: Clock, log: Log) {
    this.#dataDir = dataDir;
    this.#clock = clock;
    this.#log = log;
    this.#sparse = new SparseLog(clock, log, repeatMs);
    this.#clones = new Map(before);
  }

  static async open(dataDir: string, { clock, log }: { clock: Clock; log: Log }): Promise<CloneWatch> {
    return new CloneWatch(dataDir, await readClones(dataDir), clock, log);
  }

  /** A process of the kiosk has spoken. @param instance another for each process; older kiosks say none. */
  heard(kiosk: string, instance: string | undefined): void {
    if (instance === undefined || (!this.#voices.has(kiosk) && this.#voices.size >= kiosksMax)) return;
    const voices = this.#voices.get(kiosk) ?? { instances: [], returnsMs: [] };
    this.#voices.set(kiosk, voices);
    const { instances } = voices;
    if (instances.at(-1) === instance) return;
    const nowMs = this.#clock.monotonicMs();
    if (instances.includes(instance)) {
      voices.returnsMs = [...voices.returnsMs, nowMs].filter((ms) => nowMs - ms <= windowMs).slice(-returnsMin);
      if (voices.returnsMs.length >= returnsMin) this.#raise(kiosk, 'instances');
    }
    voices.instances = [...instances.filter((one) => one !== instance), instance].slice(-instancesMax);
  }

  /** Two of the kiosk's entries bear one place in one outbox under different ids. */
  reused(kiosk: string): void {
    this.#raise(kiosk, 'entries');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
  }

  #raise(kiosk: string, sign: Clone['sign']): void {
    this.#sparse.write('error', 'kiosk.cloned', `${kiosk} ${sign}`, { kiosk, sign, remedy: cloneRemedy(kiosk) });
    const last = new Date(this.#clock.nowMs()).toISOString();
    const nowMs = this.#clock.monotonicMs();
    const isNews = !this.#clones.has(kiosk) || nowMs - (this.#writtenMs.get(kiosk) ?? -repeatMs) >= repeatMs;
    this.#clones.set(kiosk, { sign, since: this.#clones.get(kiosk)?.since ?? last, last });
    if (!isNews) return;
    this.#writtenMs.set(kiosk, nowMs);
    this.#write();
  }

  #write(): void {
    const content = `${JSON.stringify(Object.fromEntries(this.#clones))}\n`;
    this.#writing = this.#writing
      .then(() => replaceFile(this.#dataDir, { name: fileName, content, mode: publicFileMode }))
      .catch((error: unknown) => this.#log.warn('kiosk.clones-unwritten', { error: describeError(error) }));
  }
}
