/** What the register of cards held, counted: for the notice of an incident. It holds more of a person than an entry does. */
import { cardDayOf } from '../../shared/card.ts';
import { Fault } from '../../shared/fault.ts';
import { openRegisterReader } from '../cards/register.ts';
import { isForgotten, type RegisterReader } from '../cards/registered-cards.ts';

/** How many cards of how many people. */
export interface CardFacts {
  /** Cards that say, sealed, whose they are. */
  readonly cards: number;
  readonly people: number;
  /** Guards' cards, and of how many guards. */
  readonly guardCards: number;
  readonly guards: number;
  /** The code of the fault where the register could not be read, and the counts say nothing. */
  readonly unread: string | null;
}

/** Counts the cards that had been issued when a span ended (milliseconds since the Unix epoch). */
export function countCards(dataDir: string, toMs: number): CardFacts {
  try {
    using register = openRegisterReader(dataDir);
    return register === null ? noCards : count(register, cardDayOf(toMs - 1));
  } catch (error) {
    // A notice is due whatever is broken: that it could not be counted stands in it.
    if (error instanceof Fault) return { ...noCards, unread: error.code };
    throw error;
  }
}

const noCards: CardFacts = { cards: 0, people: 0, guardCards: 0, guards: 0, unread: null };

function count(register: RegisterReader, lastDay: number): CardFacts {
  const people = new Set<string>();
  let cards = 0;
  for (const card of register.all()) {
    if (card.issuedDay > lastDay || isForgotten(card)) continue;
    cards++;
    people.add(Buffer.from(card.person).toString('hex'));
  }
  const control = register.control.all().filter(({ issuedDay }) => issuedDay <= lastDay);
  const guards = new Set(control.map(({ guard }) => Buffer.from(guard).toString('hex')));
  return { cards, people: people.size, guardCards: control.length, guards: guards.size, unread: null };
}
