/** Whether the site knows of a guard's card that a kiosk took for genuine: whoever has the site's key can sign cards elsewhere. */
import type { ControlAction } from '../../shared/control-card.ts';
import { Fault } from '../../shared/fault.ts';
import { openRegisterReader } from './register.ts';

/** `registered`; `unregistered`: signed with the site's key, and in no register here; or the code of why that cannot be told. */
export type CardStanding = 'registered' | 'unregistered' | { readonly unread: string };

/**
 * Looks a guard's card up in the register of a data directory. A card of that number that does something else is another one.
 * @param number nine digits, without the check digit.
 */
export function standingOf(dataDir: string, number: number, action: ControlAction | null): CardStanding {
  try {
    using register = openRegisterReader(dataDir);
    const card = register?.control.find(number) ?? null;
    return card !== null && card.action === action ? 'registered' : 'unregistered';
  } catch (error) {
    // The use of a card is not to wait for a register: what is known of it is written, and what is not known, too.
    if (error instanceof Fault) return { unread: error.code };
    throw error;
  }
}
