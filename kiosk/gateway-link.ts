/** Keeps the kiosk connected to its gateway, whatever happens, and lets the outbox forget what the gateway has. */
import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import type { KioskCondition, SiteNotice } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import type { Chance, Clock, Log, Timer } from '../shared/ports.ts';
import { retryDelaysMs } from '../shared/retry.ts';
import { sleep } from '../shared/time.ts';
import type { Asker } from './asking.ts';
import type { LinkLimits } from './link-limits.ts';
import type { Outbox } from './outbox.ts';
import { SendWindow } from './send-window.ts';

export type LinkStatus = 'online' | 'offline';

/** The topics of one connection. */
export interface Topics {
  /** Asks for a topic, and for what is retained on it. Trouble shows in that nothing comes. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
}

/** Who reads what the gateway publishes beside the site's notice. None of its calls takes long, none throws. */
export interface TopicReader {
  /** A connection is up; its topics may be used until `lost`. */
  connected(topics: Topics): void;
  lost(): void;
  heard(topic: string, payload: Uint8Array): void;
}

export interface LinkOptions {
  readonly outbox: Outbox;
  /** The kiosk's id, as in its certificate. */
  readonly kiosk: string;
  /** Opens a fresh connection to the gateway. See `dial.ts`. */
  readonly dial: () => Duplex;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly limits?: Partial<LinkLimits>;
  /** What the kiosk says of itself now. */
  readonly state: () => KioskCondition;
  /** The site has said its name and its key. */
  readonly onSite?: (notice: SiteNotice) => void;
  /** Reads what else the gateway publishes. */
  readonly reader?: TopicReader;
  /** Called at each change, and for the first time when the first attempt has succeeded or failed. */
  readonly onStatus: (status: LinkStatus) => void;
}

export interface Link extends AsyncDisposable, Asker {
  /**
   * Keeps up the connection until `signal` aborts; then says goodbye, within `stopTimeoutMs`. Called once. Every trouble
   * with the network is retried for ever; rejects only when the outbox cannot be read (the Fault OUTBOX_CORRUPT).
   */
  run(signal: AbortSignal): Promise<void>;
  /** There is something new in the outbox. Cheap; sends in a later turn of the event loop. */
  wake(): void;
  /** Something that the kiosk's state tells of has changed. */
  stateChanged(): void;
}

export type LinkParts = LinkOptions & { readonly limits: LinkLimits };

/** Why a connection ends that the gateway refuses: this kiosk's certificate was revoked. */
export const cutOffReason = 'the gateway has cut this kiosk off';

/** What can be done about it; the network is not to blame. */
const cutOffRemedy =
  'See with "kiosks" on the gateway whether it was revoked. To use it again run "reset" here, and "invite" on the gateway.';

/** How a connection ended. */
export interface ConnectionEnd {
  readonly reason: string;
  readonly wasOnline: boolean;
  /** Whether it took an entry or lasted: then the gateway works, and the next attempt may come soon. */
  readonly proven: boolean;
}

export interface ConnectionEvents {
  readonly onConnected: () => void;
  readonly onAcknowledged: () => void;
}

/** One connection, from dialling to its end. */
export interface GatewayConnection extends Asker {
  /** Resolves when the connection is gone, whatever the reason; rejects with what `fail()` was given. */
  readonly ended: Promise<ConnectionEnd>;
  /** Sends what the window has room for. */
  send(): void;
  /** Something that the kiosk's state tells of has changed. */
  stateChanged(): void;
  /** Says goodbye: what is under way may still be acknowledged, then `online: false`, then DISCONNECT. */
  stop(): void;
  /** Ends the connection because of something that is no trouble of the network. */
  fail(error: unknown): void;
}

/** Keeps one connection up after another, and lets the outbox forget what they brought acknowledgements for. */
export class GatewayLink implements Link {
  readonly #parts: LinkParts;
  readonly #connect: (window: SendWindow, events: ConnectionEvents) => GatewayConnection;
  readonly #window: SendWindow;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  #connection: GatewayConnection | null = null;
  #scheduled = false;
  #status: LinkStatus | null = null;
  /** Runs while the outbox fails to forget; nothing more is sent meanwhile. */
  #forgetRetry: Timer | null = null;
  #lastReason = '';

  constructor(parts: LinkParts, connect: (window: SendWindow, events: ConnectionEvents) => GatewayConnection) {
    this.#parts = parts;
    this.#connect = connect;
    this.#window = new SendWindow(parts.limits.windowMax);
  }

  run(signal: AbortSignal): Promise<void> {
    assert(this.#running === null, 'a link runs once');
    // Not AbortSignal.any: Node keeps such a signal, and all that listens to it, until it aborts (its gcPersistentSignals).
    const stop = () => this.#stop.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.#running = this.#keepUp(this.#stop.signal).finally(() => {
      signal.removeEventListener('abort', stop);
      this.#forgetRetry?.[Symbol.dispose]();
    });
    return this.#running;
  }

  wake(): void {
    if (this.#scheduled || this.#connection === null) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  stateChanged(): void {
    this.#connection?.stateChanged();
  }

  ask(question: string, payload: Uint8Array): Promise<Uint8Array | null> {
    return this.#connection?.ask(question, payload) ?? Promise.resolve(null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    // Whoever called run() has its rejection.
    await this.#running?.catch(() => {});
  }

  async #keepUp(signal: AbortSignal): Promise<void> {
    const { clock, chance, limits, log } = this.#parts;
    let delaysMs = retryDelaysMs(limits.retry, chance);
    while (!signal.aborted) {
      const { reason, proven } = await this.#connectOnce(signal);
      if (signal.aborted) return;
      this.#setStatus('offline');
      if (proven) delaysMs = retryDelaysMs(limits.retry, chance);
      const delayMs = delaysMs.next().value;
      // A gateway that is gone for a week must not fill the log with one and the same line.
      log[reason === this.#lastReason ? 'debug' : 'warn']('link.retry', {
        reason,
        delayMs,
        ...(reason === cutOffReason && { remedy: cutOffRemedy }),
      });
      this.#lastReason = reason;
      await sleep(clock, delayMs, signal);
    }
  }

  async #connectOnce(signal: AbortSignal): Promise<ConnectionEnd> {
    const { log } = this.#parts;
    this.#window.restart();
    const connection = this.#connect(this.#window, {
      onConnected: () => {
        log.info('link.connected');
        this.#lastReason = '';
        this.#setStatus('online');
        this.wake();
      },
      onAcknowledged: () => this.wake(),
    });
    this.#connection = connection;
    const stop = () => connection.stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const ending = await connection.ended;
      if (ending.wasOnline) log[signal.aborted ? 'info' : 'warn']('link.lost', { reason: ending.reason });
      return ending;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#connection = null;
      this.#forget();
    }
  }

  #turn(): void {
    const connection = this.#connection;
    if (connection === null) return;
    try {
      // First the network, which then works while the disk does.
      if (this.#forgetRetry === null) connection.send();
      this.#forget();
    } catch (error) {
      connection.fail(error);
    }
  }

  /** Lets the outbox forget what is acknowledged. What it cannot write now is tried again later, and is never sent again. */
  #forget(): void {
    const { outbox, clock, limits, log } = this.#parts;
    const seqs = this.#window.acknowledged;
    if (seqs.length === 0) return;
    try {
      outbox.forget(seqs);
      this.#window.forgotten(seqs);
      if (this.#forgetRetry === null) return;
      this.#forgetRetry[Symbol.dispose]();
      this.#forgetRetry = null;
      this.wake();
    } catch (error) {
      if (!(error instanceof Fault) || !error.retryable) throw error;
      if (this.#forgetRetry === null)
        log.error('link.forget-failed', { error: describeError(error), remedy: error.remedy });
      this.#forgetRetry?.[Symbol.dispose]();
      this.#forgetRetry = clock.after(limits.forgetRetryMs, () => this.#turn());
    }
  }

  #setStatus(status: LinkStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    this.#parts.onStatus(status);
  }
}
