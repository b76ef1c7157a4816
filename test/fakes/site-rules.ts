import type { KeptRules } from '../../gateway/site-rules/site-rules-files.ts';
import { firstRules } from '../../gateway/site-rules/site-rules-files.ts';
import { type SiteRulesSource, type TellableRules, toTellable } from '../../gateway/site-rules/tellable-rules.ts';
import { cardDayOf } from '../../shared/card.ts';

/** Nobody's pseudonym. */
export function someSubject(number: number): string {
  return Buffer.from(String(number).padStart(16, '-')).toString('base64url').slice(0, 22);
}

/** A site's rules in memory that a test writes into. */
export class MemorySiteRules implements SiteRulesSource {
  /** Null: nobody ever said anything. */
  kept: KeptRules | null = null;
  /** What reading throws, while there is something. */
  trouble: Error | null = null;
  #told: { readonly kept: KeptRules; readonly today: number; readonly rules: TellableRules } | null = null;

  read(nowMs: number): TellableRules | null {
    if (this.trouble !== null) throw this.trouble;
    if (this.kept === null) return null;
    const today = cardDayOf(nowMs);
    if (this.#told?.kept !== this.kept || this.#told.today !== today)
      this.#told = { kept: this.kept, today, rules: toTellable(this.kept, today) };
    return this.#told.rules;
  }

  /** Bars exactly these. */
  bar(...numbers: readonly number[]): void {
    const barred = numbers.map((number) => ({
      subject: someSubject(number),
      reason: 'health',
      until: null,
      gates: [],
      since: '2026-11-20T00:00:00.000Z',
    }));
    this.kept = { ...(this.kept ?? firstRules), barred };
  }

  /** Expects exactly these on a day, `yyyy-MM-dd`. */
  expect(day: string, ...numbers: readonly number[]): void {
    this.kept = { ...(this.kept ?? firstRules), expected: { [day]: numbers.map(someSubject) } };
  }

  set(settings: Partial<KeptRules['settings']>): void {
    const kept = this.kept ?? firstRules;
    this.kept = { ...kept, settings: { ...kept.settings, ...settings } };
  }
}
