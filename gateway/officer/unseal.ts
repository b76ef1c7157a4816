/** Opens the identities that an investigation asks for, one row at a time. What cannot be opened is a row too. */
import { z } from 'zod';
import { isPassage } from '../../shared/control-use.ts';
import type { SealedIdentity } from '../../shared/entry.ts';
import { type IdentityOpener, subjectOf } from '../../shared/identity.ts';
import type { Meeting, Passage, TimeWindow, Tracing } from '../tracing/tracing.ts';
import { type CardHolder, type CardHolderParts, CardHolders } from './card-holders.ts';
import { type Corrected, CorrectionDesk, type CorrectionParts, type CorrectionTally } from './corrections.ts';

/** What is asked. */
export type Question =
  /** A person's passages: `numbers` are all of the same person, as subjects are made of. */
  | { readonly type: 'visits'; readonly numbers: readonly string[]; readonly window: TimeWindow | null }
  /** Who was there together with a person. */
  | { readonly type: 'together'; readonly numbers: readonly string[]; readonly window: TimeWindow | null }
  /** Who passed at a gate, or (null) at all. */
  | { readonly type: 'gate'; readonly gate: string | null; readonly window: TimeWindow };

/**
 * Who a kiosk said it was, or for a printed card the register. A kiosk may be hostile: nothing is taken on trust but that
 * it is text. What only the register knows: the address, and the number of the holder's papers.
 */
const personSchema = z.looseObject({
  name: z.string().max(1000).optional(),
  number: z.string().max(1000).optional(),
  birthYear: z.number().optional(),
  sex: z.string().max(20).optional(),
  phone: z.string().max(100).optional(),
  address: z.string().max(1000).optional(),
  holderNumber: z.string().max(1000).optional(),
});
export type Person = z.infer<typeof personSchema>;

/** What became of an identity. */
export type Opened =
  | { readonly type: 'open'; readonly person: Person; readonly fromRegister: boolean }
  /** A printed card whose holder the register does not tell. `isClosed`: though it knows. */
  | { readonly type: 'card'; readonly number: string; readonly why: string; readonly isClosed: boolean }
  /** The code gave none: there is nothing to open. */
  | { readonly type: 'none' }
  /** Sealed to a key that is not among those that were opened. */
  | { readonly type: 'other-key'; readonly key: string }
  /** Sealed to one of these keys, but changed or moved since, or no identity inside. */
  | { readonly type: 'damaged' };

/** One row of an answer. */
export type Finding = Found & {
  readonly opened: Opened;
  /** What the row's person said is wrong, oldest first. */
  readonly corrected: readonly Corrected[];
};

/** How much an answer told. */
export interface Tally extends CorrectionTally {
  readonly rows: number;
  /** Different subjects whose identity was opened. */
  readonly persons: number;
  /** Rows whose identity could not be opened, though there is one. */
  readonly unopened: number;
}

/** Before the first row. */
export const nothingTold: Tally = Object.freeze({
  rows: 0,
  persons: 0,
  unopened: 0,
  corrections: 0,
  correctionsUnopened: 0,
});

/** What answering takes: corrections and holders of cards are opened with the same keys, and found under the same subjects, as entries. */
export interface UnsealParts extends CorrectionParts, CardHolderParts {
  readonly tracing: Tracing;
}

/**
 * Answers a question. Rejects with the Faults of reading the store.
 * @param tally told after each row, so that it is true of a reading that was cut short.
 */
export async function* unseal(
  question: Question,
  parts: UnsealParts,
  tally: (tally: Tally) => void,
): AsyncGenerator<Finding> {
  const { tracing, openers, subjectKeys } = parts;
  const desk = await CorrectionDesk.open(parts);
  using holders = new CardHolders(parts);
  // Everything that a person's visits are found by is of that person; whom they met is somebody else.
  const known = question.type === 'visits' ? subjectsOf(question.numbers, subjectKeys) : [];
  const persons = new Set<string>();
  let rows = 0;
  let unopened = 0;
  for await (const found of find(question, tracing, subjectKeys)) {
    const { id, subject, identity } = found.type === 'passage' ? found.passage : found.meeting;
    const own = await openOne(id, identity, openers);
    const number = own.type === 'open' ? (own.person.number ?? null) : null;
    const holder = await holders.of({ subject, number, kind: found.type === 'passage' ? found.passage.kind : null });
    const opened = holder === null ? own : joinHolder(number ?? '', holder);
    rows++;
    if (opened.type === 'open') persons.add(subject ?? id);
    else if (opened.type === 'card' ? opened.isClosed : opened.type !== 'none') unopened++;
    const corrected = await desk.of({ subject, number }, [...known, ...(holder?.subjects ?? [])]);
    tally({ rows, persons: persons.size, unopened, ...desk.tally });
    yield { ...found, opened, corrected };
  }
}

/** The subjects that a person's numbers made at this site, under every key that it has had. */
export function subjectsOf(numbers: readonly string[], subjectKeys: readonly Uint8Array[]): readonly string[] {
  return subjectKeys.flatMap((key) => numbers.map((number) => subjectOf(key, number)));
}

type Found =
  | { readonly type: 'passage'; readonly passage: Passage }
  | { readonly type: 'meeting'; readonly meeting: Meeting };

async function* find(question: Question, tracing: Tracing, subjectKeys: readonly Uint8Array[]): AsyncGenerator<Found> {
  switch (question.type) {
    case 'visits': {
      const subjects = subjectsOf(question.numbers, subjectKeys);
      for await (const passage of tracing.visitsOf(subjects, question.window)) yield { type: 'passage', passage };
      break;
    }
    case 'together': {
      const subjects = subjectsOf(question.numbers, subjectKeys);
      for await (const meeting of tracing.together(subjects, question.window)) yield { type: 'meeting', meeting };
      break;
    }
    case 'gate':
      for await (const passage of tracing.passagesAt(question.gate, question.window)) {
        // Guards' cards are used at a gate too, and nobody passes with them.
        if (isPassage({ code: passage })) yield { type: 'passage', passage };
      }
  }
}

async function openOne(
  id: string,
  sealed: SealedIdentity | null,
  openers: ReadonlyMap<string, IdentityOpener>,
): Promise<Opened> {
  if (sealed === null) return { type: 'none' };
  const opener = openers.get(sealed.key);
  if (opener === undefined) return { type: 'other-key', key: sealed.key };
  try {
    return { type: 'open', person: personSchema.parse(await opener.open(sealed, id)), fromRegister: false };
  } catch {
    return { type: 'damaged' };
  }
}

/** The card's number stays the row's number, as it is the one that this person is found by. */
function joinHolder(number: string, holder: CardHolder): Opened {
  if (holder.type === 'nameless') return { type: 'card', number, why: holder.why, isClosed: holder.isClosed };
  const read = personSchema.safeParse({ ...holder.holder, number, holderNumber: holder.holder.number });
  return read.success ? { type: 'open', person: read.data, fromRegister: true } : { type: 'damaged' };
}
