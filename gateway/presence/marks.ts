/**
 * Where in the store the last stay began, so that after a restart those inside are counted again from there. Only places
 * and times are kept: nobody's passage lies on the disk a second time.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';
import { stayMsMax } from './site-presence.ts';

const fileName = 'presence.json';

/** One mark an hour is enough, in milliseconds. */
const everyMs = 3_600_000;

const marksSchema = z.object({
  v: z.literal(1),
  marks: z.array(z.object({ ms: z.number(), position: z.int().min(0) })).max(100),
});
type Mark = z.infer<typeof marksSchema>['marks'][number];

/** The marks of a data directory. */
export class Marks {
  readonly #dataDir: string;
  #marks: readonly Mark[];

  private constructor(dataDir: string, marks: readonly Mark[]) {
    this.#dataDir = dataDir;
    this.#marks = marks;
  }

  /** What was marked; nothing where nothing can be read. */
  static async open(dataDir: string): Promise<Marks> {
    try {
      const parsed = marksSchema.safeParse(JSON.parse(await readFile(join(dataDir, fileName), 'utf8')));
      return new Marks(dataDir, parsed.data?.marks ?? []);
    } catch {
      return new Marks(dataDir, []);
    }
  }

  /** The newest place that is older than a stay, or the oldest; null where there is none. */
  startAt(nowMs: number): number | null {
    const old = this.#marks.findLast(({ ms }) => ms <= nowMs - stayMsMax);
    return (old ?? this.#marks[0])?.position ?? null;
  }

  /** Marks a place now and then. Throws what the system says. */
  async note(position: number, nowMs: number): Promise<void> {
    const last = this.#marks.at(-1);
    if (last !== undefined && nowMs - last.ms < everyMs && nowMs >= last.ms) return;
    const kept = this.#marks.filter(({ ms }) => ms <= nowMs);
    const first = Math.max(
      0,
      kept.findLastIndex(({ ms }) => ms <= nowMs - stayMsMax),
    );
    this.#marks = [...kept.slice(first), { ms: nowMs, position }];
    const content = `${JSON.stringify({ v: 1, marks: this.#marks })}\n`;
    await replaceFile(this.#dataDir, { name: fileName, content, mode: publicFileMode });
  }

  /** Forgets all: whoever asks next begins with nobody inside. Throws what the system says. */
  async forget(): Promise<void> {
    this.#marks = [];
    await rm(join(this.#dataDir, fileName), { force: true });
  }
}
