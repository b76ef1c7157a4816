/** The commands that print: `cards issue` and `cards reprint`. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cardDayOf, formatCardDay } from '../../shared/card.ts';
import { formatCardNumber } from '../../shared/card-number.ts';
import { Fault } from '../../shared/fault.ts';
import { createSealer, type IdentityOpener, importSiteKey } from '../../shared/identity.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { listBytesMax } from '../excel-list.ts';
import { trustFiles } from '../trust/trust-files.ts';
import { cardsPerPage, drawCard, drawSheets, placeOf } from './card-sheet.ts';
import type { CardsContext } from './command.ts';
import { whyTooLong } from './fitting.ts';
import { makeCards, openHolder, toPrint, whyInvalid } from './issue.ts';
import { drawLargeCard, drawLargePages } from './large-page.ts';
import { withIssuer } from './own-issuer.ts';
import { openPdfFile, type PdfFile } from './pdf-file.ts';
import { type PersonRow, readPeople, type WrongRow } from './people-csv.ts';
import { checkFields, type Fields, type Holder, personKey } from './person.ts';
import { codeMm, type PrintedCard, sampleCardText } from './printed-card.ts';
import { qrForPrint } from './qr-level.ts';
import { findCards, isNoneIssued } from './register-commands.ts';
import type { RegisteredCard } from './registered-cards.ts';
import { openNames } from './site-key.ts';

/** How cards are laid out: nine to cut from a page, or one on each. */
export const pageKinds = ['cards', 'large'] as const;
export type PageKind = (typeof pageKinds)[number];

/** Where and how to print. */
export interface Printing {
  readonly out: string;
  readonly page: PageKind;
  /** Where to call when a card is lost; null: not printed. */
  readonly contact: string | null;
}

/** How to issue. */
export interface IssueOptions extends Printing {
  readonly validDays: number;
  /** Leaves out who has a printed card. */
  readonly onlyNew: boolean;
}

/** When this was written. A clock that says less is wrong, and would issue cards that are expired already. */
const earliestNowMs = Date.UTC(2026, 10, 1);

/** Issues a card to everybody of a list who has none, and prints all of them. Exit code 1 where a row was wrong. */
export async function issueFromList(
  path: string,
  options: IssueOptions,
  context: CardsContext,
): Promise<number | string> {
  const list = readPeople(await readList(path), yearOf(context));
  if (list.type === 'unusable') throw new Fault('PEOPLE_FILE_INVALID', `File: ${path}: ${list.reason}.`);
  for (const name of list.ignored) context.warn(`${path}: the column ${JSON.stringify(name)} is not used.\n`);
  const { rows, wrong } = leaveOutTwins(list.rows);
  const wrongRows = [...list.wrong, ...wrong].sort((a, b) => a.line - b.line);
  for (const { line, reason } of wrongRows) context.warn(`${path} line ${line}: ${reason}.\n`);
  const code = await issue(rows, options, context);
  if (wrongRows.length === 0 || typeof code === 'string') return code;
  context.warn(
    `${wrongRows.length} of ${rows.length + wrongRows.length} rows got no card: mend them and run it again.\n`,
  );
  return exitCode.failed;
}

/** The same for one person. */
export async function issueToOne(
  fields: Fields,
  options: IssueOptions,
  context: CardsContext,
): Promise<number | string> {
  const checked = checkFields(fields, yearOf(context));
  if (!('wrong' in checked)) return issue([{ line: 1, ...checked }], options, context);
  context.warn(`${checked.wrong}.\n`);
  return exitCode.failed;
}

function yearOf({ clock }: CardsContext): number {
  return new Date(clock.nowMs()).getUTCFullYear();
}

async function readList(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    // One byte more than is allowed is enough to be refused.
    return size > listBytesMax ? new Uint8Array(listBytesMax + 1) : await readFile(path);
  } catch (error) {
    throw new Fault('LIST_UNREADABLE', `File: ${path}`, { cause: error });
  }
}

/** Sorts out rows whose code cannot be printed, and those that are the same person as one before. */
function leaveOutTwins(all: readonly PersonRow[]): { rows: readonly PersonRow[]; wrong: readonly WrongRow[] } {
  const rows: PersonRow[] = [];
  const wrong: WrongRow[] = [];
  const lines = new Map<string, number>();
  for (const row of all) {
    const { line, holder, code } = row;
    const key = code ?? personKey(holder);
    const twin = lines.get(key);
    if (twin !== undefined)
      wrong.push({ line, reason: `is the same person as line ${twin}: tell them apart by number or phone` });
    else if (code !== null && qrForPrint(code, codeMm.card) === null)
      wrong.push({ line, reason: 'code is too long to be printed' });
    else rows.push(row);
    if (twin === undefined) lines.set(key, line);
  }
  return { rows, wrong };
}

/** Whether the clock says less than it can; then it has been said. */
export function isClockWrong(nowMs: number, { warn }: Pick<CardsContext, 'warn'>): boolean {
  if (nowMs >= earliestNowMs) return false;
  warn(`The clock of this machine says ${formatCardDay(cardDayOf(nowMs))}. Set it first: cards carry the date.\n`);
  return true;
}

/** The exit code, or what is wrong with the arguments. */
async function issue(
  rows: readonly PersonRow[],
  options: IssueOptions,
  context: CardsContext,
): Promise<number | string> {
  const nowMs = context.clock.nowMs();
  if (isClockWrong(nowMs, context)) return exitCode.failed;
  if (rows.length === 0) {
    context.warn('There is nobody to print a card for.\n');
    return exitCode.failed;
  }
  const tooLong = await whyNotPrintable(rows.map(toSample), options, context);
  if (tooLong !== null) return tooLong;
  // First of all, so that a place that cannot be written is noticed before a card is registered.
  await using file = await openPdfFile(options.out);
  const { cards, toMark, fresh, before } = await registerAll(rows, options, context, nowMs);
  const codes = rows.filter(({ code }) => code !== null).length;
  const counts = [`${fresh} issued`, `${before} issued before`, ...(codes === 0 ? [] : [`${codes} national codes`])];
  if (cards.length === 0) return context.print([`${counts.join(', ')}. Nothing is to be printed.\n`]);
  await printCards(file, cards, options, context);
  await withIssuer(context, async ({ register }) => register.markPrinted(toMark, nowMs));
  return context.print([`${counts.join(', ')}. ${describePdf(options, cards.length)}\n`]);
}

/** Registers who is new, durably, and says what is to be printed, in the order of the rows. */
function registerAll(rows: readonly PersonRow[], options: IssueOptions, context: CardsContext, nowMs: number) {
  return withIssuer(context, async ({ issuer, notice, register }) => {
    const sealer = createSealer(await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url')));
    const applicants = rows.filter(({ code }) => code === null).map(({ holder }) => holder);
    const issuing = { issuer, sealer, chance: context.chance, nowMs, validDays: options.validDays };
    const made = await makeCards(applicants, register, issuing);
    const fresh = made.flatMap((one) => one.fresh ?? []);
    if (fresh.length > 0) {
      await openAudit(context.dataDir, context).record({ action: 'cards.issued', what: { cards: fresh.length } });
      register.add(fresh);
    }
    const chosen = made.filter(({ printed }) => !(options.onlyNew && printed));
    const byHolder = new Map(chosen.map(({ card, holder }) => [holder, toPrint(card, issuer, holder)]));
    const cards = rows.flatMap(({ holder, code }) =>
      code === null ? (byHolder.get(holder) ?? []) : asItIs(holder, code),
    );
    return {
      cards,
      toMark: chosen.map(({ card }) => card.id),
      fresh: fresh.length,
      before: made.length - fresh.length,
    };
  });
}

/** An existing national code. */
function asItIs({ name, birthYear }: Holder, text: string): PrintedCard {
  return { text, name, birthYear: birthYear ?? null, number: null, expires: null };
}

/** As full as a card for somebody will be. */
function toSample({ holder, code }: PersonRow): PrintedCard {
  const { name, birthYear = null } = holder;
  const own = code === null ? { number: '000 000 000 0', expires: '00/00/0000' } : { number: null, expires: null };
  return { text: code ?? sampleCardText, name, birthYear, ...own };
}

/** The longest names alone are tried: what else there is stands on every card. */
const triedMax = 20;

/** What is too long to be printed, of what stands on every card; null where all of it fits. */
function whyNotPrintable(cards: readonly PrintedCard[], { page, contact }: Printing, { site }: CardsContext) {
  const length = ({ name }: PrintedCard) => name?.length ?? 0;
  const longest = cards.toSorted((a, b) => length(b) - length(a)).slice(0, triedMax);
  return whyTooLong({ name: site, contact }, 'A name', (pdf, issuedBy) => {
    for (const card of longest)
      if (page === 'large') drawLargeCard(pdf, card, issuedBy);
      else drawCard(pdf, card, issuedBy, placeOf(0));
  });
}

function describePdf({ out, page }: Printing, count: number): string {
  const pages = page === 'large' ? count : Math.ceil(count / cardsPerPage);
  return `${out}: ${count} ${count === 1 ? 'card' : 'cards'} on ${pages} ${pages === 1 ? 'page' : 'pages'}.`;
}

async function printCards(file: PdfFile, cards: readonly PrintedCard[], options: Printing, context: CardsContext) {
  const { site, signal, warn, clock } = context;
  const issuedBy = { name: site, contact: options.contact };
  const step = Math.max(Math.ceil(cards.length / 10), 50);
  let told = 0;
  const progress = (done: number, total: number) => {
    if (done < told + step) return;
    told = done;
    warn(`${done} of ${total} cards are drawn.\n`);
  };
  const draw = options.page === 'large' ? drawLargePages : drawSheets;
  const about = { title: `Thẻ ra vào · ${site}`, nowMs: clock.nowMs() };
  await file.write(async (pdf) => {
    await draw(pdf, cards, issuedBy, { progress, signal });
    if (signal.aborted) throw new Fault('PRINT_FAILED', `File: ${options.out}: it was stopped before the end.`);
  }, about);
}

/** Prints registered cards again, by their numbers. Exit code 1 where a number was wrong. */
export async function reprint(
  words: readonly string[],
  options: Printing & { readonly passphraseFile: string | undefined },
  context: CardsContext,
): Promise<number | string> {
  if (isNoneIssued(context)) return exitCode.failed;
  const nowMs = context.clock.nowMs();
  await using file = await openPdfFile(options.out);
  // Before the register is held, as nobody knows how long a person takes to type.
  const openers = await openNamesOrNone(options.passphraseFile, context);
  const { found, cards, wrong } = await withIssuer(context, async ({ issuer, register }) => {
    const { found: all, guards, wrong } = findCards(words, register);
    const problems = all.map((card) => ({ card, problem: whyInvalid(card, { issuer, nowMs }) }));
    const refused = problems.flatMap(({ card, problem }) => (problem === null ? [] : [describeInvalid(card, problem)]));
    const found = problems.filter(({ problem }) => problem === null).map(({ card }) => card);
    const holders = await openHolders(found, openers, context);
    const cards = found.map((card, index) => toPrint(card, issuer, holders[index] ?? {}));
    return { found, cards, wrong: [...wrong, ...refused, ...guards.map(refuseReprint)] };
  });
  for (const line of wrong) context.warn(`${line}\n`);
  if (cards.length === 0) return exitCode.failed;
  const tooLong = await whyNotPrintable(cards, options, context);
  if (tooLong !== null) return tooLong;
  await printCards(file, cards, options, context);
  await openAudit(context.dataDir, context).record({ action: 'cards.reprinted', what: { cards: cards.length } });
  const ids = found.map(({ id }) => id);
  await withIssuer(context, async ({ register }) => register.markPrinted(ids, nowMs));
  await context.print([`${describePdf(options, cards.length)}\n`]);
  return wrong.length === 0 ? exitCode.ok : exitCode.failed;
}

function refuseReprint({ number }: { readonly number: number }): string {
  return `${formatCardNumber(number)} is a guard's card: make new ones with "cards control", and revoke this one.`;
}

function describeInvalid(card: RegisteredCard, problem: 'revoked' | 'expired' | 'other-key'): string {
  const why = {
    revoked: 'was revoked: issue a new card',
    expired: `was valid until ${formatCardDay(card.expiryDay)}: issue a new card`,
    'other-key': 'was signed with a key that is no longer here: issue a new card',
  };
  return `${formatCardNumber(card.number)} ${why[problem]}.`;
}

/** Openers of the names on cards; none, with a word, where the key is not here or nobody gave the passphrase. */
async function openNamesOrNone(passphraseFile: string | undefined, context: CardsContext) {
  const opened = await openNames('cards reprint', passphraseFile, context);
  if (typeof opened !== 'string') return opened;
  const path = join(context.dataDir, 'trust', trustFiles.siteKey);
  const why = { elsewhere: 'is not here', 'wrong-passphrase': 'stays wrapped', cancelled: 'stays wrapped' }[opened];
  context.warn(
    `Names are sealed, and ${path}, which opens them, ${why}: the cards get an empty line instead. To print names, ` +
      'bring the key and its passphrase, or run "cards issue" with the list of people.\n',
  );
  return null;
}

/** Whose cards they are; says of whom it cannot be told. */
async function openHolders(
  cards: readonly RegisteredCard[],
  openers: ReadonlyMap<string, IdentityOpener> | null,
  { warn }: CardsContext,
) {
  if (openers === null) return [];
  const holders: (Holder | null)[] = [];
  for (const card of cards) {
    const holder = await openHolder(openers, card);
    if (holder === null)
      warn(`${formatCardNumber(card.number)}: the name was sealed to another key and stays closed.\n`);
    holders.push(holder);
  }
  return holders;
}
