/** What is typed after `rules`, understood: pure, one answer or one line of what is wrong. */
import type { parseArgs } from 'node:util';
import { parseCommandLine } from '../../shared/command-line.ts';
import { type Strictness, siteRulesLimits, strictnesses } from '../../shared/site-rules.ts';
import { parseDay } from '../moment.ts';
import { readSubject } from './people-input.ts';

/** What is wanted. Days are `yyyy-MM-dd` in Viet Nam. */
export type Wish =
  | { readonly act: 'show'; readonly format: 'text' | 'json' }
  | {
      readonly act: 'bar';
      readonly reason: string;
      readonly until: string | null;
      readonly gates: readonly string[];
      readonly subject: string | null;
    }
  | { readonly act: 'unbar'; readonly subject: string | null }
  | { readonly act: 'expect'; readonly day: string; readonly from: string | null }
  | { readonly act: 'expect-clear'; readonly day: string | null }
  | { readonly act: 'expected'; readonly strictness: Strictness }
  | { readonly act: 'passback'; readonly strictness: Strictness; readonly places: readonly string[] }
  | {
      readonly act: 'occupancy';
      readonly limit: number;
      readonly strictness: 'warn' | 'refuse';
      readonly resetAt: string | null;
    }
  | { readonly act: 'occupancy-off' | 'occupancy-reset' };

const options = {
  reason: { type: 'string' },
  until: { type: 'string' },
  gate: { type: 'string', multiple: true },
  kiosk: { type: 'string', multiple: true },
  subject: { type: 'string' },
  day: { type: 'string' },
  from: { type: 'string' },
  format: { type: 'string' },
  warn: { type: 'boolean' },
  refuse: { type: 'boolean' },
  'reset-at': { type: 'string' },
} as const;

type Options = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
type OptionName = keyof Options;

/** Which options each command takes. */
const taken: Readonly<Record<string, readonly OptionName[]>> = {
  show: ['format'],
  bar: ['reason', 'until', 'gate', 'kiosk', 'subject'],
  unbar: ['subject'],
  expect: ['day', 'from'],
  expected: [],
  passback: ['gate', 'kiosk'],
  occupancy: ['warn', 'refuse', 'reset-at'],
};

/** Understands the arguments. @param today in Viet Nam, `yyyy-MM-dd`. */
export function readWish(args: readonly string[], today: string): Wish | { readonly wrong: string } {
  const typed = parseCommandLine(args, { options, allowPositionals: true });
  if (typeof typed === 'string') return { wrong: typed };
  const { values, positionals } = typed;
  const [command = '', ...words] = positionals;
  const allowed = Object.hasOwn(taken, command) ? taken[command] : undefined;
  if (allowed === undefined) return { wrong: `There is no "rules ${command}".` };
  const foreign = (Object.keys(values) as OptionName[]).find((name) => !allowed.includes(name));
  if (foreign !== undefined) return { wrong: `"rules ${command}" takes no --${foreign}.` };
  if (words.length > 1) return { wrong: `"rules ${command}" takes one word, not ${words.length}.` };
  const [word] = words;
  if (word !== undefined && ['show', 'bar', 'unbar'].includes(command)) {
    // It may be somebody's number, so it is not said again.
    return { wrong: `"rules ${command}" takes no word: codes and numbers are read from standard input.` };
  }
  return readers[command as keyof typeof readers](values, word, today);
}

type Reader = (values: Options, word: string | undefined, today: string) => Wish | { readonly wrong: string };

const readers = {
  show: ({ format = 'text' }) =>
    format === 'text' || format === 'json' ? { act: 'show', format } : { wrong: '--format is text or json.' },
  bar: readBar,
  unbar({ subject }) {
    const whose = subject === undefined ? null : readSubject(subject);
    if (whose !== null && 'wrong' in whose) return { wrong: `--subject is ${whose.wrong}.` };
    return { act: 'unbar', subject: whose?.subject ?? null };
  },
  expect: readExpect,
  expected(_, word) {
    const strictness = strictnesses.find((name) => name === word);
    return strictness === undefined
      ? { wrong: 'Say "rules expected off", "warn" or "refuse".' }
      : { act: 'expected', strictness };
  },
  passback({ gate = [], kiosk = [] }, word) {
    const strictness = strictnesses.find((name) => name === word);
    if (strictness === undefined) return { wrong: 'Say "rules passback off", "warn" or "refuse".' };
    const places = [...gate, ...kiosk];
    return wrongPlaces(places) ?? { act: 'passback', strictness, places };
  },
  occupancy: readOccupancy,
} satisfies Record<string, Reader>;

function readBar({ reason = 'ban', until, gate = [], kiosk = [], subject }: Options, _: unknown, today: string) {
  const { reasonCharsMax } = siteRulesLimits;
  if (reason.trim() === '' || [...reason].length > reasonCharsMax)
    return { wrong: `--reason is the code of one, or a text of 1 to ${reasonCharsMax} characters.` };
  if (/\d{5}/.test(reason)) return { wrong: '--reason must hold no number: guards read it, and kiosks keep it.' };
  const last = until === undefined ? null : readDay(until);
  if (until !== undefined && last === null) return { wrong: '--until is a day like 31/12/2026 or 2026-12-31.' };
  if (last !== null && last < today) return { wrong: '--until is over.' };
  const whose = subject === undefined ? null : readSubject(subject);
  if (whose !== null && 'wrong' in whose) return { wrong: `--subject is ${whose.wrong}.` };
  const gates = [...new Set([...gate, ...kiosk])].sort();
  const bar = {
    act: 'bar',
    reason: reason.trim(),
    until: last,
    gates,
    subject: whose?.subject ?? null,
  } as const;
  return wrongPlaces(gates) ?? bar;
}

function readExpect({ day, from }: Options, word: string | undefined, today: string) {
  const date = day === undefined || day === 'today' ? today : readDay(day);
  if (date === null) return { wrong: '--day is "today" or a day like 22/11/2026 or 2026-11-22.' };
  if (word === 'clear') return { act: 'expect-clear', day: day === undefined ? null : date } as const;
  if (word !== undefined) return { wrong: 'Say "rules expect --day DATE --from LIST.csv", or "rules expect clear".' };
  if (day === undefined) return { wrong: 'rules expect needs --day: "today", or a day like 22/11/2026.' };
  if (date < today) return { wrong: '--day is over.' };
  return { act: 'expect', day: date, from: from === undefined || from === '-' ? null : from } as const;
}

function readOccupancy({ warn, refuse, ...times }: Options, word: string | undefined) {
  const resetAt = times['reset-at'] ?? null;
  if (word === 'off' || word === 'reset') return { act: `occupancy-${word}` } as const;
  const limit = Number(word);
  const { peoplePerListMax } = siteRulesLimits;
  if (word === undefined || !/^\d{1,6}$/.test(word) || limit < 1 || limit > peoplePerListMax)
    return { wrong: `Say how many may be inside, 1 to ${peoplePerListMax}; or "off"; or "reset".` };
  if (warn && refuse) return { wrong: 'Say --warn or --refuse, not both.' };
  if (resetAt !== null && !/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(resetAt))
    return { wrong: '--reset-at is an hour like 03:30.' };
  return { act: 'occupancy', limit, strictness: warn ? 'warn' : 'refuse', resetAt } as const;
}

function wrongPlaces(places: readonly string[]): { readonly wrong: string } | null {
  if (places.length > siteRulesLimits.gatesMax) return { wrong: `At most ${siteRulesLimits.gatesMax} gates at once.` };
  const isWrong = places.some((place) => place.length === 0 || place.length > 200);
  return isWrong ? { wrong: '--gate is the name of a gate, --kiosk the id of a kiosk.' } : null;
}

/** Whether a text is a day that there is, `yyyy-MM-dd`, from 2020 to 2198. */
/** As `yyyy-MM-dd`; null where there is no such day, or nobody can mean it. */
function readDay(text: string): string | null {
  const day = parseDay(text.trim());
  return day !== null && /^(?:20[2-9]\d|21[0-8]\d|219[0-8])-/.test(day) ? day : null;
}
