/** What the gateway knows of the boots of one kiosk: when each was, and which came before which. Touches nothing. */
import { z } from 'zod';
import { driftMs } from '../shared/drift.ts';
import { earliestMs, latestMs, momentAt, narrowed, type Offset } from './time-bounds.ts';

/** Of one kiosk so many boots are remembered; the oldest goes first. More than it has entries under way, so that none of those is forgotten. */
export const bootsPerKioskMax = 32;

const offsetSchema = z.object({
  bestMs: z.number(),
  fromMs: z.number(),
  toMs: z.number(),
  atMs: z.number(),
  sure: z.boolean(),
});

export const bootSchema = z.object({
  boot: z.string(),
  /** Null while nobody has said what time it was in that boot. */
  offset: offsetSchema.nullable(),
  /** It did not begin before, milliseconds since the Unix epoch. */
  notBeforeMs: z.number(),
  /** The latest monotonic time that was heard of it. */
  lastMs: z.number(),
  /** The first of its entries that arrived, and of which outbox; null before one has. */
  first: z.object({ epoch: z.string(), seq: z.number() }).nullable(),
});
type Boot = z.infer<typeof bootSchema>;

/** An entry's place in the count of its outbox. */
export interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/**
 * The boots of one kiosk. That one was before another is known from `seq` alone: entries are numbered in the order in
 * which they are made. And from what is sent in a boot: it was made in that boot or before.
 */
export class KioskBoots {
  readonly #boots: Map<string, Boot>;

  constructor(boots: readonly Boot[] = []) {
    this.#boots = new Map(boots.map((known) => [known.boot, known]));
  }

  /** To be remembered. */
  toJSON(): readonly Boot[] {
    return [...this.#boots.values()];
  }

  /** What is known of the time in a boot; null where nothing is. */
  offset(boot: string): Offset | null {
    return this.#boots.get(boot)?.offset ?? null;
  }

  /** Somebody has said what time it was in a boot. Whether that boot was not known before. */
  learn(boot: string, offset: Offset): boolean {
    const isNew = !this.#boots.has(boot);
    const known = this.#find(boot, boot, () => earliestMs);
    known.offset = narrowed(known.offset, offset);
    known.lastMs = Math.max(known.lastMs, offset.atMs);
    return isNew;
  }

  /** An entry of a boot arrives, sent in the boot `sentIn` where that is known. */
  note(boot: string, monotonicMs: number, place: Place, sentIn: string | null): void {
    const known = this.#find(boot, sentIn, () => this.#lastSignBefore(place));
    known.lastMs = Math.max(known.lastMs, monotonicMs);
    const { epoch, seq } = place;
    if (known.first?.epoch !== epoch || known.first.seq > seq) known.first = { epoch, seq };
  }

  /** Between which times an entry was made, going by the order of boots alone. It must have been noted. */
  order(boot: string, monotonicMs: number, place: Place, sentIn: string | null): { fromMs: number; toMs: number } {
    const known = this.#boots.get(boot);
    const beganMs = known?.notBeforeMs ?? earliestMs;
    const fromMs = beganMs <= earliestMs ? earliestMs : beganMs + monotonicMs - driftMs(monotonicMs);
    let toMs = latestMs;
    for (const other of this.#boots.values()) {
      if (other.boot === boot || other.offset?.sure !== true) continue;
      const isLater = other.boot === sentIn || (other.first?.epoch === place.epoch && other.first.seq > place.seq);
      if (isLater) toMs = Math.min(toMs, momentAt(other.offset, 0).toMs);
    }
    return { fromMs, toMs };
  }

  /** The last time at which a boot gave a sign of life that certainly was before the one that made an entry. */
  #lastSignBefore({ epoch, seq }: Place): number {
    const ends = [...this.#boots.values()]
      .filter(({ first }) => first?.epoch === epoch && first.seq < seq)
      .map(({ offset, notBeforeMs, lastMs }) => {
        const byOrderMs = notBeforeMs <= earliestMs ? earliestMs : notBeforeMs + lastMs - driftMs(lastMs);
        return offset?.sure === true ? Math.max(momentAt(offset, lastMs).fromMs, byOrderMs) : byOrderMs;
      });
    return Math.max(earliestMs, ...ends);
  }

  #find(boot: string, keep: string | null, notBeforeMs: () => number): Boot {
    const known = this.#boots.get(boot);
    if (known !== undefined) return known;
    const made: Boot = { boot, offset: null, notBeforeMs: notBeforeMs(), lastMs: 0, first: null };
    if (this.#boots.size >= bootsPerKioskMax) {
      const oldest = [...this.#boots.keys()].find((id) => id !== keep);
      if (oldest !== undefined) this.#boots.delete(oldest);
    }
    this.#boots.set(boot, made);
    return made;
  }
}
