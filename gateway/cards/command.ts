/** The commands for printed cards: arguments in, exit code out. */
import { join } from 'node:path';
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import { controlActions } from '../../shared/control-card.ts';
import type { Chance, Clock, Log } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import type { TerminalDesk } from '../officer/terminal.ts';
import type { StandardInput } from '../site-rules/standard-input.ts';
import { openTrust } from '../trust/authority.ts';
import { toFile, trustIssuer } from '../trust/issuer.ts';
import { controlDays, runControl } from './control-command.ts';
import { issueFromList, issueToOne, type PageKind, pageKinds, reprint } from './issue-command.ts';
import { applicantFields, holderFields, readOnePerson } from './one-person.ts';
import { fingerprint, openOwnIssuer } from './own-issuer.ts';
import { openPdfFile } from './pdf-file.ts';
import { drawPoster, fitsPoster, fitsTitle } from './poster.ts';
import { listCards, listFormats, revoke } from './register-commands.ts';
import { type RevocationReason, revocationReasons } from './registered-cards.ts';

/** What the commands work with. */
export interface CardsContext {
  readonly dataDir: string;
  /** The site's name, as it stands on cards. */
  readonly site: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Where the health officer is asked for the passphrase. */
  readonly desk: TerminalDesk;
  /** Where a person is named whom a command is about. */
  readonly input: StandardInput;
  /** Writes to standard output, as fast as it is taken. */
  print(pieces: Iterable<string> | AsyncIterable<string>): Promise<number>;
  /** Writes to standard error: what is wrong, and how far it is. */
  warn(text: string): void;
}

/** What `cards --help` and `poster --help` print. */
export const cardsHelp = `cards: printed cards for people without a phone, and for guards.

  npm run -s gateway -- cards issue --from LIST.csv --out CARDS.pdf
                        [--valid-days N] [--page cards|large] [--only-new]
                        [--contact TEXT]
           issue and print a card for everybody in a list who has none
  npm run -s gateway -- cards issue --out CARD.pdf [...]
           the same for one person, who is asked for
  npm run -s gateway -- cards reprint NUMBER... --out CARDS.pdf
                        [--page cards|large] [--contact TEXT]
           print cards again; with names where the key that opens them is
  npm run -s gateway -- cards revoke NUMBER...
                        [--reason ${revocationReasons.join('|')}]
           refuse cards at every gate from now on
  npm run -s gateway -- cards revoke [--reason ...]
           the same for the cards of one person, who is asked for
  npm run -s gateway -- cards control --for "Chú Tư, cổng A" --out GUARD.pdf
                        [--actions close,open,...] [--kiosk KIOSK] [--days ${controlDays.default}]
                        [--contact TEXT]
           cards by which a guard sets a gate; actions are
           ${controlActions.slice(0, 4).join(' ')}
           ${controlActions.slice(4).join(' ')}
  npm run -s gateway -- cards revoke --for "Chú Tư, cổng A"
           refuse all of a guard's cards from now on
  npm run -s gateway -- cards list [--format ${listFormats.join('|')}] [--names]
           print the register; --names where the key that opens them is
  npm run -s gateway -- cards issuer
           print this site's public file, for other sites to trust
  npm run -s gateway -- cards trust FILE
           take the cards of another site, commune or province
  npm run -s gateway -- poster --text TEXT --out POSTER.pdf [--title TEXT]
           a site's poster with a code of 15 cm

A list is CSV in UTF-8 with the columns name birth_year number phone address
code, or ho_ten nam_sinh so_giay_to dien_thoai dia_chi ma; only the name is
needed. A national code in the column code is printed as it is. One person is
asked for at the terminal, or read from standard input, lines like "name: Nguyễn
Văn A" with the fields of a list: never an argument, as arguments are seen by
everybody on the machine and kept by the shell. --for stands in both, so give a
guard's post rather than a name. All work while the gateway serves. Cards are
valid for 365 days unless told otherwise. Where the key that opens names is
under a passphrase, it is asked for, or read from --passphrase-file.
`;

const validDaysDefault = 365;
const validDaysMax = 3650;

const options = {
  actions: { type: 'string' },
  address: { type: 'string' },
  'birth-year': { type: 'string' },
  contact: { type: 'string' },
  days: { type: 'string' },
  for: { type: 'string' },
  format: { type: 'string' },
  from: { type: 'string' },
  kiosk: { type: 'string' },
  name: { type: 'string' },
  names: { type: 'boolean' },
  number: { type: 'string' },
  'only-new': { type: 'boolean' },
  out: { type: 'string' },
  page: { type: 'string' },
  'passphrase-file': { type: 'string' },
  phone: { type: 'string' },
  reason: { type: 'string' },
  text: { type: 'string' },
  title: { type: 'string' },
  'valid-days': { type: 'string' },
} as const;
type Option = keyof typeof options;
type Values = { readonly [Name in Option]?: (typeof options)[Name]['type'] extends 'boolean' ? boolean : string };

/** What would tell of a person; to be refused in words that say how else. */
const personOptions: readonly Option[] = ['name', 'birth-year', 'number', 'phone', 'address'];
const printOptions = ['out', 'page', 'contact'] as const;

/** What each command may be given. `operands`: whether it takes words without a name. */
const commands: Readonly<Record<string, { readonly operands: boolean; readonly takes: readonly Option[] }>> = {
  issue: { operands: false, takes: [...printOptions, 'from', 'only-new', 'valid-days'] },
  reprint: { operands: true, takes: [...printOptions, 'passphrase-file'] },
  control: { operands: false, takes: ['for', 'actions', 'kiosk', 'days', 'out', 'contact'] },
  revoke: { operands: true, takes: ['reason', 'for'] },
  list: { operands: false, takes: ['format', 'names', 'passphrase-file'] },
  issuer: { operands: false, takes: [] },
  trust: { operands: true, takes: [] },
  poster: { operands: false, takes: ['text', 'out', 'title'] },
};

/** Runs `cards …`, or `poster …`. Throws a Fault for what a person must mend. */
export async function runCards(args: readonly string[], context: CardsContext): Promise<number> {
  const typed = parseCommandLine(args, { allowPositionals: true, options });
  if (typeof typed === 'string') return refuse(context, typed);
  const values: Values = typed.values;
  const [command = '', ...operands] = typed.positionals;
  const rule = commands[command];
  if (rule === undefined) return refuse(context, `There is no command "cards ${command}".`);
  const foreign = (Object.keys(values) as Option[]).find((name) => !rule.takes.includes(name));
  if (foreign !== undefined) return refuse(context, `${command} takes no --${foreign}${insteadOf(foreign)}.`);
  if (operands.length > 0 && !rule.operands)
    return refuse(context, `${command} takes no ${JSON.stringify(operands[0])}.`);
  const problem = await run(command, operands, values, context);
  return typeof problem === 'string' ? refuse(context, problem) : problem;
}

function insteadOf(option: Option): string {
  return personOptions.includes(option)
    ? ': everybody on the machine sees arguments, and the shell keeps them. Leave it out, and the person is asked for; or ' +
        'give lines like "name: …" through standard input'
    : '';
}

function refuse({ warn }: CardsContext, problem: string): number {
  return refuseArguments(problem, 'gateway -- cards', warn);
}

/** The exit code, or what is wrong with the arguments. */
function run(command: string, operands: readonly string[], values: Values, context: CardsContext) {
  switch (command) {
    case 'issue':
      return runIssue(values, context);
    case 'reprint':
      return runReprint(operands, values, context);
    case 'control':
      return runControl(values, context);
    case 'revoke':
      return runRevoke(operands, values, context);
    case 'list':
      return runList(values, context);
    case 'issuer':
      return runIssuer(context);
    case 'trust':
      return runTrust(operands, context);
    default:
      return runPoster(values, context);
  }
}

async function runIssue(values: Values, context: CardsContext): Promise<number | string> {
  const printing = readPrinting(values);
  if (typeof printing === 'string') return printing;
  const validDays = Number(values['valid-days'] ?? validDaysDefault);
  if (!Number.isInteger(validDays) || validDays < 1 || validDays > validDaysMax) {
    return `--valid-days is a number from 1 to ${validDaysMax}, not ${values['valid-days']}.`;
  }
  const how = { ...printing, validDays, onlyNew: values['only-new'] ?? false };
  if (values.from !== undefined) return issueFromList(values.from, how, context);
  const fields = await askWho(applicantFields, context);
  return fields === null ? exitCode.failed : issueToOne(fields, how, context);
}

/** The person, as given; null, with a word, where nobody was named. The terminal is as it was before the work begins. */
async function askWho(wanted: Parameters<typeof readOnePerson>[0], { input, desk, warn }: CardsContext) {
  const fields = await readOnePerson(wanted, input);
  desk[Symbol.dispose]();
  if (!('wrong' in fields)) return fields;
  warn(`${fields.wrong}\n`);
  return null;
}

async function runReprint(operands: readonly string[], values: Values, context: CardsContext) {
  const printing = readPrinting(values);
  if (typeof printing === 'string') return printing;
  if (operands.length === 0) return 'reprint needs the number of a card.';
  return reprint(operands, { ...printing, passphraseFile: values['passphrase-file'] }, context);
}

function readPrinting({ out, page = 'cards', contact }: Values) {
  if (out === undefined || out === '') return 'It needs --out: the PDF to write.';
  const kind = pageKinds.find((name): name is PageKind => name === page);
  return kind === undefined
    ? `--page is ${pageKinds.join(' or ')}, not ${page}.`
    : { out, page: kind, contact: contact?.trim() || null };
}

async function runRevoke(operands: readonly string[], values: Values, context: CardsContext) {
  const { reason = 'other' } = values;
  const known = revocationReasons.find((name): name is RevocationReason => name === reason);
  if (known === undefined) return `--reason is ${revocationReasons.join(' or ')}, not ${reason}.`;
  if (values.for !== undefined && operands.length > 0) return 'revoke takes --for or numbers of cards, not both.';
  if (values.for !== undefined) return revoke({ guard: values.for }, known, context);
  if (operands.length > 0) return revoke({ numbers: operands }, known, context);
  const fields = await askWho(holderFields, context);
  return fields === null ? exitCode.failed : revoke({ person: fields }, known, context);
}

async function runList(values: Values, context: CardsContext) {
  const { format = 'text', names = false, 'passphrase-file': passphraseFile } = values;
  const known = listFormats.find((name) => name === format);
  if (known === undefined) return `--format is ${listFormats.join(' or ')}, not ${format}.`;
  return listCards(known, names ? { passphraseFile } : null, context);
}

async function runIssuer(context: CardsContext): Promise<number> {
  const { notice } = await openOwnIssuer(context);
  context.warn(`Fingerprint, to be compared by telephone: ${fingerprint(notice)}\n`);
  return context.print([toFile(notice)]);
}

async function runTrust(operands: readonly string[], context: CardsContext): Promise<number | string> {
  const [path, more] = operands;
  if (path === undefined || more !== undefined) return 'trust needs one file: what "cards issuer" printed elsewhere.';
  const { dataDir, site, clock, log } = context;
  const folder = join(dataDir, 'trust');
  await openTrust(folder, { site, clock, log });
  const { issuer, outcome } = await trustIssuer(folder, path, async (trusting) => {
    const what = { issuer: trusting.issuer.id, outcome: trusting.outcome };
    await openAudit(dataDir, context).record({ action: 'issuer.trusted', what });
  });
  const who = `${issuer.name} (${issuer.id})`;
  const said = {
    new: `Cards of ${who} are taken from now on. Fingerprint, to be compared by telephone: ${fingerprint(issuer)}`,
    renamed: `Cards of ${who} are taken as before; the name is new.`,
    known: `Cards of ${who} were taken before. Nothing was changed.`,
    own: `${who} is this site itself. Nothing was changed.`,
    conflict: `Another key has the id ${issuer.id} already. Nothing was changed: ask ${issuer.name} for a new key.`,
    'too-many': 'There are as many issuers as may be. Nothing was changed: take one out of trust/issuers.',
  };
  if (outcome === 'new' || outcome === 'renamed' || outcome === 'known') return context.print([`${said[outcome]}\n`]);
  context.warn(`${said[outcome]}\n`);
  return exitCode.failed;
}

async function runPoster({ text = '', out = '', title }: Values, context: CardsContext): Promise<number | string> {
  if (text === '') return 'poster needs --text: what the code holds.';
  if (out === '') return 'poster needs --out: the PDF to write.';
  if (!fitsPoster(text)) return 'The text is too long for a code that can be read from a poster.';
  const about = { title: title ?? context.site, nowMs: context.clock.nowMs() };
  if (!(await fitsTitle(about.title)))
    return `${title === undefined ? 'RAVAO_SITE' : '--title'} is too long to stand over the code.`;
  await using file = await openPdfFile(out);
  await file.write((pdf) => drawPoster(pdf, text, about.title), about);
  return context.print([`${out}: a poster of A4.\n`]);
}
