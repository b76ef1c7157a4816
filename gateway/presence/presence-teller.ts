/** Follows the stored entries and tells kiosks who is inside, where the site wants passback or a limit; else does nothing. */
import { isPassage } from '../../shared/control-use.ts';
import type { Entry, KioskState } from '../../shared/entry.ts';
import { describeError } from '../../shared/fault.ts';
import type { Clock, EntryTime, Log } from '../../shared/ports.ts';
import {
  encodePresence,
  encodeSnapshot,
  passagesPerChunk,
  snapshotList,
  type ToldPassage,
  toldPassagesMax,
} from '../../shared/presence.ts';
import { listChunkTopic, presenceTopic } from '../../shared/topics.ts';
import type { Announcements } from '../announcements.ts';
import { keepLooking } from '../looking.ts';
import type { SiteRulesSource } from '../site-rules/tellable-rules.ts';
import { SparseLog } from '../sparse-log.ts';
import type { Store, StoredEntry } from '../store/store.ts';
import { KioskWatch } from './kiosk-watch.ts';
import { Marks } from './marks.ts';
import { lastResetMs } from './resets.ts';
import { type Passing, SitePresence, stayMsMax } from './site-presence.ts';

/** What is new is told this often, in milliseconds. */
const tellEveryMsDefault = 500;

/** So many entries are read at once. */
const entriesPerRead = 500;

/** The same trouble is logged this often, in milliseconds. */
const repeatLogMs = 60_000;

export interface PresenceOptions {
  readonly dataDir: string;
  readonly store: Pick<Store, 'entriesAfter' | 'lastPosition' | 'onAppended'>;
  readonly site: SiteRulesSource;
  readonly announcements: Pick<Announcements, 'retain'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly tellEveryMs?: number;
}

export interface PresenceTeller extends AsyncDisposable {
  /** A kiosk has said how it is, or has gone. */
  noteState(kiosk: string, state: KioskState): void;
}

/** Starts to look, and to tell where the site wants it, until disposed. Trouble is logged and tried again. */
export function tellPresence(options: PresenceOptions): PresenceTeller {
  const { clock, log, site, tellEveryMs = tellEveryMsDefault } = options;
  const sparse = new SparseLog(clock, log, repeatLogMs);
  const watch = new KioskWatch();
  let teller: Telling | null = null;
  let chunksTold = 0;
  const look = async (signal: AbortSignal) => {
    const wanted = wantedOf(site, clock.nowMs());
    if (wanted === null && teller !== null) {
      await teller.end();
      teller = null;
    } else if (wanted !== null) {
      teller ??= await Telling.begin(options, watch, chunksTold);
      await teller.look(wanted, signal);
      chunksTold = teller.chunksTold;
    }
  };
  const looking = keepLooking(look, {
    everyMs: tellEveryMs,
    first: 'now',
    clock,
    onFailure: (error) => sparse.write('error', 'presence.not-told', '', { error: describeError(error) }),
  });
  return {
    noteState: (kiosk, state) => watch.note(kiosk, state, clock.monotonicMs()),
    async [Symbol.asyncDispose]() {
      await looking[Symbol.asyncDispose]();
      teller?.[Symbol.dispose]();
    },
  };
}

/** What the site wants to be told. */
interface Wanted {
  /** Whether kiosks must know who passes, and not only how many are inside. */
  readonly passages: boolean;
  /** When everybody was last said to have left. */
  readonly resetMs: number;
}

/** Null: nothing. */
function wantedOf(site: SiteRulesSource, nowMs: number): Wanted | null {
  const rules = site.read(nowMs);
  if (rules === null) return null;
  const { passback, occupancy } = rules.settings;
  const passages = [passback.everywhere, ...Object.values(passback.gates)].some((strictness) => strictness !== 'off');
  if (!passages && occupancy === null) return null;
  return { passages, resetMs: lastResetMs(rules.resets, nowMs) };
}

/** The telling from its beginning to its end. */
class Telling implements Disposable {
  readonly #options: PresenceOptions;
  readonly #watch: KioskWatch;
  readonly #presence = new SitePresence();
  readonly #marks: Marks;
  readonly #startedMs: number;
  readonly #subscription: Disposable;
  #position: number;
  #hasNew = true;
  #isCaughtUp = false;
  #newestMs = 0;
  /** Since the snapshot. */
  #passages: ToldPassage[] = [];
  #generation: number;
  #resetMs = 0;
  #hasSnapshot = false;
  #told: Buffer | null = null;
  /** How many chunks of the snapshot are retained. */
  chunksTold: number;

  static async begin(options: PresenceOptions, watch: KioskWatch, chunksTold: number): Promise<Telling> {
    const marks = await Marks.open(options.dataDir);
    const position = marks.startAt(options.clock.nowMs()) ?? (await options.store.lastPosition());
    options.log.info('presence.begun', { position });
    return new Telling(options, watch, marks, position, chunksTold);
  }

  private constructor(options: PresenceOptions, watch: KioskWatch, marks: Marks, position: number, chunksTold: number) {
    this.#options = options;
    this.#watch = watch;
    this.#marks = marks;
    this.#position = position;
    this.chunksTold = chunksTold;
    this.#startedMs = options.clock.nowMs();
    // Not that of before a restart.
    this.#generation = Math.floor(this.#startedMs / 1000) % 2 ** 32;
    this.#subscription = options.store.onAppended(() => {
      this.#hasNew = true;
    });
  }

  /** Reads what is new and tells it. */
  async look(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (this.#hasNew) await this.#follow(signal);
    if (signal.aborted) return;
    this.#presence.forgetBefore(Math.max(wanted.resetMs, clock.nowMs() - stayMsMax));
    await this.#marks.note(this.#position, clock.nowMs());
    await this.#tell(wanted);
  }

  /** The site wants it no more: kiosks find nothing, and whoever begins again begins with nobody inside. */
  async end(): Promise<void> {
    const { announcements, log } = this.#options;
    this[Symbol.dispose]();
    await this.#marks.forget();
    await announcements.retain(presenceTopic, new Uint8Array(0));
    await this.#clearChunks(0);
    log.info('presence.ended');
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    this.#hasNew = false;
    const { store } = this.#options;
    try {
      for (;;) {
        const page = await store.entriesAfter(this.#position, entriesPerRead);
        for (const entry of page) this.#take(entry);
        this.#position = page.at(-1)?.position ?? this.#position;
        if (page.length < entriesPerRead || signal.aborted) break;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      this.#isCaughtUp = true;
    } catch (error) {
      this.#hasNew = true;
      throw error;
    }
  }

  #take(stored: StoredEntry): void {
    const { clock } = this.#options;
    // The intake has validated what the store holds.
    const entry = JSON.parse(stored.body) as Entry;
    // Without a subject it is a visitor whom a guard let pass, or nobody: a card of the guard's own.
    if (entry.outcome !== 'admitted' || (entry.subject === null && entry.method !== 'manual')) return;
    if (entry.method !== 'backfill') this.#watch.seen(entry.kiosk, clock.monotonicMs());
    // A guard has set a gate: nobody passed.
    if (!isPassage(entry)) return;
    const cameMs = this.#isCaughtUp ? null : this.#newestMs + 1;
    const passing = passingOf(entry, stored.corrected ?? null, clock.nowMs(), cameMs);
    if (passing !== null) this.#newestMs = Math.max(this.#newestMs, passing.atMs);
    const told = passing && this.#presence.take(passing);
    if (told) this.#passages.push(told);
  }

  async #tell({ passages: isNamed, resetMs }: Wanted): Promise<void> {
    const { announcements, clock } = this.#options;
    if (!isNamed) this.#passages = [];
    const isStale = !this.#hasSnapshot || resetMs !== this.#resetMs || this.#passages.length > toldPassagesMax;
    if (isNamed && isStale) await this.#snapshot();
    this.#hasSnapshot = isNamed;
    this.#resetMs = resetMs;
    const notice = {
      generation: this.#generation,
      isComplete: this.#watch.isComplete(clock.monotonicMs()),
      sinceMs: resetMs,
      inside: this.#presence.inside,
      passages: this.#passages,
    };
    const payload = encodePresence(notice);
    if (this.#told?.equals(payload)) return;
    await announcements.retain(presenceTopic, payload);
    this.#told = Buffer.from(payload);
  }

  /** Everybody's newest passage, as chunks of a new generation; the passages begin anew behind it. */
  async #snapshot(): Promise<void> {
    const { announcements } = this.#options;
    const generation = (this.#generation + 1) % 2 ** 32;
    let chunk = 0;
    let passages: ToldPassage[] = [];
    const retain = async () => {
      await announcements.retain(listChunkTopic(snapshotList, chunk), encodeSnapshot(generation, passages));
      chunk++;
      passages = [];
    };
    for (const passage of this.#presence.passages()) {
      passages.push(passage);
      if (passages.length === passagesPerChunk) await retain();
    }
    await retain();
    this.#generation = generation;
    this.#passages = [];
    await this.#clearChunks(chunk);
  }

  async #clearChunks(from: number): Promise<void> {
    const { announcements } = this.#options;
    for (let chunk = from; chunk < this.chunksTold; chunk++) {
      await announcements.retain(listChunkTopic(snapshotList, chunk), new Uint8Array(0));
    }
    this.chunksTold = from;
  }
}

/**
 * When it was: as the gateway knows better, or by the kiosk's clock where that is trusted, else when it came. A clock that
 * is behind must not make a way out older than the way in. @param cameMs when that was; null: now. What is read again at a
 * start came right after what came before it.
 */
function passingOf(
  { subject, direction, at, clock }: Entry,
  corrected: EntryTime | null,
  nowMs: number,
  cameMs: number | null,
): Passing | null {
  const isTrusted = corrected !== null || clock.synced || clock.source === 'gateway';
  const saidMs = isTrusted ? Math.min(corrected?.bestMs ?? Date.parse(at), nowMs) : (cameMs ?? nowMs);
  return saidMs > nowMs - stayMsMax ? { subject, direction, atMs: saidMs } : null;
}
