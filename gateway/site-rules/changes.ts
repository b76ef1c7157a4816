/** What each wish makes of the rules: pure. */
import { createHash } from 'node:crypto';
import { type BarReason, siteRulesLimits } from '../../shared/site-rules.ts';
import type { BarredPerson, ExpectedDays, KeptRules, SiteSettings } from './site-rules-files.ts';

const { peoplePerListMax, reasonsMax, scopesMax, settingsBytesMax } = siteRulesLimits;

/** The rules as they would be, or why they may not be so. */
export type Changed = KeptRules | { readonly wrong: string };

/** Bars people; whoever was barred before is barred as now said. */
export function bar(
  kept: KeptRules,
  subjects: readonly string[],
  how: {
    readonly reason: string;
    readonly until: string | null;
    readonly gates: readonly string[];
    readonly since: string;
  },
): Changed {
  const settings = withReason(kept, how.reason);
  const code = settings.reasons.find(({ code, vi }) => code === how.reason || vi === how.reason)?.code ?? how.reason;
  const again = new Set(subjects);
  const fresh = subjects.map((subject): BarredPerson => ({ subject, ...how, reason: code, gates: [...how.gates] }));
  return fitting({
    ...kept,
    settings,
    barred: [...kept.barred.filter(({ subject }) => !again.has(subject)), ...fresh],
  });
}

/** Lifts bars. */
export function unbar(kept: KeptRules, subjects: readonly string[]): KeptRules {
  const lifted = new Set(subjects);
  return { ...kept, barred: kept.barred.filter(({ subject }) => !lifted.has(subject)) };
}

/** Adds people to those who are expected on a day, and lets go of days before `today`. */
export function expect(kept: KeptRules, day: string, subjects: readonly string[], today: string): Changed {
  const there = kept.expected[day] ?? [];
  return fitting({
    ...kept,
    expected: { ...upFrom(kept.expected, today), [day]: [...new Set([...there, ...subjects])] },
  });
}

/** Expects nobody any more, on a day or at all. */
export function clearExpected(kept: KeptRules, day: string | null): KeptRules {
  const days = Object.entries(kept.expected).filter(([date]) => day !== null && date !== day);
  return { ...kept, expected: Object.fromEntries(days) };
}

/** Changes settings. */
export function set(kept: KeptRules, change: Partial<SiteSettings>): Changed {
  return fitting({ ...kept, settings: { ...kept.settings, ...change } });
}

function upFrom(days: ExpectedDays, today: string): ExpectedDays {
  return Object.fromEntries(Object.entries(days).filter(([date]) => date >= today));
}

/** A text that is no reason's code becomes a reason of its own; such ones that nobody is barred for any more go. */
function withReason({ settings, barred }: KeptRules, reason: string): SiteSettings {
  if (settings.reasons.some(({ code, vi }) => code === reason || vi === reason)) return settings;
  const code = `own-${createHash('sha256').update(reason).digest('hex').slice(0, 8)}`;
  const used = new Set(barred.map((person) => person.reason));
  const kept = settings.reasons.filter((one) => !one.code.startsWith('own-') || used.has(one.code));
  return { ...settings, reasons: [...kept, { code, vi: reason, en: reason } satisfies BarReason] };
}

function fitting(rules: KeptRules): Changed {
  const { settings, barred, expected } = rules;
  const people = Math.max(
    barred.length,
    Object.values(expected).reduce((sum, day) => sum + day.length, 0),
  );
  if (people > peoplePerListMax)
    return { wrong: `At most ${peoplePerListMax} people fit into a list; that would be ${people}.` };
  if (settings.reasons.length > reasonsMax)
    return { wrong: `At most ${reasonsMax} different reasons; use one that there is, or lift bars.` };
  const scopes = new Set(barred.map(({ gates }) => JSON.stringify(gates)));
  if (scopes.size > scopesMax) return { wrong: `At most ${scopesMax} different sets of gates; use one that there is.` };
  const { reasons, passback, occupancy } = settings;
  const bytes = Buffer.byteLength(JSON.stringify([reasons, passback, occupancy, ...scopes]));
  if (bytes > settingsBytesMax)
    return {
      wrong: `Reasons and gates would take ${bytes} bytes, ${settingsBytesMax} reach the kiosks: use shorter ones.`,
    };
  return rules;
}
