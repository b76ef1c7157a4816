/**
 * From packets to what is kept. A packet's promise resolves, and so its PUBACK may go out, only after the commit that
 * holds it. What arrives in one turn of the event loop, or while a commit runs, is kept in one commit.
 */
import { strict as assert } from 'node:assert';
import { decodeEntry, type Entry } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import type { Clock, EntryTime, Log } from '../shared/ports.ts';
import { readClaimedPlace } from './claimed-place.ts';
import { SparseLog } from './sparse-log.ts';
import type { Arrival, EntryKeys, Store, Verdict } from './store/store.ts';
import { around } from './time-bounds.ts';

export interface IntakeLimits {
  /** A commit holds at most this many packets; more wait for the next. */
  readonly groupEntriesMax: number;
  /** More packets than this never wait, the commit under way included. One that would be too many is refused. */
  readonly pendingEntriesMax: number;
  /** The same for their bytes. */
  readonly pendingBytesMax: number;
}

/** The limits unless told otherwise. A waiting packet takes some 4 KiB with its parsed form, so these bound it to about 80 MiB. */
export const defaultIntakeLimits: IntakeLimits = {
  groupEntriesMax: 1000,
  pendingEntriesMax: 20_000,
  pendingBytesMax: 32 * 1024 * 1024,
};

/** What has happened since the start. */
export interface IntakeCounts {
  readonly stored: number;
  readonly duplicate: number;
  readonly quarantined: number;
  /** Not kept, because the kiosk's part of the quarantine is full. */
  readonly unkept: number;
  /** Commits that succeeded. */
  readonly groups: number;
  /** Commits that failed. */
  readonly failures: number;
}

export interface Intake extends AsyncDisposable {
  /**
   * Takes a packet; resolves when it is on disk. Rejects with a Fault when it is not, and then every later packet of the
   * same sender is rejected as well, so that nothing overtakes what failed: the broker ends the connection, the kiosk
   * sends again in order on the next. The Fault is the store's, INTAKE_OVERLOADED, INTAKE_STOPPING or QUARANTINE_FULL.
   * What the sender had taken before is settled first: were the connection to end without those PUBACKs, a kiosk that
   * sends more at once than fits would get nowhere, however often it comes back.
   * @param sender stands for one connection.
   * @param kiosk the kiosk that the connection's certificate names.
   */
  accept(sender: object, kiosk: string, payload: Uint8Array): Promise<void>;

  readonly counts: IntakeCounts;

  /** Takes no more, and resolves when all that was taken is on disk or has been rejected. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Of each kind of event about each kiosk at most one line is logged in so many milliseconds. */
const logEveryMs = 10_000;

/** A packet that waits for its commit. */
interface Waiting {
  readonly sender: object;
  readonly kiosk: string;
  readonly arrival: Arrival;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (fault: unknown) => void;
}

/** Makes an intake that keeps packets in `store`. The store must outlive it. */
export function createIntake(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<IntakeLimits>;
  /** Says when an entry was made that arrives over a connection; its kiosk is believed unless given. */
  readonly timeOf?: TimeOf;
  /** Told of a kiosk that sends two entries under one place in one outbox. */
  readonly onReused?: (kiosk: string) => void;
}): Intake {
  return new GroupingIntake(options, { ...defaultIntakeLimits, ...options.limits });
}

/** When an entry was made. @param sender the connection over which it arrives. */
export type TimeOf = (sender: object, kiosk: string, entry: Entry) => EntryTime;

/** What a packet is: an entry of the kiosk that sent it, or something for the quarantine. */
export function readArrival(
  kiosk: string,
  payload: Uint8Array,
  receivedMs: number,
  timeOf: (entry: Entry) => EntryTime | undefined = () => undefined,
): Arrival {
  const decoded = decodeEntry(payload);
  if (decoded.ok && decoded.entry.kiosk === kiosk) {
    const keys = keysOf(decoded.entry, timeOf(decoded.entry));
    return { type: 'entry', entry: keys, body: payload, receivedMs };
  }
  const { reason, detail } = decoded.ok
    ? ({ reason: 'kiosk-mismatch', detail: `the entry names ${decoded.entry.kiosk}` } as const)
    : decoded.problem;
  const claimed = readClaimedPlace(kiosk, payload);
  return { type: 'unreadable', quarantined: { kiosk, reason, detail, raw: payload, claimed, receivedMs } };
}

/** What the store finds an entry by. @param time when it was made; its kiosk is believed unless given. */
export function keysOf(entry: Entry, time: EntryTime = around(Date.parse(entry.at), 0)): EntryKeys {
  const { id, kiosk, epoch, seq, at, subject, gate, direction, outcome, code } = entry;
  return { id, kiosk, epoch, seq, at, subject, gate, direction, outcome, kind: code.kind, time };
}

interface IntakeParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeOf?: TimeOf;
  readonly onReused?: (kiosk: string) => void;
}

class GroupingIntake implements Intake {
  readonly #timeOf: TimeOf | undefined;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sparse: SparseLog;
  readonly #limits: IntakeLimits;
  readonly #onReused: (kiosk: string) => void;
  readonly #counts = { stored: 0, duplicate: 0, quarantined: 0, unkept: 0, groups: 0, failures: 0 };
  /** Senders that had a packet rejected. */
  readonly #failed = new WeakMap<object, unknown>();
  /** The newest packet of each sender. */
  readonly #newest = new WeakMap<object, Promise<void>>();
  #queue: Waiting[] = [];
  /** Packets and bytes that wait, in the queue or in the commit under way. */
  #pending = 0;
  #pendingBytes = 0;
  #flushing = false;
  #stopping = false;
  #failuresInARow = 0;
  readonly #drained = Promise.withResolvers<void>();

  constructor({ store, clock, log, timeOf, onReused = () => {} }: IntakeParts, limits: IntakeLimits) {
    this.#timeOf = timeOf;
    this.#store = store;
    this.#onReused = onReused;
    this.#clock = clock;
    this.#log = log;
    this.#sparse = new SparseLog(clock, log, logEveryMs);
    this.#limits = limits;
  }

  get counts(): IntakeCounts {
    return { ...this.#counts };
  }

  accept(sender: object, kiosk: string, payload: Uint8Array): Promise<void> {
    const refusal = this.#refusal(sender, kiosk, payload.byteLength);
    if (refusal !== null) {
      this.#failed.set(sender, refusal);
      return this.#refuse(sender, refusal);
    }
    const timeOf = this.#timeOf;
    const arrival = readArrival(
      kiosk,
      payload,
      this.#clock.nowMs(),
      timeOf && ((entry) => timeOf(sender, kiosk, entry)),
    );
    this.#pending++;
    this.#pendingBytes += payload.byteLength;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push({ sender, kiosk, arrival, bytes: payload.byteLength, resolve, reject });
    this.#newest.set(sender, promise);
    this.#flushSoon();
    return promise;
  }

  async #refuse(sender: object, refusal: unknown): Promise<never> {
    await Promise.allSettled([this.#newest.get(sender)]);
    throw refusal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    if (this.#pending > 0) await this.#drained.promise;
  }

  /** Why a packet cannot be taken, or null. */
  #refusal(sender: object, kiosk: string, bytes: number): unknown {
    const failure = this.#failed.get(sender);
    if (failure !== undefined) return failure;
    if (this.#stopping) return new Fault('INTAKE_STOPPING', `Kiosk: ${kiosk}`);
    const { pendingEntriesMax, pendingBytesMax } = this.#limits;
    if (this.#pending < pendingEntriesMax && this.#pendingBytes + bytes <= pendingBytesMax) return null;
    const fault = new Fault('INTAKE_OVERLOADED', `Waiting: ${this.#pending} packets, ${this.#pendingBytes} bytes.`);
    this.#sparse.write('warn', 'intake.overloaded', kiosk, {
      kiosk,
      pending: this.#pending,
      bytes: this.#pendingBytes,
    });
    return fault;
  }

  /** One flush at a time, after all that is readable now has been read, and between two the event loop gets its turn. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flush().finally(() => {
        this.#flushing = false;
        if (this.#queue.length > 0) this.#flushSoon();
      });
    });
  }

  async #flush(): Promise<void> {
    const group = this.#queue.slice(0, this.#limits.groupEntriesMax);
    this.#queue = this.#queue.slice(group.length);
    let verdicts: readonly Verdict[];
    try {
      verdicts = await this.#store.append(group.map(({ arrival }) => arrival));
    } catch (error) {
      this.#fail(group, error);
      if (error instanceof Fault) return;
      throw error; // a bug: nobody handles it, so the process ends
    }
    assert.equal(verdicts.length, group.length, 'the store gives one verdict an arrival');
    this.#settle(group, verdicts);
  }

  #settle(group: readonly Waiting[], verdicts: readonly Verdict[]): void {
    this.#counts.groups++;
    if (this.#failuresInARow > 0) this.#log.info('intake.commit-recovered', { failures: this.#failuresInARow });
    this.#failuresInARow = 0;
    for (const [index, waiting] of group.entries()) {
      const verdict = verdicts[index];
      assert(verdict !== undefined);
      this.#counts[verdict.type]++;
      if (verdict.type === 'quarantined' || verdict.type === 'unkept') this.#tell(waiting.kiosk, verdict);
      this.#release(waiting);
      if (verdict.type !== 'unkept') waiting.resolve();
      else this.#rejectSender(waiting, new Fault('QUARANTINE_FULL', `Kiosk: ${waiting.kiosk}`));
    }
    if (verdicts.some(({ type }) => type === 'unkept')) this.#rejectFailedSenders();
  }

  #fail(group: readonly Waiting[], error: unknown): void {
    this.#counts.failures++;
    this.#failuresInARow++;
    this.#sparse.write('error', 'intake.commit-failed', '', { entries: group.length, error: describeError(error) });
    for (const waiting of group) {
      this.#release(waiting);
      this.#rejectSender(waiting, error);
    }
    this.#rejectFailedSenders();
  }

  #rejectSender(waiting: Waiting, fault: unknown): void {
    this.#failed.set(waiting.sender, fault);
    waiting.reject(fault);
  }

  /** What arrived during a commit must not overtake what failed in it. */
  #rejectFailedSenders(): void {
    const overtaking = this.#queue.filter(({ sender }) => this.#failed.has(sender));
    this.#queue = this.#queue.filter(({ sender }) => !this.#failed.has(sender));
    for (const waiting of overtaking) {
      this.#release(waiting);
      waiting.reject(this.#failed.get(waiting.sender));
    }
  }

  #release({ bytes }: Waiting): void {
    this.#pending--;
    this.#pendingBytes -= bytes;
    if (this.#pending === 0 && this.#stopping) this.#drained.resolve();
  }

  #tell(kiosk: string, { type, reason, detail }: Extract<Verdict, { reason: string }>): void {
    if (reason === 'triple-reused') this.#onReused(kiosk);
    this.#sparse.write('warn', `intake.${type}`, `${kiosk} ${reason}`, { kiosk, reason, detail });
  }
}
