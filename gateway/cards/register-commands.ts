/** The commands on the register that print no card: `cards revoke` and `cards list`. */
import { stringify } from 'csv-stringify/sync';
import { cardDayOf, formatCardDay } from '../../shared/card.ts';
import { formatCardNumber, parseTenDigits } from '../../shared/card-number.ts';
import type { ControlAction } from '../../shared/control-card.ts';
import type { IdentityOpener } from '../../shared/identity.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { whyUnopened } from '../officer/site-keys.ts';
import type { Issuer } from '../trust/issuer.ts';
import { warnOfClosedGates } from './closed-gates.ts';
import type { CardsContext } from './command.ts';
import type { RegisteredControlCard } from './control-cards.ts';
import { tidyGuard } from './control-command.ts';
import { guardDigest } from './control-issue.ts';
import { cardsOf, openHolder } from './issue.ts';
import { withIssuer } from './own-issuer.ts';
import { checkFields, type Fields, type Holder } from './person.ts';
import { openRegisterReader } from './register.ts';
import type { RegisteredCard, RegisterReader, RevocationReason } from './registered-cards.ts';
import { openNames } from './site-key.ts';

/** How `cards list` prints. */
export const listFormats = ['text', 'csv', 'json'] as const;
export type ListFormat = (typeof listFormats)[number];

/**
 * Looks up the cards whose numbers were typed, with spaces or hyphens or without. Each is found once.
 * @returns guards' cards by themselves; also a line for each that is wrong.
 */
export function findCards(words: readonly string[], register: RegisterReader) {
  const found = new Map<number, RegisteredCard>();
  const guards = new Map<number, RegisteredControlCard>();
  const wrong: string[] = [];
  for (const typed of splitNumbers(words)) {
    const number = parseTenDigits(typed.replace(/[ .-]/g, ''));
    const card = number === null ? null : register.find(number);
    const control = number === null || card !== null ? null : register.control.find(number);
    if (card !== null) found.set(card.number, card);
    else if (control !== null) guards.set(control.number, control);
    else if (number === null)
      wrong.push(`${typed} is no card's number: ten digits, and one of them is wrong or missing.`);
    else wrong.push(`${formatCardNumber(number)} is in no card of this register.`);
  }
  return { found: [...found.values()], guards: [...guards.values()], wrong };
}

/** Takes apart numbers whose spaces the shell took for ends: `123 456 789 0` is one. */
function splitNumbers(words: readonly string[]): readonly string[] {
  const text = words.join(' ').trim();
  const whole = /\d{3}[ .-]?\d{3}[ .-]?\d{3}[ .-]?\d(?!\d)/g;
  return text.replace(whole, (number) => number.replace(/[ .-]/g, '')).split(/[\s,;]+/);
}

/** Refuses cards at every gate from now on, by their numbers or by whose they are. Exit code 1 where one was not found. */
export async function revoke(
  whose: { readonly numbers: readonly string[] } | { readonly person: Fields } | { readonly guard: string },
  reason: RevocationReason,
  context: CardsContext,
): Promise<number> {
  if (isNoneIssued(context)) return exitCode.failed;
  const nowMs = context.clock.nowMs();
  const { done, cut, wrong } = await withIssuer(context, async ({ issuer, register }) => {
    const thisYear = new Date(nowMs).getUTCFullYear();
    const { found, guards, wrong } = findWhose(whose, thisYear, issuer, register);
    const done: string[] = [];
    const revokeOne = async <C extends Revocable>(card: C, action: string, cut: () => void) => {
      const number = formatCardNumber(card.number);
      if (card.revoked === null) {
        await openAudit(context.dataDir, context).record({ action, what: { card: number }, why: reason });
        cut();
      }
      const before = card.revoked === null ? null : dateOf(card.revoked.atMs);
      done.push(`${number} ${before === null ? `is revoked (${reason})` : `was revoked on ${before} already`}.\n`);
    };
    for (const card of found) await revokeOne(card, 'card.revoked', () => register.revoke(card, reason, nowMs));
    for (const card of guards) {
      await revokeOne(card, 'control.revoked', () => register.control.revoke(card, reason, nowMs));
    }
    return { done, cut: guards.filter((card) => card.revoked === null), wrong };
  });
  for (const line of wrong) context.warn(`${line}\n`);
  await context.print(done);
  context.warn((await warnOfClosedGates(cut, context.dataDir)) ?? '');
  return wrong.length === 0 ? exitCode.ok : exitCode.failed;
}

/** Whether no card was ever issued here; then it has been said. Nothing is made where something is looked for. */
export function isNoneIssued({ dataDir, warn }: Pick<CardsContext, 'dataDir' | 'warn'>): boolean {
  using reader = openRegisterReader(dataDir);
  if (reader !== null) return false;
  warn(`No card was ever issued in ${dataDir}: check RAVAO_DATA_DIR.\n`);
  return true;
}

type Revocable = Pick<RegisteredCard, 'number' | 'revoked'>;

function findWhose(
  whose: Parameters<typeof revoke>[0],
  thisYear: number,
  issuer: Issuer,
  register: RegisterReader,
): {
  readonly found: readonly RegisteredCard[];
  readonly guards: readonly RegisteredControlCard[];
  readonly wrong: readonly string[];
} {
  if ('numbers' in whose) return findCards(whose.numbers, register);
  if ('person' in whose) return { guards: [], ...findPerson(whose.person, thisYear, issuer, register) };
  const guard = tidyGuard(whose.guard) ?? '';
  const guards = [issuer, ...issuer.former].flatMap(({ personKey }) =>
    register.control.ofGuard(guardDigest(personKey, guard)),
  );
  const wrong = 'Nobody of that name has cards for a gate: it must be as it stands on them.';
  return { found: [], guards, wrong: guards.length === 0 ? [wrong] : [] };
}

function findPerson(fields: Fields, thisYear: number, issuer: Issuer, register: RegisterReader) {
  const checked = checkFields(fields, thisYear);
  if ('wrong' in checked) return { found: [], wrong: [`${checked.wrong}.`] };
  const found = cardsOf(checked.holder, register, issuer);
  const wrong =
    'Nobody of that name, year of birth, number and phone has a card: all must be as they were in the list.';
  return { found, wrong: found.length === 0 ? [wrong] : [] };
}

/** Prints the register, oldest card first; whose each is only where asked for and where the key that opens it is. */
export async function listCards(
  format: ListFormat,
  names: { readonly passphraseFile: string | undefined } | null,
  context: CardsContext,
): Promise<number> {
  const openers = names === null ? null : await openNames('cards list', names.passphraseFile, context);
  if (typeof openers === 'string') {
    context.warn(`--names needs trust/site.key or its wrapped form. ${whyUnopened[openers]}`);
    return exitCode.failed;
  }
  // Whoever sees names has left a trace before.
  if (openers !== null)
    await openAudit(context.dataDir, context).record({ action: 'cards.listed-with-names', what: {} });
  using reader = openRegisterReader(context.dataDir);
  return await context.print(listPieces(format, reader, openers, cardDayOf(context.clock.nowMs())));
}

interface Listed {
  readonly number: string;
  readonly issued: string;
  readonly expires: string;
  readonly state: 'valid' | 'expired' | 'revoked';
  readonly printed: boolean;
  readonly revoked: string | null;
  readonly reason: RevocationReason | null;
  /** What a guard's card does, and at which kiosk alone. */
  readonly control?: { readonly action: ControlAction; readonly kiosk: string | null };
  readonly holder?: Holder | null;
}

async function* listPieces(
  format: ListFormat,
  reader: RegisterReader | null,
  openers: ReadonlyMap<string, IdentityOpener> | null,
  today: number,
): AsyncGenerator<string> {
  const holderColumns = openers === null ? [] : ['name', 'birth_year', 'holder_number', 'phone', 'address'];
  const heading = [
    'number',
    'issued',
    'expires',
    'state',
    'printed',
    'revoked',
    'reason',
    'control',
    'kiosk',
    ...holderColumns,
  ];
  let count = 0;
  if (format === 'csv') yield stringify([heading], { bom: true });
  if (format === 'json') yield '[';
  for (const card of allCards(reader)) {
    const listed = describeCard(card, today);
    const whole = openers === null ? listed : { ...listed, holder: await openHolder(openers, card) };
    if (format === 'json') yield `${count === 0 ? '\n' : ',\n'}${JSON.stringify(whole)}`;
    else if (format === 'csv') yield stringify([toRow(whole, openers !== null)], { escape_formulas: true });
    else yield toLine(whole);
    count++;
  }
  if (format === 'json') yield count === 0 ? ']\n' : '\n]\n';
  if (format === 'text') yield `${count} cards.\n`;
}

/** Those of people first, then those of guards. */
function* allCards(reader: RegisterReader | null): Generator<RegisteredCard | RegisteredControlCard> {
  yield* reader?.all() ?? [];
  yield* reader?.control.all() ?? [];
}

function describeCard(card: RegisteredCard | RegisteredControlCard, today: number): Listed {
  const { revoked, expiryDay } = card;
  return {
    number: formatCardNumber(card.number),
    issued: formatCardDay(card.issuedDay),
    expires: formatCardDay(expiryDay),
    state: revoked !== null ? 'revoked' : expiryDay < today ? 'expired' : 'valid',
    printed: card.printed,
    revoked: revoked === null ? null : new Date(revoked.atMs).toISOString(),
    reason: revoked?.reason ?? null,
    ...('action' in card && { control: { action: card.action, kiosk: card.kiosk } }),
  };
}

function toRow({ holder, ...listed }: Listed, withHolder: boolean): readonly string[] {
  const { number, issued, expires, state, printed, revoked, reason, control } = listed;
  const does = [control?.action ?? '', control?.kiosk ?? ''];
  const row = [number, issued, expires, state, String(printed), revoked ?? '', reason ?? '', ...does];
  if (!withHolder) return row;
  const { name = '', birthYear = '', number: paper = '', phone = '', address = '' } = holder ?? {};
  return [...row, name, String(birthYear), paper, phone, address];
}

function toLine({ number, issued, expires, state, printed, revoked, reason, control, holder }: Listed): string {
  const what = revoked === null ? state : `${state} ${revoked.slice(0, 10)} (${reason})`;
  const paper = printed ? '' : ', never printed';
  const who = holder === undefined ? '' : `  ${holder?.name ?? '?'} ${holder?.birthYear ?? ''}`.trimEnd();
  const does = control === undefined ? '' : `  ${control.action}, ${control.kiosk ?? 'every kiosk'}`;
  return `${number}  ${issued} to ${expires}  ${what}${paper}${does}${who}\n`;
}

function dateOf(atMs: number): string {
  return formatCardDay(cardDayOf(atMs));
}
