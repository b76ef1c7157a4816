import type { Chance } from './ports.ts';

/** How long to wait between attempts that go on for ever. */
export interface RetryPlan {
  /** The first delay, before jitter, in milliseconds. */
  readonly firstMs: number;
  /** Each delay is this many times the one before. */
  readonly factor: number;
  /** No delay is longer, in milliseconds. */
  readonly maxMs: number;
  /** The share of each delay that chance may take away, 0 to 1, so that many kiosks do not return in one moment. */
  readonly jitter: number;
}

/** Endless delays in milliseconds that grow as the plan says. Start a new one after a success. */
export function* retryDelaysMs(plan: RetryPlan, chance: Chance): Generator<number, never> {
  let delayMs = plan.firstMs;
  for (;;) {
    yield Math.round(delayMs * (1 - plan.jitter * chance.fraction()));
    delayMs = Math.min(delayMs * plan.factor, plan.maxMs);
  }
}
