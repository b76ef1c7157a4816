/** Asks the gateway for the time while the kiosk's own clock is not synchronised, and keeps the best that it was told. */
import type { Clock, Log, Timer } from '../shared/ports.ts';
import type { TimeSync } from '../shared/system/time-sync.ts';
import { encodeTimeQuestion, readTimeAnswer, timeQuestion } from '../shared/time-question.ts';
import type { Asker } from './asking.ts';
import { betterOf, type Estimate, errorAt, estimateFrom } from './time-estimate.ts';

/** In a round the gateway is asked this often, so that one exchange that was held up does not count. */
const exchangesPerRound = 3;

/** Between two exchanges, and before it is looked again whether there is need of a round, in milliseconds. */
const exchangeGapMs = 7_000;

/** A round begins this long after the last, in milliseconds: by then clocks may have drifted apart by 0.2 s. */
const roundEveryMs = 15 * 60_000;

/** The same while nothing was told yet. */
const firstRoundEveryMs = 60_000;

/** An estimate that may be wrong by more, in milliseconds, is no longer the time. */
export const estimateErrorMsMax = 10_000;

/** The time by the gateway. */
export interface GatewayTime {
  /** The time now and by how much it may be wrong, in milliseconds; null where it is not known well enough. */
  now(): { readonly ms: number; readonly errorMs: number } | null;
}

export interface GatewayTimeParts {
  readonly asker: Asker;
  readonly timeSync: Pick<TimeSync, 'boot' | 'synced'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Never sets the machine's clock, which a kiosk has no right to. What it knows lasts as long as the process. */
export class AskedTime implements GatewayTime, Disposable {
  readonly #parts: GatewayTimeParts;
  #estimate: Estimate | null = null;
  #timer: Timer | null = null;
  #underWay = false;
  #connected = false;
  #left = 0;
  #roundMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: GatewayTimeParts) {
    this.#parts = parts;
  }

  now(): { readonly ms: number; readonly errorMs: number } | null {
    if (this.#estimate === null) return null;
    const nowMs = this.#parts.clock.monotonicMs();
    const errorMs = errorAt(this.#estimate, nowMs);
    return errorMs > estimateErrorMsMax ? null : { ms: nowMs + this.#estimate.offsetMs, errorMs };
  }

  /** The link came up or went down. */
  linkChanged(isOnline: boolean): void {
    this.#connected = isOnline;
    if (this.#estimate === null) this.#roundMs = Number.NEGATIVE_INFINITY;
    this.#schedule(0);
  }

  [Symbol.dispose](): void {
    this.#connected = false;
    this.#timer?.[Symbol.dispose]();
  }

  #schedule(delayMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    if (!this.#connected || this.#underWay) return;
    const gapMs = this.#askedMs + exchangeGapMs - this.#parts.clock.monotonicMs();
    this.#timer = this.#parts.clock.after(Math.max(delayMs, gapMs), () => this.#look());
  }

  #look(): void {
    const { clock, timeSync } = this.#parts;
    const nowMs = clock.monotonicMs();
    const everyMs = this.#estimate === null ? firstRoundEveryMs : roundEveryMs;
    if (this.#left === 0 && nowMs - this.#roundMs >= everyMs) {
      this.#left = exchangesPerRound;
      this.#roundMs = nowMs;
    }
    if (timeSync.synced() || this.#left === 0) this.#schedule(exchangeGapMs);
    else void this.#exchange();
  }

  async #exchange(): Promise<void> {
    const { asker, clock, timeSync } = this.#parts;
    this.#underWay = true;
    this.#left--;
    const askedMs = clock.monotonicMs();
    this.#askedMs = askedMs;
    const answer = await asker.ask(timeQuestion, encodeTimeQuestion({ boot: timeSync.boot, monotonicMs: askedMs }));
    this.#underWay = false;
    if (answer !== null) this.#take(answer, askedMs);
    this.#schedule(0);
  }

  #take(answer: Uint8Array, askedMs: number): void {
    const { clock, log } = this.#parts;
    const told = readTimeAnswer(answer);
    if (told?.synced !== true) return;
    const answeredMs = clock.monotonicMs();
    const exchange = { askedMs, answeredMs, gatewayMs: told.atMs, gatewayErrorMs: told.errorMs };
    const isFirst = this.#estimate === null;
    this.#estimate = betterOf(this.#estimate, estimateFrom(exchange), answeredMs);
    if (!isFirst) return;
    const { offsetMs, errorMs } = this.#estimate;
    log.info('time.told', { differsMs: Math.round(answeredMs + offsetMs - clock.nowMs()), errorMs });
  }
}
