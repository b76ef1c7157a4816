/** `cards control`: makes the cards by which guards set a gate. */

import { join } from 'node:path';
import { cardDayOf } from '../../shared/card.ts';
import { cardNumberOf, formatCardNumber } from '../../shared/card-number.ts';
import { tidyText } from '../../shared/code/name.ts';
import { type ControlAction, controlActions } from '../../shared/control-card.ts';
import { createSealer, importSiteKey } from '../../shared/identity.ts';
import { exitCode } from '../../shared/system/program.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { openAudit } from '../audit/audit.ts';
import { readEnrolled } from '../trust/enrolled.ts';
import { trustFiles } from '../trust/trust-files.ts';
import { placeOf } from './card-sheet.ts';
import type { CardsContext } from './command.ts';
import { type ControlOrder, makeControlCards, toPrintedControl } from './control-issue.ts';
import { controlCardsMax, drawControlCard, drawControlSheet, type PrintedControlCard } from './control-sheet.ts';
import { whyTooLong } from './fitting.ts';
import { isClockWrong } from './issue-command.ts';
import { withIssuer } from './own-issuer.ts';
import { openPdfFile } from './pdf-file.ts';
import { sampleCardText } from './printed-card.ts';

/** For how many days a guard's card is valid unless told otherwise, and at most: whoever photographs one has it as long. */
export const controlDays = { default: 90, max: 366 } as const;

/** What a guard needs on most days; the rest has to be asked for. */
const usualActions: readonly ControlAction[] = ['direction-in', 'direction-out', 'close', 'open', 'visitor', 'test'];

/** For whom cards are, in characters. */
const guardCharsMax = 60;

/** What the command line gives. */
export interface ControlOptions {
  readonly for?: string;
  readonly actions?: string;
  readonly kiosk?: string;
  readonly days?: string;
  readonly out?: string;
  readonly contact?: string;
}

/** An order, and what belongs to its paper. */
interface Wish extends ControlOrder {
  readonly validDays: number;
  readonly out: string;
  readonly contact: string | null;
}

/** Whom cards are for, in one spelling; null where it cannot be printed. */
export function tidyGuard(text: string): string | null {
  const tidied = tidyText(text);
  const isPrintable = /^[\p{Script=Latin}\p{M}\p{N} '’.,:;()/&·+-]+$/u.test(tidied) && /[\p{L}\p{N}]/u.test(tidied);
  return isPrintable && tidied.length <= guardCharsMax ? tidied : null;
}

/** Runs it: the exit code, or what is wrong with the arguments. Throws the Faults of trust, register and print. */
export async function runControl(options: ControlOptions, context: CardsContext): Promise<number | string> {
  const wish = readWish(options);
  if (typeof wish === 'string') return wish;
  const nowMs = context.clock.nowMs();
  if (isClockWrong(nowMs, context)) return exitCode.failed;
  const issuedBy = { name: context.site, contact: wish.contact };
  const tooLong = await whyTooLong(issuedBy, '--for', (pdf, by) => {
    for (const action of wish.actions) drawControlCard(pdf, toSample(action, wish), by, placeOf(0));
  });
  if (tooLong !== null) return tooLong;
  // First of all, so that a place that cannot be written is noticed before a card is registered.
  await using file = await openPdfFile(wish.out);
  const { cards, ids, older } = await registerCards(wish, nowMs, context);
  await file.write(async (pdf) => drawControlSheet(pdf, cards, issuedBy), {
    title: `Thẻ bảo vệ · ${context.site}`,
    nowMs,
  });
  await withIssuer(context, async ({ register }) => register.control.markPrinted(ids, nowMs));
  await warnOfKiosk(wish, context);
  if (older > 0)
    context.warn(
      `${older} older cards of the same guard still hold: see "cards list", and revoke what is not needed.\n`,
    );
  return context.print([
    `${wish.out}: ${cards.length} ${cards.length === 1 ? 'card' : 'cards'}, valid until ${cards[0]?.expires}.\n`,
    'Keep them like a key: whoever has one, or a photograph of one, can do what it says. Delete the PDF when it is printed.\n',
  ]);
}

/** As full as a card will be. */
function toSample(action: ControlAction, { guard, kiosk }: Wish): PrintedControlCard {
  return { text: sampleCardText, action, guard, kiosk, number: '000 000 000 0', expires: '00/00/0000' };
}

function readWish({ for: who = '', actions, days, out = '', contact, ...place }: ControlOptions): Wish | string {
  const kiosk = place.kiosk ?? null;
  const guard = tidyGuard(who);
  if (guard === null)
    return `control needs --for: whom the cards are for, at most ${guardCharsMax} Latin letters and digits.`;
  if (out === '') return 'It needs --out: the PDF to write.';
  const named = actions === undefined ? usualActions : [...new Set(actions.split(',').map((name) => name.trim()))];
  const known = named.filter((name): name is ControlAction => controlActions.some((action) => action === name));
  if (known.length < named.length || known.length === 0)
    return `--actions are ${controlActions.join(',')}, not ${actions}.`;
  if (kiosk !== null && !kioskIdSchema.safeParse(kiosk).success) return `--kiosk is the id of a kiosk, not ${kiosk}.`;
  const validDays = Number(days ?? controlDays.default);
  if (!Number.isInteger(validDays) || validDays < 1 || validDays > controlDays.max)
    return `--days is a number from 1 to ${controlDays.max}, not ${days}.`;
  if (known.length > controlCardsMax) throw new RangeError('more actions than fit onto a page');
  return { guard, actions: known, kiosk, validDays, out, contact: contact?.trim() || null };
}

/** Registers what is new, durably, after the audit knows of it. */
function registerCards(wish: Wish, nowMs: number, context: CardsContext) {
  return withIssuer(context, async ({ issuer, notice, register }) => {
    const sealer = createSealer(await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url')));
    const { chance, dataDir } = context;
    const issuing = { issuer, sealer, chance, nowMs, validDays: wish.validDays };
    const made = await makeControlCards(wish, register, issuing);
    const fresh = made.filter(({ isFresh }) => isFresh).map(({ card }) => card);
    const ids = made.map(({ card }) => card.id);
    const today = cardDayOf(nowMs);
    const older = register.control
      .ofGuard(made[0]?.card.guard ?? new Uint8Array())
      .filter(
        ({ id, revoked, expiryDay }) =>
          revoked === null && expiryDay >= today && !ids.some((other) => isSame(id, other)),
      );
    if (fresh.length > 0) {
      const cards = fresh.map(({ id, action }) => `${formatCardNumber(cardNumberOf(id))} ${action}`);
      const what = { cards, kiosk: wish.kiosk, days: wish.validDays };
      await openAudit(dataDir, context).record({ action: 'control.issued', what });
      register.control.add(fresh);
    }
    const cards = made.map(({ card }) => toPrintedControl(card, wish.guard, issuer));
    return { cards, ids, older: older.length };
  });
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(one).equals(other);
}

/** A card for a kiosk that does not exist works nowhere. */
async function warnOfKiosk({ kiosk }: Wish, { dataDir, warn }: CardsContext): Promise<void> {
  if (kiosk === null) return;
  const enrolled = await readEnrolled(join(dataDir, 'trust', trustFiles.enrolled));
  if (!enrolled.some((one) => one.kiosk === kiosk))
    warn(`No kiosk ${kiosk} is enrolled yet; the cards work there alone.\n`);
}
