/** Whose data a person's request is about: from what was given of them to pseudonyms, with the cards they were issued. */
import { join } from 'node:path';
import { cardPrefix } from '../../shared/card.ts';
import { nineDigits } from '../../shared/card-number.ts';
import { openRegisterReader } from '../cards/register.ts';
import { isForgotten, type RegisteredCard, type RegisterReader } from '../cards/registered-cards.ts';
import { auditPseudonym } from '../officer/investigation.ts';
import { readPerson } from '../officer/person-numbers.ts';
import { subjectsOf } from '../officer/unseal.ts';
import { newest } from '../trust/grant.ts';
import { readIssuers } from '../trust/issuer.ts';
import { readTrustFolder } from '../trust/trust-files.ts';

/** The person. */
export interface SubjectPerson {
  readonly subjects: readonly string[];
  /** Short numbers of the cards of the register that are theirs. */
  readonly cards: readonly number[];
  /** What stands for them in the audit: no entry holds it. */
  readonly pseudonyms: readonly string[];
}

/**
 * Finds out who it is. A card leads to the person's other cards; other numbers lead to none, as the register tells nobody's.
 * @param texts a code or a number each; empty ones are passed over, and count as lines.
 * @returns or, for whoever gave it, which line is none and why. Throws the Faults of the trust folder and of the register.
 */
export async function findPerson(
  dataDir: string,
  texts: readonly string[],
): Promise<SubjectPerson | { readonly line: number; readonly wrong: string }> {
  const folder = join(dataDir, 'trust');
  const { subjectKeys } = await readTrustFolder(folder);
  const read = readPerson(texts, readIssuers(folder));
  if ('wrong' in read) return read;
  using register = openRegisterReader(dataDir);
  const cards = register === null ? [] : cardsOf(read.numbers, register);
  const numbers = [...new Set([...read.numbers, ...cards.map(cardSubjectNumber)])];
  return {
    subjects: subjectsOf(
      numbers,
      subjectKeys.map(({ key }) => key),
    ),
    cards: cards.map(({ number }) => number),
    pseudonyms: numbers.map((one) => auditPseudonym(newest(subjectKeys).key, one)),
  };
}

/** The cards with these short numbers, where they are in a register; also in a copy of it. */
export function findCards(register: RegisterReader, numbers: readonly number[]): readonly RegisteredCard[] {
  return numbers.map((number) => register.find(number)).filter((card) => card !== null);
}

function cardsOf(numbers: readonly string[], register: RegisterReader): readonly RegisteredCard[] {
  const found = new Map<number, RegisteredCard>();
  for (const number of numbers.filter((one) => one.startsWith(cardPrefix))) {
    const card = register.find(Number(number.slice(-9)));
    if (card === null || cardSubjectNumber(card) !== number) continue;
    const others = isForgotten(card) ? [] : register.ofPerson(card.person);
    for (const one of [card, ...others]) found.set(one.number, one);
  }
  return [...found.values()];
}

function cardSubjectNumber({ issuer, number }: RegisteredCard): string {
  return `${cardPrefix}${issuer}:${nineDigits(number)}`;
}
