/** Which printed cards end with the issuer's older keys. */
import { cardDayOf } from '../../shared/card.ts';
import { openRegisterReader } from '../cards/register.ts';
import { counted } from '../counted.ts';
import { readOwnIssuers } from '../trust/issuer.ts';
import type { KeysContext } from './command.ts';

/** How many cards are valid now, by the register, and signed with an older key than the newest. */
export interface EndedCards {
  readonly people: number;
  readonly guards: number;
}

/** Counts them. Throws the Faults of the register and of the issuer's files. */
export function countEndedCards({ folder, config, clock }: KeysContext): EndedCards {
  const older = new Set(
    readOwnIssuers(folder)
      .slice(0, -1)
      .map(({ id }) => id),
  );
  const today = cardDayOf(clock.nowMs());
  const isValid = (card: { readonly issuer: string; readonly expiryDay: number; readonly revoked: unknown }) =>
    older.has(card.issuer) && card.revoked === null && card.expiryDay >= today;
  using register = openRegisterReader(config.dataDir);
  let people = 0;
  for (const card of register?.all() ?? []) if (isValid(card)) people++;
  return { people, guards: register?.control.all().filter(isValid).length ?? 0 };
}

/** What ends, in words: `2 cards of people and 1 card of a guard`. */
export function describeEndedCards({ people, guards }: EndedCards): string {
  return `${counted(people, 'card of a person', 'cards of people')} and ${counted(guards, 'card of a guard', 'cards of guards')}`;
}
