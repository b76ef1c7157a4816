/** Carries entries from the store to one upstream, in order, until it is disposed. What to send is decided in `forwarding.ts`. */
import { createHash } from 'node:crypto';
import { describeError } from '../shared/fault.ts';
import type { Chance, Clock, Delivery, ForwardEntry, Log, Upstream } from '../shared/ports.ts';
import { sleep, within } from '../shared/time.ts';
import { callRefusal, entriesPerBatchMax, firstPace, nextRange, type Outcome, type Pace, weigh } from './forwarding.ts';
import { type Delay, Delays } from './forwarding-delays.ts';
import type { Store, StoredEntry } from './store/store.ts';

/** A batch is at most this long as it is sent, in bytes; a single entry is sent however long it is. */
export const batchBytesMax = 1024 * 1024;

/** The store says when entries come; should it ever forget to, they are found after this long, in milliseconds. */
export const safetyLookMs = 60_000;

/** A stop waits at most this long for a batch under way, in milliseconds. */
export const stopTimeoutMs = 2000;

/** Of the entries that went to quarantine at once, so many ids are logged. */
const idsLoggedMax = 20;

/** How a forwarder is, for operators. */
export interface ForwarderStatus {
  readonly upstream: string;
  /** `idle`: nothing waits. `sending`: a batch is under way. `waiting`: until the next attempt. */
  readonly state: 'idle' | 'sending' | 'waiting' | 'stopped';
  /** Why entries are delayed; null while they are not. */
  readonly lastError: { readonly reason: string; readonly alarm: boolean; readonly atMs: number } | null;
  /** Entries taken and refused since the start. */
  readonly taken: number;
  readonly refused: number;
  /** When the upstream last took something, milliseconds since the Unix epoch; null when it has not yet. */
  readonly lastTakenMs: number | null;
}

/** Disposing ends it within {@link stopTimeoutMs}; the upstream and the store stay open. */
export interface Forwarder extends AsyncDisposable {
  readonly status: ForwarderStatus;
}

export interface ForwarderParts {
  readonly store: Store;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Stops it, as disposing does. */
  readonly signal?: AbortSignal;
}

/**
 * Starts to forward. Nothing that the upstream or the store does ends it; what they cannot do now is tried again for ever.
 * An entry is delivered at least once: a batch that was taken but not marked (a crash between) goes out again.
 */
export function createForwarder(parts: ForwarderParts): Forwarder {
  return new StoreForwarder(parts);
}

/** The name of a batch: the same for the same entries in the same order. 32 base64url characters of SHA-256. */
export function batchKey(entries: readonly ForwardEntry[]): string {
  const hash = createHash('sha256');
  for (const { id } of entries) hash.update(`${id}\n`);
  return hash.digest('base64url').slice(0, 32);
}

/** Why a delivery took nothing. */
function reasonOf(delivery: Delivery): string {
  return delivery.type === 'taken' ? 'taken' : delivery.reason;
}

class StoreForwarder implements Forwarder {
  readonly #parts: ForwarderParts;
  readonly #stop = new AbortController();
  readonly #delays: Delays;
  readonly #running: Promise<void>;
  #status: ForwarderStatus;
  #pace: Pace = firstPace;
  /** Read from the store and not yet settled. It is kept between attempts, so that these send the very same batch. */
  #window: readonly StoredEntry[] = [];
  /** What the upstream said of the doubted entries, in order. */
  #doubts: string[] = [];
  #appended = false;
  #nap: AbortController | null = null;
  constructor(parts: ForwarderParts) {
    this.#parts = parts;
    const upstream = parts.upstream.name;
    this.#delays = new Delays(upstream, parts);
    this.#status = { upstream, state: 'idle', lastError: null, taken: 0, refused: 0, lastTakenMs: null };
    this.#running = this.#run();
  }

  get status(): ForwarderStatus {
    return this.#status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#halt();
    const stopped = await within(this.#parts.clock, stopTimeoutMs, this.#running);
    if (!stopped.inTime) this.#parts.log.warn('forwarder.stop-timed-out', { upstream: this.#status.upstream });
  }

  readonly #halt = (): void => {
    this.#stop.abort();
    this.#nap?.abort();
  };

  readonly #wake = (): void => {
    this.#appended = true;
    this.#nap?.abort();
  };

  async #run(): Promise<void> {
    const { store, signal } = this.#parts;
    using _ = store.onAppended(this.#wake);
    signal?.addEventListener('abort', this.#halt, { once: true });
    if (signal?.aborted) this.#halt();
    while (!this.#stop.signal.aborted) {
      if (this.#window.length === 0 && !(await this.#readWindow())) continue;
      await this.#sendNext();
    }
    signal?.removeEventListener('abort', this.#halt);
    this.#say({ state: 'stopped' });
  }

  /** Returns whether there is something to send; if not, it has waited until there may be. */
  async #readWindow(): Promise<boolean> {
    const { store, upstream } = this.#parts;
    this.#appended = false;
    try {
      this.#window = await store.readNext(upstream.name, { entriesMax: entriesPerBatchMax, bytesMax: batchBytesMax });
    } catch (error) {
      await this.#retryStore(error);
      return false;
    }
    if (this.#window.length === 0) await this.#idle();
    return this.#window.length > 0;
  }

  async #idle(): Promise<void> {
    this.#recover();
    this.#say({ state: 'idle' });
    if (this.#appended || this.#stop.signal.aborted) return;
    this.#nap = new AbortController();
    await sleep(this.#parts.clock, safetyLookMs, this.#nap.signal);
    this.#nap = null;
  }

  async #sendNext(): Promise<void> {
    const entries = this.#nextEntries();
    this.#say({ state: 'sending' });
    const delivery = callRefusal(await this.#send(entries), entries.length);
    const outcome = weigh(this.#pace, entries.length, delivery, this.#window.length);
    if (outcome.pace.doubted > this.#pace.doubted) this.#doubts.push(reasonOf(delivery));
    if (outcome.settled > 0) await this.#settle(outcome, delivery);
    this.#pace = outcome.pace;
    if (this.#stop.signal.aborted) return;
    if (delivery.type === 'later') {
      await this.#wait(this.#delays.retry(delivery.reason, delivery.alarm, delivery.retryAfterMs ?? 0));
    } else if (outcome.wait === 'alarm') {
      this.#doubts = [];
      this.#window = [];
      await this.#wait(this.#delays.standOff(reasonOf(delivery)));
    }
  }

  /** The batch: as many as the pace allows and fit into {@link batchBytesMax}, but at least one. */
  #nextEntries(): readonly StoredEntry[] {
    const { start, countMax } = nextRange(this.#pace, this.#window.length);
    const candidates = this.#window.slice(start, start + countMax);
    let bytes = 0;
    const end = candidates.findIndex((entry) => {
      bytes += this.#parts.upstream.wireBytes(entry);
      return bytes > batchBytesMax;
    });
    return end === -1 ? candidates : candidates.slice(0, Math.max(1, end));
  }

  async #send(entries: readonly StoredEntry[]): Promise<Delivery> {
    try {
      return await this.#parts.upstream.send({ key: batchKey(entries), entries }, this.#stop.signal);
    } catch (error) {
      // `send` does not throw; should a transport have that bug, it may hold up its own upstream, not the gateway.
      return { type: 'later', reason: describeError(error), retryAfterMs: null, alarm: true };
    }
  }

  /** Marks what is done with; tries that alone again until it works, because the upstream has the entries already. */
  async #settle(outcome: Outcome, delivery: Delivery): Promise<void> {
    const { store, upstream, clock } = this.#parts;
    const settled = this.#window.slice(0, outcome.settled);
    const position = settled.at(-1)?.position ?? 0;
    const rejected = this.#rejectionsAmong(settled.slice(0, outcome.refused), delivery);
    for (;;) {
      try {
        await store.markForwarded(upstream.name, position, rejected, clock.nowMs());
        this.#window = this.#window.slice(outcome.settled);
        this.#doubts = [];
        this.#recordSettled(settled.length, rejected, outcome.settled > outcome.refused);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        await this.#retryStore(error);
      }
    }
  }

  #rejectionsAmong(refused: readonly StoredEntry[], delivery: Delivery) {
    const single = refused.map(({ id }, index) => ({ id, reason: this.#doubts[index] ?? reasonOf(delivery) }));
    return delivery.type === 'taken' ? [...single, ...delivery.rejected] : single;
  }

  #recordSettled(settled: number, rejected: readonly { id: string; reason: string }[], success: boolean): void {
    const { upstream, clock, log } = this.#parts;
    const refused = this.#status.refused + rejected.length;
    const taken = this.#status.taken + settled - rejected.length;
    this.#say({ taken, refused, ...(success ? { lastTakenMs: clock.nowMs() } : {}) });
    if (rejected.length > 0) {
      const ids = rejected.slice(0, idsLoggedMax).map(({ id }) => id);
      const reason = rejected[0]?.reason;
      log.error('forwarder.quarantined', { upstream: upstream.name, count: rejected.length, reason, ids });
    }
    this.#recover();
  }

  #retryStore(error: unknown): Promise<void> {
    return this.#wait(this.#delays.retry(`store: ${describeError(error)}`, true));
  }

  async #wait({ reason, alarm, waitMs }: Delay): Promise<void> {
    const { clock } = this.#parts;
    this.#say({ state: 'waiting', lastError: { reason, alarm, atMs: clock.nowMs() } });
    await sleep(clock, waitMs, this.#stop.signal);
  }

  #recover(): void {
    this.#delays.end();
    this.#say({ lastError: null });
  }

  #say(changes: Partial<ForwarderStatus>): void {
    this.#status = { ...this.#status, ...changes };
  }
}
