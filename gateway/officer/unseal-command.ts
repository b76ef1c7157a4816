/** `unseal` on the command line: arguments, the person, the passphrase; then a table with names. */
import { join } from 'node:path';
import type { parseArgs } from 'node:util';
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { openRegisterReader } from '../cards/register.ts';
import { counted } from '../counted.ts';
import { parseSpanEnd } from '../moment.ts';
import type { CorrectionReader } from '../store/store.ts';
import type { TimeWindow, Tracing } from '../tracing/tracing.ts';
import { readIssuers } from '../trust/issuer.ts';
import { readTrustFolder } from '../trust/trust-files.ts';
import { type Ending, investigate, reasonCharsMax } from './investigation.ts';
import { type OutFile, openOutFile } from './out-file.ts';
import { askAt, readFrom } from './passphrase-source.ts';
import { describeUnread, readPerson } from './person-numbers.ts';
import { readPersonTexts } from './person-texts.ts';
import { openIdentities, whyUnopened } from './site-keys.ts';
import type { TerminalDesk } from './terminal.ts';
import { nothingTold, type Question } from './unseal.ts';

export const unsealHelp = `unseal: who somebody is that passed, where somebody was, and who was there
together with them. For the health officer.

  npm run -s gateway -- unseal --person --why TEXT [--together] [--from TIME]
                        [--to TIME] [--out FILE.csv]
  npm run -s gateway -- unseal --gate NAME | --all-gates --from TIME --to TIME
                        --why TEXT [--out FILE.csv]
                        [--key-file FILE] [--passphrase-file FILE]

--person asks for the person's code or number at the terminal, or reads it from
standard input, one a line: a scanned or pasted code, a number of any document,
a printed card's number. It is never an argument: everybody who uses the machine
can see those, and the shell writes them down. Several lines are one person.
TIME is like "20/11/2026 07:30" or 2026-11-20T07:30, in Viet Nam; a day alone is
the whole day.
"phone" and "address" of somebody with a printed card are those of the register
of cards, "number" is the card's.
The column "corrections" holds what that person has since said is wrong ("person
correct"), with times, oldest first: where it names a phone, call that one.
--together lists who was there at the same time. --key-file names wrapped keys
that lie elsewhere, on a stick.
Everything is recorded before it is done: who, when, what was asked and why.
--why is kept for ever: write no names there.
`;

/** What the command is given by the program. */
export interface UnsealSurroundings {
  readonly config: { readonly dataDir: string };
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly desk: TerminalDesk;
  /** Standard input; null where it is a terminal. */
  readonly input: AsyncIterable<Uint8Array> | null;
  /** Opens the stored entries for tracing, and what people said is wrong in them. Throws the Faults of the store. */
  readonly openStored: () => Promise<Stored>;
  readonly print: (pieces: AsyncIterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

/** What is read of the store, until it is disposed. */
export interface Stored extends AsyncDisposable {
  readonly tracing: Tracing;
  readonly corrections: CorrectionReader;
}

/** What is asked, before it is known of whom. */
interface Order {
  readonly ask: { readonly type: 'visits' | 'together' } | { readonly type: 'gate'; readonly gate: string | null };
  readonly window: TimeWindow | null;
  readonly why: string;
  readonly out: string | null;
  readonly keyFile: string | null;
  readonly passphraseFile: string | null;
}

/**
 * Runs it, also while the gateway serves; the exit code: 1 where an identity could not be opened.
 * Throws the Faults of the trust folder, the wrapped keys, the passphrase, the audit and the store, and UNSEAL_FAILED.
 */
export async function runUnseal(args: readonly string[], surroundings: UnsealSurroundings): Promise<number> {
  const { config, warn } = surroundings;
  const order = readArguments(args);
  if (typeof order === 'string') return refuseArguments(order, 'gateway -- unseal', warn);
  const folder = join(config.dataDir, 'trust');
  const { subjectKeys } = await readTrustFolder(folder);
  // First of all, so that a place that cannot be written is noticed before anything is asked or opened.
  await using out = order.out === null ? null : await openOut(order.out);
  const question = await readQuestion(order, folder, surroundings);
  if (typeof question === 'string') {
    warn(question);
    return exitCode.failed;
  }
  const keys = subjectKeys.map(({ key }) => key);
  return await answer(question, order, keys, out, surroundings);
}

async function answer(
  question: Question,
  order: Order,
  subjectKeys: readonly Uint8Array[],
  out: OutFile | null,
  { config, clock, signal, desk, openStored, print, warn }: UnsealSurroundings,
): Promise<number> {
  const passphrase = order.passphraseFile === null ? askAt(() => desk.open()) : readFrom(order.passphraseFile);
  const access = { dataDir: config.dataDir, keyFile: order.keyFile, passphrase, clock, signal, warn };
  const openers = await openIdentities('unseal', access);
  // From here on Ctrl-C is the system's again.
  desk[Symbol.dispose]();
  if (typeof openers === 'string') {
    warn(whyUnopened[openers]);
    return exitCode.failed;
  }
  await using opened = await openStored();
  const issuers = () => readIssuers(join(config.dataDir, 'trust'));
  const register = () => openRegisterReader(config.dataDir);
  const audit = openAudit(config.dataDir, { clock });
  const parts = { ...opened, openers, subjectKeys, issuers, register, audit, signal };
  let ending: Ending = { ...nothingTold, complete: false };
  const table = investigate(question, order.why, parts, (end) => {
    ending = end;
  });
  if (out === null) await print(table);
  else await writeTable(table, out, order.out ?? '', () => ending.complete);
  warn(describe(ending, order));
  return ending.complete && ending.unopened + ending.correctionsUnopened === 0 ? exitCode.ok : exitCode.failed;
}

function describe(ending: Ending, { ask, out }: Order): string {
  const { rows, persons, unopened, corrections, correctionsUnopened, complete } = ending;
  const what = ask.type === 'together' ? 'meeting' : 'passage';
  const lines = [
    complete
      ? `${counted(rows, what)}, ${counted(persons, 'identity', 'identities')} opened.`
      : 'It was stopped before the end.',
    ...(complete && rows === 0 ? [whyNobody[ask.type]] : []),
    ...(unopened === 0 ? [] : [`${counted(unopened, 'row')} could not be opened: the last column says why.`]),
    ...(corrections === 0
      ? []
      : [`${counted(corrections, 'correction')}: what people said is wrong stands beside their phone.`]),
    ...(correctionsUnopened === 0
      ? []
      : [`${counted(correctionsUnopened, 'correction')} could not be opened: the column "corrections" says why.`]),
    ...(out === null || !complete ? [] : [`${out} holds names: for your eyes, and to be deleted when it has served.`]),
  ];
  return `${lines.join('\n')}\n`;
}

const whyNobody: Readonly<Record<Question['type'], string>> = {
  visits: 'No entry is of that person in that time: try another of their codes or numbers.',
  together: 'Nobody was there meanwhile, or no entry is of that person in that time: look without --together.',
  gate: 'Nobody passed there in that time. Is the gate written as in "entries"?',
};

async function openOut(path: string): Promise<OutFile> {
  try {
    return await openOutFile(path);
  } catch (error) {
    throw new Fault('UNSEAL_FAILED', `File: ${path}: ${describeError(error)}.`, { cause: error });
  }
}

async function writeTable(
  table: AsyncIterable<string>,
  out: OutFile,
  path: string,
  isComplete: () => boolean,
): Promise<void> {
  const guard = async (work: Promise<void>) => {
    try {
      await work;
    } catch (error) {
      throw new Fault('UNSEAL_FAILED', `File: ${path}: ${describeError(error)}.`, { cause: error });
    }
  };
  for await (const piece of table) await guard(out.write(piece));
  if (isComplete()) await guard(out.finish());
}

/** The question, or what is wrong with what was given of the person; nothing of it is said again. */
async function readQuestion(
  { ask, window }: Order,
  trustFolder: string,
  { desk, input }: UnsealSurroundings,
): Promise<Question | string> {
  if (ask.type === 'gate') {
    if (window === null) throw new Error('a gate is asked about with a window');
    return { ...ask, window };
  }
  const texts = await readPersonTexts(input, desk);
  if (texts === null) return 'Nothing was opened.\n';
  const person = readPerson(texts, readIssuers(trustFolder));
  if ('wrong' in person) return `${describeUnread(person)}\n`;
  return { type: ask.type, numbers: person.numbers, window };
}

const options = {
  person: { type: 'boolean', default: false },
  together: { type: 'boolean', default: false },
  gate: { type: 'string' },
  'all-gates': { type: 'boolean', default: false },
  from: { type: 'string' },
  to: { type: 'string' },
  why: { type: 'string' },
  out: { type: 'string' },
  'key-file': { type: 'string' },
  'passphrase-file': { type: 'string' },
  // Refused, with a reason: what stands in arguments can be read by everybody on the machine.
  number: { type: 'string' },
  code: { type: 'string' },
  card: { type: 'string' },
  passphrase: { type: 'string' },
} as const;

/** What was asked for, or what is wrong with it. */
function readArguments(args: readonly string[]): Order | string {
  const typed = parseCommandLine(args, { options });
  // It is not said again, as it may be somebody's number.
  if (typeof typed === 'string') return 'unseal has no such option, or the option needs a value.';
  const { values } = typed;
  if ([values.number, values.code, values.card, values.passphrase].some((value) => value !== undefined))
    return 'Numbers, codes and passphrases may not be arguments: everybody on this machine can read those, and the shell keeps them. Clear its history, and use --person.';
  const ask = readAsk(values);
  if (typeof ask === 'string') return ask;
  const window = readWindow(values.from, values.to, ask.type === 'gate');
  if (typeof window === 'string') return window;
  const why = values.why?.trim() ?? '';
  if (why === '' || why.length > reasonCharsMax)
    return `--why is the reason, at most ${reasonCharsMax} characters: it is recorded.`;
  const { out = null, 'key-file': keyFile = null, 'passphrase-file': passphraseFile = null } = values;
  return { ask, window, why, out, keyFile, passphraseFile };
}

type Options = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

function readAsk({ person, gate, 'all-gates': all, together }: Options): Order['ask'] | string {
  if ([person, gate !== undefined, all].filter(Boolean).length !== 1)
    return 'unseal needs one of --person, --gate and --all-gates.';
  if (person) return { type: together ? 'together' : 'visits' };
  return together ? '--together belongs to --person.' : { type: 'gate', gate: gate ?? null };
}

/** Null: at any time. What has only one end reaches as far as there are entries. */
function readWindow(from: string | undefined, to: string | undefined, isNeeded: boolean): TimeWindow | null | string {
  if (isNeeded && (from === undefined || to === undefined)) return 'A gate is asked about with --from and --to.';
  if (from === undefined && to === undefined) return null;
  const fromMs = from === undefined ? 0 : parseSpanEnd(from.trim(), 'from');
  const toMs = to === undefined ? timeEndMs : parseSpanEnd(to.trim(), 'to');
  if (fromMs === null || toMs === null)
    return '--from and --to are like "20/11/2026 07:30", 2026-11-20T07:30 or 2026-11-20.';
  return fromMs < toMs ? { fromMs, toMs } : '--from must be before --to.';
}

/** The end of what ISO 8601 writes with four digits, milliseconds since the Unix epoch. */
const timeEndMs = Date.UTC(9999, 0, 1);
