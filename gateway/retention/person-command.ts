/** `person` on the command line: what somebody may ask for whose data is kept. */
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { counted } from '../counted.ts';
import { reasonCharsMax } from '../officer/investigation.ts';
import { openOutFile } from '../officer/out-file.ts';
import { askAt, readFrom } from '../officer/passphrase-source.ts';
import { describeUnread } from '../officer/person-numbers.ts';
import { readPersonTexts } from '../officer/person-texts.ts';
import { openIdentities, whyUnopened } from '../officer/site-keys.ts';
import type { TerminalDesk } from '../officer/terminal.ts';
import { openSqliteReader } from '../store/sqlite.ts';
import { createTracing } from '../tracing/store-tracing.ts';
import { type CorrectionField, correctionFields, correctPerson, readCorrectData } from './correcting.ts';
import { type ErasureReport, erasePerson } from './erasing.ts';
import { readForwarded } from './forwarded-files.ts';
import { gatherPerson, type Openers, tabulate } from './person-export.ts';
import type { Keeping } from './purging.ts';
import { findPerson, type SubjectPerson } from './subject-person.ts';

export const personHelp = `person: what somebody may ask for whose data is kept.

  npm run -s gateway -- person export --why TEXT [--format json|csv] [--names]
                               [--out FILE]
  npm run -s gateway -- person correct --why TEXT
  npm run -s gateway -- person erase --why TEXT
                               [--key-file FILE] [--passphrase-file FILE]

The person's code or number is asked for at the terminal, or read from standard
input, one a line: a scanned or pasted code, a number of any document, a printed
card's number. It is never an argument. Several lines are one person.
export   everything that is kept; with --names also what is sealed, for which
         the officer's key is needed.
correct  after the codes, lines like "name: Nguyễn Văn A": name, birth_year,
         number, phone, address, note. Entries stay as they were forwarded; the
         correction is kept beside them, and "unseal" shows it. With a name, the
         person's printed cards say all of it from now on, and nothing of what
         they said before.
erase    deletes all of it, in backups in the data directory too. Entries that
         an upstream has not taken stay: run it again.
By law a person is answered within 10 days (access, correction) or 20 days
(deletion) of asking.
--why is kept for ever, with what was done, by whom and when: write no names
there.
`;

/** What the command is given by the program. */
export interface PersonSurroundings {
  readonly config: Keeping & { readonly site: string };
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly desk: TerminalDesk;
  /** Standard input; null where it is a terminal. */
  readonly input: AsyncIterable<Uint8Array> | null;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

const requests = ['export', 'correct', 'erase'] as const;

interface Order {
  readonly request: (typeof requests)[number];
  readonly why: string;
  readonly format: 'json' | 'csv';
  readonly names: boolean;
  readonly out: string | null;
  readonly keyFile: string | null;
  readonly passphraseFile: string | null;
}

/** Runs it, also while the gateway serves; the exit code: 1 where something is left undone. Throws Faults. */
export async function runPerson(args: readonly string[], surroundings: PersonSurroundings): Promise<number> {
  const { config, desk, input, warn } = surroundings;
  const order = readArguments(args);
  if (typeof order === 'string') return refuseArguments(order, 'gateway -- person', warn);
  const texts = await readPersonTexts(input, desk);
  if (texts === null) {
    warn('Nothing was done.\n');
    return exitCode.failed;
  }
  const { codes, fields } = splitFields(texts);
  const person = await findPerson(config.dataDir, codes);
  if ('wrong' in person) {
    warn(`${describeWrongLine(order.request, texts, person)}\n`);
    return exitCode.failed;
  }
  if (order.request === 'export') return await exportPerson(order, person, surroundings);
  if (order.request === 'correct') return await correct(order, person, fields, surroundings);
  return await erase(order, person, surroundings);
}

/** A line that gives a field, as far as it looks like one. */
const fieldLine = /^\s*([a-z][a-z _]{0,29}?)\s*:(.*)$/i;

/** Lines that name a field are corrections; all others name the person. `codes` keeps the places of the lines. */
function splitFields(texts: readonly string[]) {
  const fields: Partial<Record<CorrectionField, string>> = {};
  const codes = texts.map((text) => {
    const [, name, value = ''] = fieldLine.exec(text) ?? [];
    const field = correctionFields.find((one) => one === name?.toLowerCase());
    if (field === undefined) return text;
    fields[field] = value.trim();
    return '';
  });
  return { codes, fields };
}

/** A field that there is none of is read as a code first, as some codes begin in the same way. */
function describeWrongLine(request: Order['request'], texts: readonly string[], unread: Unread): string {
  const name = request === 'correct' ? fieldLine.exec(texts[unread.line - 1] ?? '')?.[1] : undefined;
  if (name === undefined) return describeUnread(unread);
  return `Line ${unread.line}: "${name}" is no field; use ${correctionFields.join(', ')}.`;
}

type Unread = Parameters<typeof describeUnread>[0];

async function exportPerson(order: Order, person: SubjectPerson, surroundings: PersonSurroundings): Promise<number> {
  const { config, clock, print, warn } = surroundings;
  await using out = order.out === null ? null : await openOut(order.out);
  const openers = order.names ? await openNames(order, surroundings) : null;
  if (typeof openers === 'string') {
    warn(openers);
    return exitCode.failed;
  }
  const audit = openAudit(config.dataDir, { clock });
  const what = { person: [...person.pseudonyms], names: order.names };
  await audit.record({ action: 'person.export', what, why: order.why });
  const found = await gatherPerson(config, person, openers, clock);
  const counts = { entries: found.entries.length, corrections: found.corrections.length, cards: found.cards.length };
  await audit.record({ action: 'person.exported', what: { ...what, ...counts } });
  const text = order.format === 'csv' ? tabulate(found) : `${JSON.stringify(found, null, 2)}\n`;
  if (out === null) await print([text]);
  else {
    await guard(order.out ?? '', async () => {
      await out.write(text);
      await out.finish();
    });
  }
  const said = [
    countedEntries(counts.entries),
    counted(counts.corrections, 'correction'),
    counted(counts.cards, 'card'),
  ];
  warn(`${said.join(', ')}.\n`);
  return exitCode.ok;
}

async function openNames(order: Order, surroundings: PersonSurroundings): Promise<Openers | string> {
  const { config, clock, signal, desk, warn } = surroundings;
  const passphrase = order.passphraseFile === null ? askAt(() => desk.open()) : readFrom(order.passphraseFile);
  const access = { dataDir: config.dataDir, keyFile: order.keyFile, passphrase, clock, signal, warn };
  const openers = await openIdentities('person', access);
  return typeof openers === 'string' ? whyUnopened[openers] : openers;
}

async function correct(
  { why }: Order,
  person: SubjectPerson,
  fields: Partial<Record<CorrectionField, string>>,
  { config, clock, print, warn }: PersonSurroundings,
): Promise<number> {
  const data = readCorrectData(fields, new Date(clock.nowMs()).getUTCFullYear());
  if ('wrong' in data) {
    warn(`${data.wrong}\n`);
    return exitCode.failed;
  }
  const audit = openAudit(config.dataDir, { clock });
  const what = { person: [...person.pseudonyms], fields: Object.keys(fields) };
  await audit.record({ action: 'person.correct', what, why });
  const done = await correctPerson(config, person, data, { clock });
  await audit.record({ action: 'person.corrected', what: { ...what, ...done } });
  if (done.corrections + done.cards === 0) {
    warn('Nothing is kept of that person: try another of their codes or numbers.\n');
    return exitCode.failed;
  }
  const forwarded = await readForwarded(config);
  await print([
    `Kept beside the entries: ${done.corrections}. Cards put right: ${done.cards}.\n`,
    ...(forwarded.length === 0 ? [] : [`Entries were forwarded to ${forwarded.join(' ')}: tell them too.\n`]),
  ]);
  return exitCode.ok;
}

async function erase(
  { why }: Order,
  person: SubjectPerson,
  { config, clock, print }: PersonSurroundings,
): Promise<number> {
  const audit = openAudit(config.dataDir, { clock });
  const what = { person: [...person.pseudonyms] };
  const kept = await countPassages(config.dataDir, person.subjects);
  await audit.record({ action: 'person.erase', what: { ...what, entries: kept, cards: person.cards.length }, why });
  const { problems, ...done } = await erasePerson(config, person, clock);
  await audit.record({ action: 'person.erased', what: { ...what, ...done, problems: problems.length } });
  await print(describeErasure({ problems, ...done }, config.keepDays, await readForwarded(config)));
  return problems.length + done.unforwarded === 0 ? exitCode.ok : exitCode.failed;
}

async function countPassages(dataDir: string, subjects: readonly string[]): Promise<number> {
  await using store = await openSqliteReader({ dir: dataDir });
  let count = 0;
  for await (const _ of createTracing(store).visitsOf(subjects, null)) count++;
  return count;
}

function describeErasure(report: ErasureReport, keepDays: number, forwarded: readonly string[]): readonly string[] {
  const { entries, quarantined, corrections, cards, lines, inBackups, unforwarded, problems } = report;
  return [
    `Deleted: ${countedEntries(entries)}, ${counted(quarantined, 'thing')} in quarantine, ${counted(corrections, 'correction')}; ${counted(lines, 'line')} of forwarded files; ${inBackups} in backups.\n`,
    `Cards that say no more whose they are: ${cards}. They still work: "cards revoke" ends one.\n`,
    ...(unforwarded === 0
      ? []
      : [
          `Entries that stay, as an upstream has not taken them: ${unforwarded}. Run it again once it has. By themselves they go ${keepDays} days after that.\n`,
        ]),
    ...problems.map((problem) => `NOT DONE: ${problem}.\n`),
    forwarded.length === 0
      ? 'Nothing was forwarded out of the data directory. Copies taken elsewhere are not reached from here.\n'
      : `Entries were forwarded to ${forwarded.join(' ')}: what lies there, and copies taken elsewhere, are not reached from here.\n`,
  ];
}

const countedEntries = (count: number) => counted(count, 'entry', 'entries');

async function openOut(path: string) {
  return await guard(path, () => openOutFile(path));
}

async function guard<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Fault('PERSON_FAILED', `File: ${path}: ${describeError(error)}.`, { cause: error });
  }
}

/** What was asked for, or what is wrong with it. */
function readArguments(args: readonly string[]): Order | string {
  const parsed = parse(args);
  // It is not said again, as it may be somebody's number.
  if (typeof parsed === 'string') return 'person has no such option, or the option needs a value.';
  const { values, positionals } = parsed;
  const request = requests.find((name) => name === positionals[0]);
  if (request === undefined || positionals.length > 1)
    return 'person needs one of export, correct and erase, and no number: that is asked for.';
  const why = values.why?.trim() ?? '';
  if (why === '' || why.length > reasonCharsMax)
    return `--why is the reason, at most ${reasonCharsMax} characters: it is recorded.`;
  const format = values.format === 'json' || values.format === 'csv' ? values.format : null;
  if (format === null) return '--format is json or csv.';
  const { names, out = null, 'key-file': keyFile = null, 'passphrase-file': passphraseFile = null } = values;
  return { request, why, format, names, out, keyFile, passphraseFile };
}

function parse(args: readonly string[]) {
  return parseCommandLine(args, {
    allowPositionals: true,
    options: {
      why: { type: 'string' },
      format: { type: 'string', default: 'json' },
      names: { type: 'boolean', default: false },
      out: { type: 'string' },
      'key-file': { type: 'string' },
      'passphrase-file': { type: 'string' },
    },
  });
}
