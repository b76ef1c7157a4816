/** Everything that is kept of one person, for that person. */
import { stringify } from 'csv-stringify/sync';
import { formatCardDay } from '../../shared/card.ts';
import { formatCardNumber } from '../../shared/card-number.ts';
import type { Entry } from '../../shared/entry.ts';
import type { IdentityOpener } from '../../shared/identity.ts';
import type { Clock } from '../../shared/ports.ts';
import { openHolder } from '../cards/issue.ts';
import { openRegisterReader } from '../cards/register.ts';
import { formatMoment } from '../moment.ts';
import { correctionBinding } from '../officer/corrections.ts';
import { mentions } from '../store/mention.ts';
import { openSqliteReader } from '../store/sqlite.ts';
import { openSqliteRemover } from '../store/sqlite-remover.ts';
import { readForwarded } from './forwarded-files.ts';
import type { Keeping } from './purging.ts';
import { findCards, type SubjectPerson } from './subject-person.ts';

/** Opens what was sealed, by key id; null where nobody asked for that or there is no key. */
export type Openers = ReadonlyMap<string, IdentityOpener> | null;

/** What is said where an identity stays closed. */
export const sealedNote = 'sealed: only the health officer can open it';

/** All of it. */
export type PersonExport = Awaited<ReturnType<typeof gatherPerson>>;

/** Gathers it, also while the gateway serves. Reads every entry. Throws the Faults of the store and the register. */
export async function gatherPerson(
  keeping: Keeping,
  { subjects, cards }: SubjectPerson,
  openers: Openers,
  clock: Clock,
) {
  const { dataDir, keepDays } = keeping;
  await using store = await openSqliteReader({ dir: dataDir });
  const own = new Set(subjects);
  const entries: ReturnType<typeof describeEntry>[] = [];
  for await (const { subject, body } of store.entries()) {
    if (subject === null || !own.has(subject)) continue;
    // The intake has validated what the store holds.
    const entry = JSON.parse(body) as Entry;
    entries.push(describeEntry(entry, await open(entry.identity, entry.id, openers)));
  }
  const unread: { received: string; reason: string }[] = [];
  for await (const { raw, reason, receivedMs } of store.quarantine()) {
    if (mentions(raw, subjects)) unread.push({ received: formatMoment(receivedMs), reason });
  }
  return {
    made: formatMoment(clock.nowMs()),
    pseudonyms: subjects,
    keptForDays: keepDays,
    forwardedTo: await readForwarded(keeping),
    entries,
    corrections: await gatherCorrections(dataDir, subjects, openers, clock),
    cards: await gatherCards(dataDir, cards, openers),
    notUnderstood: unread,
  };
}

/** The passages as a table for a spreadsheet. */
export function tabulate({ entries }: PersonExport): string {
  const rows = entries.map(({ identity, ...entry }) => [
    ...Object.values(entry).map(String),
    typeof identity === 'string' ? identity : JSON.stringify(identity),
  ]);
  const heading = ['id', 'at', 'gate', 'direction', 'outcome', 'reason', 'method', 'code', 'kiosk', 'identity'];
  // A byte order mark makes Excel read UTF-8, and nothing may become a formula.
  return stringify([heading, ...rows], { bom: true, escape_formulas: true });
}

function describeEntry(entry: Entry, identity: unknown) {
  const { id, at, gate, direction, outcome, reason, method, code, kiosk } = entry;
  return {
    id,
    at: formatMoment(Date.parse(at)),
    gate,
    direction,
    outcome,
    reason,
    method,
    code: code.kind,
    kiosk,
    identity,
  };
}

async function gatherCorrections(dataDir: string, subjects: readonly string[], openers: Openers, clock: Clock) {
  await using remover = await openSqliteRemover({ dir: dataDir, clock });
  const corrections = await remover.corrections(subjects);
  return Promise.all(
    corrections.map(async ({ id, atMs, sealed }) => ({
      at: formatMoment(atMs),
      says: await open(sealed, correctionBinding(id), openers),
    })),
  );
}

async function gatherCards(dataDir: string, numbers: readonly number[], openers: Openers) {
  using register = openRegisterReader(dataDir);
  const cards = register === null ? [] : findCards(register, numbers);
  return Promise.all(
    cards.map(async (card) => ({
      number: formatCardNumber(card.number),
      issued: formatCardDay(card.issuedDay),
      expires: formatCardDay(card.expiryDay),
      revoked: card.revoked === null ? null : formatMoment(card.revoked.atMs),
      holder: openers === null ? sealedNote : await openHolder(openers, card),
    })),
  );
}

async function open(sealed: Entry['identity'], boundTo: string, openers: Openers): Promise<unknown> {
  if (sealed === null) return 'none: the code gave none';
  const opener = openers?.get(sealed.key);
  if (opener === undefined) return sealedNote;
  try {
    return await opener.open(sealed, boundTo);
  } catch {
    return 'damaged';
  }
}
