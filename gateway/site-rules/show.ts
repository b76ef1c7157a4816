/** What `rules show` prints. */

import { cardDayOf } from '../../shared/card.ts';
import type { KeptRules } from './site-rules-files.ts';
import { toTellable } from './tellable-rules.ts';

/** So many bars are listed for a person; all of them in JSON. */
const listedMax = 1_000;

/** The rules for a person, or as one JSON object. */
export function describeRules(kept: KeptRules, format: 'text' | 'json', nowMs: number): string {
  const { settings, barred, expected } = kept;
  if (format === 'json') return `${JSON.stringify({ settings, barred, expected })}\n`;
  const { passback, occupancy } = settings;
  const gates = Object.entries(passback.gates).map(([gate, strictness]) => `, ${gate}: ${strictness}`);
  const holding = toTellable(kept, cardDayOf(nowMs));
  const lines = [
    `Barred: ${barred.length}, of whom ${holding.barred.length / 20} now or later.`,
    ...barred.slice(0, listedMax).map(({ subject, reason, until, gates, since }) => {
      const where = gates.length === 0 ? 'everywhere' : `at ${gates.join(', ')}`;
      return `  ${subject}  ${reason}, ${where}, since ${since.slice(0, 10)}${until === null ? '' : `, until ${until}`}`;
    }),
    ...(barred.length > listedMax ? [`  and ${barred.length - listedMax} more: see --format json.`] : []),
    `Reasons: ${settings.reasons.map(({ code, vi }) => `${code} ("${vi}")`).join(', ')}.`,
    ...Object.entries(expected).map(([day, people]) => `Expected on ${day}: ${people.length}.`),
    `People who are not expected: ${settings.expected}.`,
    `Passback: ${passback.everywhere}${gates.join('')}.`,
    occupancy === null
      ? 'Occupancy: no limit.'
      : `Occupancy: at most ${occupancy.limit}, ${occupancy.strictness}${occupancy.resetAt === null ? '' : `; everybody has left at ${occupancy.resetAt}`}.`,
  ];
  return `${lines.join('\n')}\n`;
}
