/** The commands on the register that print no card: `cards revoke` and `cards list`. */
import { stringify } from 'csv-stringify/sync';
import { cardDayOf, formatCardDay } from '../../shared/card.ts';
import { formatCardNumber, parseTenDigits } from '../../shared/card-number.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import type { CardsContext } from './command.ts';
import { openHolder } from './issue.ts';
import { withIssuer } from './own-issuer.ts';
import { checkFields, type Fields, type Holder, personDigest } from './person.ts';
import { openRegisterReader } from './register.ts';
import type { RegisteredCard, RegisterReader, RevocationReason } from './registered-cards.ts';
import { readSiteKey } from './site-key.ts';

/** How `cards list` prints. */
export const listFormats = ['text', 'csv', 'json'] as const;
export type ListFormat = (typeof listFormats)[number];

/**
 * Looks up the cards whose numbers were typed, with spaces or hyphens or without. Each is found once.
 * @returns also a line for each that is wrong.
 */
export function findCards(words: readonly string[], register: RegisterReader) {
  const found = new Map<number, RegisteredCard>();
  const wrong: string[] = [];
  for (const typed of splitNumbers(words)) {
    const number = parseTenDigits(typed.replace(/[ .-]/g, ''));
    const card = number === null ? null : register.find(number);
    if (card !== null) found.set(card.number, card);
    else if (number === null)
      wrong.push(`${typed} is no card's number: ten digits, and one of them is wrong or missing.`);
    else wrong.push(`${formatCardNumber(number)} is in no card of this register.`);
  }
  return { found: [...found.values()], wrong };
}

/** Takes apart numbers whose spaces the shell took for ends: `123 456 789 0` is one. */
function splitNumbers(words: readonly string[]): readonly string[] {
  const text = words.join(' ').trim();
  const whole = /\d{3}[ .-]?\d{3}[ .-]?\d{3}[ .-]?\d(?!\d)/g;
  return text.replace(whole, (number) => number.replace(/[ .-]/g, '')).split(/[\s,;]+/);
}

/** Refuses cards at every gate from now on, by their numbers or by whose they are. Exit code 1 where one was not found. */
export async function revoke(
  whose: { readonly numbers: readonly string[] } | { readonly person: Fields },
  reason: RevocationReason,
  context: CardsContext,
): Promise<number> {
  const nowMs = context.clock.nowMs();
  const { done, wrong } = await withIssuer(context, async ({ issuer, register }) => {
    const { found, wrong } =
      'numbers' in whose
        ? findCards(whose.numbers, register)
        : findPerson(whose.person, new Date(nowMs).getUTCFullYear(), issuer.personKey, register);
    const done: string[] = [];
    for (const card of found) {
      if (card.revoked === null) {
        const what = { card: formatCardNumber(card.number) };
        await openAudit(context.dataDir, context).record({ action: 'card.revoked', what, why: reason });
        register.revoke(card, reason, nowMs);
      }
      const said =
        card.revoked === null ? `is revoked (${reason})` : `was revoked on ${dateOf(card.revoked.atMs)} already`;
      done.push(`${formatCardNumber(card.number)} ${said}.\n`);
    }
    return { done, wrong };
  });
  for (const line of wrong) context.warn(`${line}\n`);
  await context.print(done);
  return wrong.length === 0 ? exitCode.ok : exitCode.failed;
}

function findPerson(fields: Fields, thisYear: number, personKey: Uint8Array, register: RegisterReader) {
  const checked = checkFields(fields, thisYear);
  if ('wrong' in checked) return { found: [], wrong: [`${checked.wrong}.`] };
  const found = register.ofPerson(personDigest(personKey, checked.holder));
  const wrong =
    'Nobody of that name, year of birth, number and phone has a card: all must be as they were in the list.';
  return { found, wrong: found.length === 0 ? [wrong] : [] };
}

/** Prints the register, oldest card first; whose each is only where asked for and where the key that opens it is. */
export async function listCards(format: ListFormat, withNames: boolean, context: CardsContext): Promise<number> {
  const siteKey = withNames ? await readSiteKey(context.dataDir) : null;
  if (withNames && siteKey === null) {
    context.warn('--names needs trust/site.key, which opens names. It is not on this machine.\n');
    return exitCode.failed;
  }
  // Whoever sees names has left a trace before.
  if (siteKey !== null)
    await openAudit(context.dataDir, context).record({ action: 'cards.listed-with-names', what: {} });
  using reader = openRegisterReader(context.dataDir);
  return await context.print(listPieces(format, reader, siteKey, cardDayOf(context.clock.nowMs())));
}

interface Listed {
  readonly number: string;
  readonly issued: string;
  readonly expires: string;
  readonly state: 'valid' | 'expired' | 'revoked';
  readonly printed: boolean;
  readonly revoked: string | null;
  readonly reason: RevocationReason | null;
  readonly holder?: Holder | null;
}

async function* listPieces(
  format: ListFormat,
  reader: RegisterReader | null,
  siteKey: Uint8Array | null,
  today: number,
): AsyncGenerator<string> {
  const holderColumns = siteKey === null ? [] : ['name', 'birth_year', 'holder_number', 'phone', 'address'];
  const heading = ['number', 'issued', 'expires', 'state', 'printed', 'revoked', 'reason', ...holderColumns];
  let count = 0;
  if (format === 'csv') yield stringify([heading], { bom: true });
  if (format === 'json') yield '[';
  for (const card of reader?.all() ?? []) {
    const listed = describeCard(card, today);
    const whole = siteKey === null ? listed : { ...listed, holder: await openHolder(siteKey, card).catch(() => null) };
    if (format === 'json') yield `${count === 0 ? '\n' : ',\n'}${JSON.stringify(whole)}`;
    else if (format === 'csv') yield stringify([toRow(whole, siteKey !== null)], { escape_formulas: true });
    else yield toLine(whole);
    count++;
  }
  if (format === 'json') yield count === 0 ? ']\n' : '\n]\n';
  if (format === 'text') yield `${count} cards.\n`;
}

function describeCard(card: RegisteredCard, today: number): Listed {
  const { revoked, expiryDay } = card;
  return {
    number: formatCardNumber(card.number),
    issued: formatCardDay(card.issuedDay),
    expires: formatCardDay(expiryDay),
    state: revoked !== null ? 'revoked' : expiryDay < today ? 'expired' : 'valid',
    printed: card.printed,
    revoked: revoked === null ? null : new Date(revoked.atMs).toISOString(),
    reason: revoked?.reason ?? null,
  };
}

function toRow({ holder, ...listed }: Listed, withHolder: boolean): readonly string[] {
  const { number, issued, expires, state, printed, revoked, reason } = listed;
  const row = [number, issued, expires, state, String(printed), revoked ?? '', reason ?? ''];
  if (!withHolder) return row;
  const { name = '', birthYear = '', number: paper = '', phone = '', address = '' } = holder ?? {};
  return [...row, name, String(birthYear), paper, phone, address];
}

function toLine({ number, issued, expires, state, printed, revoked, reason, holder }: Listed): string {
  const what = revoked === null ? state : `${state} ${revoked.slice(0, 10)} (${reason})`;
  const paper = printed ? '' : ', never printed';
  const who = holder === undefined ? '' : `  ${holder?.name ?? '?'} ${holder?.birthYear ?? ''}`.trimEnd();
  return `${number}  ${issued} to ${expires}  ${what}${paper}${who}\n`;
}

function dateOf(atMs: number): string {
  return formatCardDay(cardDayOf(atMs));
}
