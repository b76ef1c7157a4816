/** Keeps track of the time in every boot of every kiosk, tells kiosks the time, and corrects that of their entries. */
import { z } from 'zod';
import type { Entry, KioskState } from '../shared/entry.ts';
import { describeError } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import type { TimeSync } from '../shared/system/time-sync.ts';
import { encodeTimeAnswer, readTimeQuestion } from '../shared/time-question.ts';
import { kioskIdSchema } from '../shared/topics.ts';
import { bootSchema, KioskBoots } from './kiosk-boots.ts';
import { type Anchor, SiteTime, syncedErrorMs } from './site-time.ts';
import { SparseLog } from './sparse-log.ts';
import { around, type Bounds, earliestMs, latestMs, momentAt, type Offset, offsetOf } from './time-bounds.ts';
import { correctTime, type TimeBasis, toleranceMs } from './time-correction.ts';

/** Where what is known outlasts the process. Losing it makes bounds wider, never wrong. */
export interface TimeMemory {
  /** What was saved last; null where there is nothing. */
  load(): string | null;
  /** Called often; need not be durable at once. */
  save(content: string): void;
}

/** Of these fields an entry's time follows. */
export type TimedEntry = Pick<Entry, 'at' | 'clock' | 'epoch' | 'seq'>;

/** What is known is saved at most this often, in milliseconds, except when a kiosk has booted. */
const saveEveryMs = 10 * 60_000;

/** Of each kind of trouble with each kiosk one line is logged in so many milliseconds. */
const logEveryMs = 60_000;

/** Of more kiosks nothing is remembered, and their entries have the bounds of their arrival. */
const kiosksMax = 10_000;

/** A gateway that knows the time less well, in milliseconds, helps no kiosk. */
const usefulErrorMsMax = 10_000;

const memorySchema = z.object({
  v: z.literal(1),
  anchor: z.object({ boot: z.string(), monotonicMs: z.number(), atMs: z.number() }).nullable(),
  kiosks: z.record(kioskIdSchema, z.array(bootSchema)),
});

export interface TimeKeeperParts {
  readonly clock: Clock;
  /** Of the gateway's own clock. */
  readonly sync: Pick<TimeSync, 'boot' | 'synced'>;
  readonly memory: TimeMemory;
  readonly log: Log;
}

/** All that the gateway knows of time. Nothing of it waits for a disk. */
export class TimeKeeper implements Disposable {
  readonly #clock: Clock;
  readonly #site: SiteTime;
  readonly #memory: TimeMemory;
  readonly #sparse: SparseLog;
  readonly #kiosks: Map<string, KioskBoots>;
  /** In which boot each connection was made. */
  readonly #sentIn = new WeakMap<object, string>();
  #savedMs = 0;
  #savedAnchor: Anchor | null;

  constructor({ clock, sync, memory, log }: TimeKeeperParts) {
    this.#clock = clock;
    this.#memory = memory;
    this.#savedMs = clock.monotonicMs();
    this.#sparse = new SparseLog(clock, log, logEveryMs);
    const { anchor, kiosks } = readMemory(memory, log);
    this.#site = new SiteTime(clock, sync, anchor);
    this.#kiosks = new Map(Object.entries(kiosks).map(([kiosk, boots]) => [kiosk, new KioskBoots(boots)]));
    this.#savedAnchor = anchor;
    this.#site.now();
    this.#saveWhereWorthIt(false);
  }

  /** The answer to the question `time`; null where it is none. */
  answer(payload: Uint8Array): Uint8Array | null {
    if (readTimeQuestion(payload) === null) return null;
    const { bestMs, fromMs, toMs, sure } = this.#site.now();
    const errorMs = Math.ceil((toMs - fromMs) / 2);
    const synced = sure && errorMs <= usefulErrorMsMax;
    return encodeTimeAnswer({ atMs: Math.round(bestMs), errorMs, synced });
  }

  /**
   * A kiosk says how it is. What it says it said after its connection was made and before now, so the monotonic time that
   * it names lies in between.
   * @param connection over which it says so; `openedMs` is the gateway's monotonic time when it was made.
   */
  noteState(kiosk: string, { clock: said }: KioskState, connection: { readonly openedMs: number }): void {
    if (said?.monotonicMs === undefined) return;
    const { boot, monotonicMs } = said;
    this.#sentIn.set(connection, boot);
    const now = this.#site.now();
    const then = this.#site.at(connection.openedMs);
    const heard = { bestMs: now.bestMs, fromMs: then.fromMs, toMs: now.toMs };
    const boots = this.#bootsOf(kiosk);
    const isNew = boots.learn(boot, offsetOf(heard, monotonicMs, now.sure));
    const claimed = claimOf(Date.parse(said.at), said);
    if (claimed !== null) this.#take(kiosk, boots, boot, offsetOf(claimed, monotonicMs, true));
    this.#saveWhereWorthIt(isNew);
  }

  /**
   * When an entry was made, as it arrives.
   * @param connection over which it arrives, as `noteState` was given it.
   */
  timeOf(connection: object, kiosk: string, entry: TimedEntry): Bounds {
    const statedMs = Date.parse(entry.at);
    const { boot, monotonicMs } = entry.clock;
    // What was written on paper has no clock but its writer's.
    if (boot === 'paper') return around(statedMs, 0);
    const arrived = this.#site.now();
    const sentIn = this.#sentIn.get(connection) ?? null;
    const boots = this.#bootsOf(kiosk);
    boots.note(boot, monotonicMs, entry, sentIn);
    const offset = boots.offset(boot);
    const byBoot = offset === null ? null : { ...momentAt(offset, monotonicMs), sure: offset.sure };
    const order = offset === null ? boots.order(boot, monotonicMs, entry, sentIn) : null;
    const claimed = claimOf(statedMs, entry.clock);
    const { bestMs, fromMs, toMs, basis } = correctTime({
      statedMs,
      statedErrorMs: claimed === null ? null : claimed.toMs - statedMs,
      byBoot,
      notBeforeMs: order?.fromMs ?? earliestMs,
      notAfterMs: order?.toMs ?? latestMs,
      arrived,
    });
    const time = { bestMs, fromMs, toMs };
    if (basis === 'kiosk' && claimed !== null && isNews(claimed, byBoot)) {
      boots.learn(boot, offsetOf(claimed, monotonicMs, true));
    }
    this.#tell(kiosk, basis, time);
    return time;
  }

  [Symbol.dispose](): void {
    if (this.#kiosks.size > 0 || this.#site.anchor !== null) this.#save();
  }

  /** What a kiosk says of its clock counts unless the gateway knows better. */
  #take(kiosk: string, boots: KioskBoots, boot: string, claimed: Offset): void {
    const known = boots.offset(boot);
    const isPossible =
      known?.sure !== true ||
      (claimed.fromMs <= known.toMs + toleranceMs && claimed.toMs >= known.fromMs - toleranceMs);
    if (isPossible) boots.learn(boot, claimed);
    else this.#tell(kiosk, 'disputed', momentAt(claimed, claimed.atMs));
  }

  #bootsOf(kiosk: string): KioskBoots {
    const boots = this.#kiosks.get(kiosk) ?? new KioskBoots();
    if (this.#kiosks.size < kiosksMax) this.#kiosks.set(kiosk, boots);
    return boots;
  }

  #tell(kiosk: string, basis: TimeBasis, { fromMs, toMs }: Bounds): void {
    if (basis === 'kiosk' || basis === 'boot') return;
    const fields = { kiosk, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
    this.#sparse.write('warn', basis === 'order' ? 'time.uncertain' : 'time.disputed', kiosk, fields);
  }

  /** A boot that is new is worth a write, one of the gateway's in which it has learnt the time too; else it can wait. */
  #saveWhereWorthIt(isNew: boolean): void {
    const hasLearnt = this.#site.anchor?.boot !== this.#savedAnchor?.boot;
    if (isNew || hasLearnt || this.#clock.monotonicMs() - this.#savedMs >= saveEveryMs) this.#save();
  }

  #save(): void {
    this.#savedMs = this.#clock.monotonicMs();
    this.#savedAnchor = this.#site.anchor;
    const kiosks = Object.fromEntries(this.#kiosks);
    this.#memory.save(`${JSON.stringify({ v: 1, anchor: this.#site.anchor, kiosks })}\n`);
  }
}

/** Whether it tells much more of a boot than is known: each entry of each kiosk comes by here. */
function isNews(claimed: Bounds, known: (Bounds & { readonly sure: boolean }) | null): boolean {
  return known?.sure !== true || known.toMs - known.fromMs > 2 * (claimed.toMs - claimed.fromMs);
}

/** What a kiosk that vouches for its time says; null for one that does not. */
function claimOf(
  ms: number,
  clock: { synced: boolean; source?: string | undefined; errorMs?: number | undefined },
): Bounds | null {
  if (clock.synced) return around(ms, syncedErrorMs);
  if (clock.source === 'gateway' && clock.errorMs !== undefined) return around(ms, clock.errorMs);
  return null;
}

function readMemory(
  memory: TimeMemory,
  log: Log,
): { anchor: Anchor | null; kiosks: z.infer<typeof memorySchema>['kiosks'] } {
  try {
    const content = memory.load();
    if (content !== null) return memorySchema.parse(JSON.parse(content));
  } catch (error) {
    log.warn('time.unreadable', { error: describeError(error) });
  }
  return { anchor: null, kiosks: {} };
}
