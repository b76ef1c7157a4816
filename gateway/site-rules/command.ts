/** `rules` on the command line: what the site wants of its gates beyond good codes. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { importIssuerKey } from '../../shared/card.ts';
import { type Known, nothingKnown } from '../../shared/code/known.ts';
import { refuseArguments } from '../../shared/command-line.ts';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { vietnamDayOf } from '../../shared/time.ts';
import { openAudit } from '../audit/audit.ts';
import { openRegisterReader } from '../cards/register.ts';
import { listBytesMax } from '../excel-list.ts';
import { auditPseudonym } from '../officer/investigation.ts';
import { openTrust } from '../trust/authority.ts';
import { readIssuers } from '../trust/issuer.ts';
import { bar, type Changed, clearExpected, expect, set, unbar } from './changes.ts';
import { type People, readPeople, type SubjectReader, subjectReader } from './people-input.ts';
import { warnOfPlaces } from './places.ts';
import { describeRules } from './show.ts';
import { editSiteRules, readSiteRules } from './site-rules-files.ts';
import type { StandardInput } from './standard-input.ts';
import { readWish, type Wish } from './words.ts';

export const rulesHelp = `rules: what the site wants of its gates beyond good codes. Kiosks hear it within
seconds, and keep it without a network.

  npm run -s gateway -- rules show [--format text|json]
  npm run -s gateway -- rules bar [--reason CODE|TEXT] [--until DAY]
                        [--gate NAME ...] [--subject=SUBJECT]
  npm run -s gateway -- rules unbar [--subject=SUBJECT]
  npm run -s gateway -- rules expect --day DAY|today [--from LIST.csv]
           people who are expected on a day
  npm run -s gateway -- rules expect clear [--day DAY]
  npm run -s gateway -- rules expected off|warn|refuse
           what becomes of others
  npm run -s gateway -- rules passback off|warn|refuse [--gate NAME ...]
           the same way twice with one code
  npm run -s gateway -- rules occupancy LIMIT [--warn] [--reset-at 03:30]
           at most so many inside
  npm run -s gateway -- rules occupancy off|reset
           no limit; everybody has left

bar, unbar and expect read people from standard input, a code or a number a
line, or ask for one: never say a number as an argument. A list may be a table
with the column ma, so_giay_to, number or subject. Nobody's number is kept.
--reason: "ban", "health", "papers", or a short text for the guard. --kiosk ID
does as --gate. A gate that is not known here is taken, as it may come, with a
warning: its name must be as it is at the kiosk. Nobody is ever kept in.
`;

/** What the command is given by the program. */
export interface RulesContext {
  readonly config: { readonly dataDir: string; readonly site: string };
  readonly clock: Clock;
  readonly log: Log;
  readonly input: StandardInput;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

/** What is put down in the audit before it is done. */
interface Planned {
  readonly change: Changed;
  readonly action: string;
  readonly what: Readonly<Record<string, string | number | string[] | null>>;
  readonly said: string;
}

/** Runs it; the exit code: 1 where a line was wrong, 64 where the words were. Throws the Faults of rules, trust and audit. */
export async function runRules(args: readonly string[], context: RulesContext): Promise<number> {
  const { config, clock, print, warn } = context;
  const today = vietnamDayOf(clock.nowMs());
  const wish = readWish(args, today);
  if ('wrong' in wish) return refuseArguments(wish.wrong, 'gateway -- rules', warn);
  if (wish.act === 'show') return say(print, describeRules(readSiteRules(config.dataDir), wish.format, clock.nowMs()));
  const trustDir = join(config.dataDir, 'trust');
  const trust = await openTrust(trustDir, { site: config.site, clock, log: context.log });
  const keys = trust.contents.subjectKeys.map(({ key }) => key).reverse();
  const makeReader = () => subjectReader(keys, knownHere(config.dataDir));
  const people = await readNamed(wish, makeReader, context);
  if ('problem' in people) {
    warn(`${people.problem}\n`);
    return exitCode.failed;
  }
  for (const { line, reason } of people.wrong) warn(`line ${line}: ${reason}\n`);
  if (people.subjects.length === 0 && people.wrong.length > 0) return exitCode.failed;
  const [subject = ''] = people.subjects;
  const [key = new Uint8Array()] = keys;
  const isOne = people.subjects.length === 1;
  const whose = isOne ? { person: auditPseudonym(key, subject) } : { people: people.subjects.length };
  const problem = await apply(wish, { ...people, whose }, today, context);
  if (problem !== null) warn(`${problem}\n`);
  else warn((await warnOfPlaces(placesOf(wish), config.dataDir, clock)) ?? '');
  return problem === null && people.wrong.length === 0 ? exitCode.ok : exitCode.failed;
}

function placesOf(wish: Change): readonly string[] {
  return wish.act === 'bar' ? wish.gates : wish.act === 'passback' ? wish.places : [];
}

/** `whose`: who it is about, for the audit, which outlasts what is known of a person. */
type Named = Pick<People, 'subjects' | 'former'> & { readonly whose: Readonly<Record<string, string | number>> };
type Change = Exclude<Wish, { act: 'show' }>;

/** Records and does it; what is wrong with it, or null. Nothing is recorded that is not going to be tried. */
async function apply(wish: Change, people: Named, today: string, context: RulesContext) {
  const { config, clock, print } = context;
  let problem: string | null = null;
  let said = '';
  // A second command waits from here on, so what was weighed is what is written.
  await editSiteRules(config.dataDir, async (kept) => {
    const plan = planOf(wish, kept, people, today, clock.nowMs());
    if ('wrong' in plan.change) {
      problem = plan.change.wrong;
      return kept;
    }
    await openAudit(config.dataDir, { clock }).record({ action: plan.action, what: plan.what });
    said = plan.said;
    return plan.change;
  });
  if (problem === null) await print([said]);
  return problem;
}

const otherDocument =
  'Who was not barred by this code or number may be barred by another of theirs: lift that one. "rules show" lists who is.\n';

function planOf(
  wish: Change,
  kept: Parameters<typeof bar>[0],
  { subjects, former, whose }: Named,
  today: string,
  nowMs: number,
): Planned {
  switch (wish.act) {
    case 'bar': {
      const { reason, until, gates } = wish;
      // Whoever was barred under a former key is barred once, as now said.
      const change = bar(unbar(kept, former), subjects, { reason, until, gates, since: new Date(nowMs).toISOString() });
      const what = { ...whose, reason, until, gates: [...gates] };
      return { change, action: 'rules.barred', what, said: `Barred: ${subjects.length}.\n` };
    }
    case 'unbar': {
      const change = unbar(kept, [...subjects, ...former]);
      const lifted = kept.barred.length - change.barred.length;
      const others = lifted < subjects.length ? otherDocument : '';
      const said = `Lifted: ${lifted} of ${subjects.length}.\n${others}`;
      return { change, action: 'rules.unbarred', what: whose, said };
    }
    case 'expect': {
      const change = expect(kept, wish.day, subjects, today);
      const count = 'wrong' in change ? 0 : (change.expected[wish.day]?.length ?? 0);
      const what = { day: wish.day, people: subjects.length };
      return { change, action: 'rules.expected', what, said: `Expected on ${wish.day}: ${count}.\n` };
    }
    case 'expect-clear': {
      const change = clearExpected(kept, wish.day);
      return {
        change,
        action: 'rules.expected-cleared',
        what: { day: wish.day },
        said: 'Nobody is expected any more.\n',
      };
    }
    default:
      return planSetting(wish, kept, nowMs);
  }
}

type Setting = Exclude<Change, { act: 'bar' | 'unbar' | 'expect' | 'expect-clear' }>;

function planSetting(wish: Setting, kept: Parameters<typeof bar>[0], nowMs: number): Planned {
  const { passback, occupancy } = kept.settings;
  const action = 'rules.changed';
  switch (wish.act) {
    case 'expected':
      return {
        change: set(kept, { expected: wish.strictness }),
        action,
        what: { expected: wish.strictness },
        said: `People who are not expected: ${wish.strictness}.\n`,
      };
    case 'passback': {
      const { strictness, places } = wish;
      const there = places.map((place) => [place, strictness] as const);
      const next =
        places.length === 0
          ? { ...passback, everywhere: strictness, gates: {} }
          : { ...passback, gates: { ...passback.gates, ...Object.fromEntries(there) } };
      const where = places.length === 0 ? '' : ` at ${places.join(', ')}`;
      const what = { passback: strictness, gates: [...places] };
      return { change: set(kept, { passback: next }), action, what, said: `Passback${where}: ${strictness}.\n` };
    }
    case 'occupancy': {
      const { limit, strictness, resetAt } = wish;
      const next = { limit, strictness, resetAt: resetAt ?? occupancy?.resetAt ?? null };
      const what = { occupancy: limit, strictness, resetAt: next.resetAt };
      return {
        change: set(kept, { occupancy: next }),
        action,
        what,
        said: `At most ${limit} inside: ${strictness}.\n`,
      };
    }
    case 'occupancy-off':
      return { change: set(kept, { occupancy: null }), action, what: { occupancy: null }, said: 'No limit.\n' };
    case 'occupancy-reset':
      return {
        change: set(kept, { resetMs: nowMs }),
        action,
        what: { occupancy: 'reset' },
        said: 'Everybody has left.\n',
      };
  }
}

const nobody: People = { subjects: [], former: [], wrong: [] };

/** The people that the wish is about. `problem`: they cannot be read at all. */
async function readNamed(
  wish: Change,
  makeReader: () => SubjectReader,
  { input }: RulesContext,
): Promise<People | { readonly problem: string }> {
  if (wish.act !== 'bar' && wish.act !== 'unbar' && wish.act !== 'expect') return nobody;
  if ('subject' in wish && wish.subject !== null) return { subjects: [wish.subject], former: [], wrong: [] };
  const from = wish.act === 'expect' ? wish.from : null;
  const read = await readBytes(from, input);
  if ('problem' in read) return read;
  const people = readPeople(read.bytes, makeReader());
  if ('problem' in people || people.subjects.length + people.wrong.length > 0) return people;
  return { problem: 'There is no code and no number in what was given.' };
}

async function readBytes(
  from: string | null,
  input: StandardInput,
): Promise<{ readonly bytes: Uint8Array } | { readonly problem: string }> {
  if (from === null && input.isTerminal)
    return { bytes: Buffer.from((await input.ask('Scan the code, or type the number: ')) ?? '') };
  try {
    if (from !== null && (await stat(from)).size > listBytesMax)
      return { problem: `${from} is longer than ${listBytesMax} bytes.` };
    return { bytes: from === null ? await input.readAll() : await readFile(from) };
  } catch (error) {
    return { problem: `The list cannot be read: ${describeError(error)}.` };
  }
}

/** What is needed to understand this site's cards: also those that have expired or were revoked are somebody's. */
function knownHere(dataDir: string): Known {
  const issuers = readIssuers(join(dataDir, 'trust')).map(({ id, name, publicKey }) => {
    return [id, { id, name, publicKey: importIssuerKey(Buffer.from(publicKey, 'base64url')) }] as const;
  });
  const issuerOfNumber = (number: number) => {
    using register = openRegisterReader(dataDir);
    return register?.find(number)?.issuer ?? null;
  };
  return { ...nothingKnown, cards: { ...nothingKnown.cards, issuers: new Map(issuers), issuerOfNumber } };
}

async function say(print: RulesContext['print'], text: string): Promise<number> {
  await print([text]);
  return exitCode.ok;
}
