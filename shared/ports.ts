/**
 * The interfaces between Ravao and the world. The programs speak only these; the real things stand behind them in
 * `shared/system/`, `hardware/` and `gateway/upstream/`, the fakes for tests in `test/fakes/`.
 */
import type { Fault } from './fault.ts';
import type { Signal } from './signal.ts';

/** Time. A virtual one lets months pass in a test. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. Doubted: a Pi without a network may be months off, and it jumps. */
  nowMs(): number;
  /** Milliseconds since the machine booted; never goes back, comparable between processes of one boot. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs` milliseconds, unless the returned timer is disposed before. */
  after(delayMs: number, callback: () => void): Timer;
}

/** A pending call of {@link Clock.after}. Disposing it cancels the call; disposing twice is harmless. */
export interface Timer extends Disposable {}

/** Chance. A seeded one makes a run repeatable. */
export interface Chance {
  /** A number in [0, 1). */
  fraction(): number;
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer>;
}

/** Events for operators. `event` is a stable dotted name, the fields never hold a name, a number or a raw scan. */
export interface Log {
  debug(event: string, fields?: Record<string, unknown>): void;
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

/** What a scanner reads, or what happens to it. A wrong thing on the wire is a value, never an exception. */
export type Reading =
  /** A whole frame as text; `aim` is the AIM symbology identifier that preceded it (`]Q1`), null when there was none. */
  | { readonly type: 'frame'; readonly text: string; readonly aim: string | null }
  /**
   * A frame that holds no text one can use. `overlong`: over the limit of 8 KiB; `undecodable`: not UTF-8.
   * `digest` is a short hash of its bytes, so that a repeat can be told without keeping them.
   */
  | {
      readonly type: 'discarded';
      readonly reason: 'overlong' | 'undecodable';
      readonly bytes: number;
      readonly digest: string;
    }
  /** Bytes between frames that mean nothing (NULs, lone control characters). Counted, never shown. */
  | { readonly type: 'noise'; readonly bytes: number }
  /** The scanner cannot be read for now; it is tried again until it is back. */
  | { readonly type: 'lost'; readonly fault: Fault }
  /** The scanner can be read (again). `device` names it: a path, or `stdin`. */
  | { readonly type: 'found'; readonly device: string };

/** Where scans come from. */
export interface Scanner {
  /** `stdin`, or the device as configured. For logs and the kiosk's state. */
  readonly name: string;
  /**
   * Everything read, in order, until `signal` aborts. Called once. Never throws for what a wire, a device or a person
   * does. A reader that is slow makes the scanner wait; nothing is dropped. End of standard input ends the iteration.
   */
  readings(signal: AbortSignal): AsyncIterable<Reading>;
}

/** Lights and sound. Never blocks, never throws: a board that is gone is retried behind it. */
export interface Indicator extends AsyncDisposable {
  /**
   * Plays a signal. A moment (`heard`, `admitted`, `repeat`, `refused`, `changed`, `test`) begins at once, whatever plays,
   * and at its end falls back to the state. A state (`ready`, `offline`, `closed`, `fault`, `enrolling`) stays until the next state, and lets a
   * moment that plays finish first.
   * @param note why, in words for the guard, where the board has letters. It holds nothing of a person.
   */
  show(signal: Signal, note?: string): void;
  /** Whether the board answers. `off` when the kiosk runs without one. */
  readonly board: 'working' | 'lost' | 'off';
}

/**
 * When an entry was made, milliseconds since the Unix epoch, as far as the gateway knows. All three are the same where it
 * is known, to a second or better.
 */
export interface EntryTime {
  /** By the best knowledge there is. */
  readonly bestMs: number;
  /** Surely not before, and surely not after. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** One entry as it goes upstream. `body` is the entry's JSON, byte for byte as the kiosk wrote it. */
export interface ForwardEntry {
  readonly id: string;
  readonly kiosk: string;
  /** As the kiosk wrote it. */
  readonly at: string;
  /** When it was made, where that is not what `at` says, or not for certain. */
  readonly corrected?: EntryTime;
  readonly subject: string | null;
  readonly body: string;
}

/** Entries in the order they arrived, never empty. */
export interface ForwardBatch {
  /** The same for the same entries, so that an upstream can tell a repeated delivery. */
  readonly key: string;
  readonly entries: readonly ForwardEntry[];
}

/** What an upstream did with a batch. Every outcome of the network is one of these; `send` does not throw. */
export type Delivery =
  /** All are on the upstream's disk, except those it names, which it will never take. */
  | { readonly type: 'taken'; readonly rejected: readonly { readonly id: string; readonly reason: string }[] }
  /** Not now. Try again for ever, not before `retryAfterMs` where given; `alarm` when a person must mend something. */
  | { readonly type: 'later'; readonly reason: string; readonly retryAfterMs: number | null; readonly alarm: boolean }
  /** Too much at once: send fewer. */
  | { readonly type: 'too-large'; readonly reason: string }
  /** At least one entry of the batch is unacceptable. */
  | { readonly type: 'refused'; readonly reason: string };

/** A health authority's intake, a file, or whatever else takes entries. */
export interface Upstream extends AsyncDisposable {
  /** Stable and free of secrets; the store keeps this upstream's place under it. */
  readonly name: string;
  /** At most how many bytes an entry takes as this upstream sends it, envelope and separator included. */
  wireBytes(entry: ForwardEntry): number;
  /** Delivers a batch and says so only when the other side has it on disk. Ends soon after `signal` aborts. */
  send(batch: ForwardBatch, signal: AbortSignal): Promise<Delivery>;
}
