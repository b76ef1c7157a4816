/**
 * Keeps the kiosk's certificate from ending: looks now and then, and whenever the site says that its keys have changed.
 * What it takes to renew is loaded when it comes to that, which is once a year.
 */
import type { KioskCondition, SiteNotice } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import type { Chance, Clock, Log, Timer } from '../shared/ports.ts';
import { endsSoonMs, renewQuestion, renewWithinMs } from '../shared/renewal.ts';
import { type RetryPlan, retryDelaysMs } from '../shared/retry.ts';
import { within } from '../shared/time.ts';
import type { Asker } from './asking.ts';
import type { RenewalProblem } from './enrol/renew.ts';
import type { Road } from './road.ts';

export interface RenewalLimits {
  /** How often the certificate is looked at, in milliseconds. */
  readonly lookEveryMs: number;
  /** All kiosks hear of new keys at once: each waits by chance, at most so long, in milliseconds. */
  readonly spreadMs: number;
  /** When to try again after it did not work. */
  readonly retry: RetryPlan;
  /** Not sooner than this after it worked, unless keys were changed since, in milliseconds. */
  readonly gapMs: number;
}

const renewalLimits: RenewalLimits = {
  lookEveryMs: 3_600_000,
  spreadMs: 30_000,
  retry: { firstMs: 60_000, factor: 3, maxMs: 6 * 3_600_000, jitter: 0.5 },
  gapMs: 3_600_000,
};

/** How long an attempt is waited for when the kiosk stops, in milliseconds. */
const stopTimeoutMs = 1_000;

export interface RenewalOptions {
  /** Where the credentials lie. */
  readonly folder: string;
  /** Which credentials are in use. The connection that stands is kept when there are others. */
  readonly road: Pick<Road, 'credentials' | 'dialWith' | 'adopt'>;
  readonly asker: Asker;
  readonly onStateChanged: () => void;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly limits?: Partial<RenewalLimits>;
}

/** Why renewal fails, and what to do. */
const remedies: Partial<Record<RenewalProblem, string>> = {
  unwritable:
    'Let the user that the kiosk runs as write into the folder of RAVAO_CREDENTIALS, or run "enrol" on the gateway and copy the folder again.',
  'not-let-in': 'See the log of the gateway. The old certificate is used on.',
  revoked: 'If that was not meant: "reset" this kiosk and invite it anew.',
  ended: 'Check the dates of both machines, then "enrol" this kiosk by its id again.',
};

/** Looks until disposed. */
export class Renewal implements AsyncDisposable {
  readonly #options: RenewalOptions;
  readonly #limits: RenewalLimits;
  #notice: SiteNotice | null = null;
  #timer: Timer | null = null;
  #attempt: Promise<void> | null = null;
  #delaysMs: Generator<number, never>;
  /** No attempt before this, by the monotonic clock. */
  #notBeforeMs = 0;
  /** What the site announced when it last worked. */
  #doneFor: string | undefined;
  #problem: RenewalProblem | null = null;
  #isDisposed = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#limits = { ...renewalLimits, ...options.limits };
    this.#delaysMs = retryDelaysMs(this.#limits.retry, options.chance);
    this.#look();
  }

  /** What the kiosk says of its certificate. */
  get state(): NonNullable<KioskCondition['certificate']> {
    const until = new Date(this.#options.road.credentials.untilMs).toISOString();
    return this.#problem === null ? { until } : { until, problem: this.#problem };
  }

  /** There is a connection, and the site has said what it is and what it answers. */
  noticed(notice: SiteNotice): void {
    this.#notice = notice;
    if (this.#doneFor !== undefined && this.#doneFor !== notice.credentials) this.#notBeforeMs = 0;
    if (this.#isDue()) this.#lookAfter(this.#options.chance.fraction() * this.#limits.spreadMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#timer?.[Symbol.dispose]();
    // One that is cut off here does no more harm than a power cut.
    if (this.#attempt !== null) await within(this.#options.clock, stopTimeoutMs, this.#attempt);
  }

  #isDue(): boolean {
    const { untilMs, version } = this.#options.road.credentials;
    const announced = this.#notice?.credentials ?? null;
    const isOther = announced !== null && announced !== version;
    return isOther || untilMs - this.#options.clock.nowMs() <= renewWithinMs;
  }

  #look(): void {
    const { clock } = this.#options;
    this.#warn();
    this.#lookAfter(this.#limits.lookEveryMs);
    const isAnswered = this.#notice?.answers?.includes(renewQuestion) === true;
    if (this.#attempt !== null || !isAnswered || !this.#isDue()) return;
    const leftMs = this.#notBeforeMs - clock.monotonicMs();
    if (leftMs > 0) this.#lookAfter(leftMs);
    else {
      this.#attempt = this.#try().finally(() => {
        this.#attempt = null;
      });
    }
  }

  async #try(): Promise<void> {
    const { folder, road, asker, onStateChanged, clock, chance, log } = this.#options;
    const { renew } = await import('./enrol/renew.ts');
    const outcome = await renew({ folder, credentials: road.credentials, asker, dialWith: road.dialWith, clock });
    if ('renewed' in outcome) {
      this.#delaysMs = retryDelaysMs(this.#limits.retry, chance);
      this.#doneFor = this.#notice?.credentials;
      this.#waitFor(this.#limits.gapMs);
      this.#problem = null;
      const { siteKey } = road.credentials;
      road.adopt(outcome.renewed);
      if (siteKey.id !== outcome.renewed.siteKey.id)
        log.warn('site.key-changed', { before: siteKey.id, now: outcome.renewed.siteKey.id });
      log.info('renewal.done', { until: this.state.until });
    } else {
      const { problem, detail } = outcome;
      this.#doneFor = undefined;
      const delayMs = this.#delaysMs.next().value;
      this.#waitFor(delayMs);
      this.#problem = problem === 'not-due' ? null : problem;
      log.warn('renewal.failed', { problem, detail, remedy: remedies[problem], delayMs });
    }
    onStateChanged();
  }

  #waitFor(delayMs: number): void {
    this.#notBeforeMs = this.#options.clock.monotonicMs() + delayMs;
    this.#lookAfter(Math.min(delayMs, this.#limits.lookEveryMs));
  }

  #lookAfter(delayMs: number): void {
    this.#timer?.[Symbol.dispose]();
    if (!this.#isDisposed) this.#timer = this.#options.clock.after(delayMs, () => this.#look());
  }

  /** The clock may be wrong, so an end that has come stops nothing here: the gateway decides. */
  #warn(): void {
    const { road, clock, log } = this.#options;
    const { until } = this.state;
    const leftMs = road.credentials.untilMs - clock.nowMs();
    if (leftMs <= 0) {
      const fault = new Fault('CREDENTIALS_ENDED', `It ended at ${until}.`);
      log.error('renewal.ended', { error: describeError(fault), remedy: fault.remedy });
    } else if (leftMs <= endsSoonMs) {
      log.warn('renewal.ends-soon', {
        until,
        problem: this.#problem,
        remedy: this.#problem && remedies[this.#problem],
      });
    }
  }
}
