/** When everybody was last taken to have left: pure. */
import { vietnamOffsetMs } from '../../shared/time.ts';

const dayMs = 86_400_000;

/** What is said of it. */
export interface ResetSettings {
  /** An hour in Viet Nam, `HH:MM`, at which it happens each day. */
  readonly resetAt: string | null;
  /** When it was last said by hand. */
  readonly resetMs: number | null;
}

/** The last reset before a moment; 0 where there was none. All in milliseconds since the Unix epoch. */
export function lastResetMs({ resetAt, resetMs }: ResetSettings, nowMs: number): number {
  return Math.max(resetMs !== null && resetMs <= nowMs ? resetMs : 0, resetAt === null ? 0 : lastDaily(resetAt, nowMs));
}

function lastDaily(resetAt: string, nowMs: number): number {
  const [hours = 0, minutes = 0] = resetAt.split(':').map(Number);
  const intoDayMs = (hours * 60 + minutes) * 60_000;
  const midnightMs = Math.floor((nowMs + vietnamOffsetMs) / dayMs) * dayMs - vietnamOffsetMs;
  return midnightMs + intoDayMs <= nowMs ? midnightMs + intoDayMs : midnightMs + intoDayMs - dayMs;
}
