import type { Clock, Timer } from '../shared/ports.ts';

export interface StateReportTimes {
  /** The state is told this often even when nothing changes, in milliseconds. */
  readonly stateEveryMs: number;
  /** A change is told at most this often, in milliseconds. */
  readonly stateGapMs: number;
  /** How long a report may go unacknowledged, in milliseconds. */
  readonly ackTimeoutMs: number;
}

/** Decides when the kiosk's state is told on one connection: at once, after a change, and now and then. */
export class StateReport implements Disposable {
  readonly #clock: Clock;
  readonly #times: StateReportTimes;
  readonly #publish: () => void;
  readonly #onUnanswered: () => void;
  #timer: Timer | undefined;
  #sentMs: number | null = null;
  #underWay = false;
  #changed = false;

  /** @param publish sends the state as it is now; `acknowledged()` must follow. @param onUnanswered it did not, in time. */
  constructor(clock: Clock, times: StateReportTimes, publish: () => void, onUnanswered: () => void) {
    this.#clock = clock;
    this.#times = times;
    this.#publish = publish;
    this.#onUnanswered = onUnanswered;
  }

  /** Tells the state for the first time. */
  start(): void {
    this.#tell();
  }

  /** Something that the state tells of has changed. */
  changed(): void {
    this.#changed = true;
    this.#schedule();
  }

  /** The gateway has taken the report under way. */
  acknowledged(): void {
    this.#underWay = false;
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#sentMs = null;
  }

  #tell(): void {
    this.#sentMs = this.#clock.monotonicMs();
    this.#underWay = true;
    this.#changed = false;
    this.#publish();
    this.#schedule();
  }

  /** One timer for whatever comes next. */
  #schedule(): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#sentMs === null) return;
    const { ackTimeoutMs, stateGapMs, stateEveryMs } = this.#times;
    const waitMs = this.#underWay ? ackTimeoutMs : this.#changed ? stateGapMs : stateEveryMs;
    const next = this.#underWay ? this.#onUnanswered : () => this.#tell();
    this.#timer = this.#clock.after(Math.max(0, this.#sentMs + waitMs - this.#clock.monotonicMs()), next);
  }
}
