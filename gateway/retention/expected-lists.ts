/** The lists of who is expected: what is over goes with a purge, and a person with an erasure. */
import { describeError, Fault } from '../../shared/fault.ts';
import { vietnamDayOf } from '../../shared/time.ts';
import { type ExpectedDays, editSiteRules, stampOf } from '../site-rules/site-rules-files.ts';

/** Lets go of days that are over. @returns what is wrong, for a person; null where all is well. */
export function dropPastDays(dataDir: string, nowMs: number): Promise<string | null> {
  const today = vietnamDayOf(nowMs);
  return edit(dataDir, (days) => Object.fromEntries(Object.entries(days).filter(([day]) => day >= today)));
}

/** Expects these people no more, on any day. @returns what is wrong, for a person; null where all is well. */
export function forgetExpected(dataDir: string, subjects: readonly string[]): Promise<string | null> {
  const gone = new Set(subjects);
  return edit(dataDir, (days) => {
    const left = Object.entries(days).map(([day, listed]) => [day, listed.filter((one) => !gone.has(one))]);
    return Object.fromEntries(left);
  });
}

async function edit(dataDir: string, change: (days: ExpectedDays) => ExpectedDays): Promise<string | null> {
  if (stampOf(dataDir) === null) return null;
  try {
    await editSiteRules(dataDir, async (kept) => {
      const expected = change(kept.expected);
      const isSame = JSON.stringify(expected) === JSON.stringify(kept.expected);
      return isSame ? kept : { ...kept, expected };
    });
    return null;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return `the lists of who is expected: ${describeError(error)}`;
  }
}
