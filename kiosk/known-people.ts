/** What a kiosk knows of people from its gateway's lists: who is barred here, and who is expected on a day. */
import { decodeBar, encodeExpected, listedSubject, noSiteRules, type SiteRules } from '../shared/site-rules.ts';
import type { ItemTable } from './item-table.ts';

/** Somebody who is barred at a gate. */
export interface BarHere {
  /** The last day on which it holds; null where it has no end. */
  readonly lastDay: number | null;
  /** Its reason's code, for the log; null where the gateway's table of reasons has not come. */
  readonly code: string | null;
  /** For the guard, in Vietnamese; null where it has not come. */
  readonly text: string | null;
}

/** People as the lists tell of them, and what the site wants of them, always as it is at the moment of asking. */
export interface KnownPeople {
  readonly site: SiteRules;
  /** Whether somebody is barred at one of these places: a gate's name and a kiosk's id. */
  barOf(subject: string, places: readonly string[]): BarHere | null;
  isExpected(subject: string, day: number): boolean;
}

/** Where the people lie now. */
export interface PeopleTables {
  readonly site: SiteRules | undefined;
  readonly barred: ItemTable;
  readonly expected: ItemTable;
}

/** What a kiosk knows of people. */
export function knownPeopleOf(tables: () => PeopleTables): KnownPeople {
  return {
    get site() {
      return tables().site ?? noSiteRules;
    },
    barOf(subject, places) {
      const { site = noSiteRules, barred } = tables();
      const item = barred.count === 0 ? null : barred.find(listedSubject(subject));
      if (item === null) return null;
      const { lastDay, reason, scope } = decodeBar(item);
      const gates = site.scopes[scope - 1];
      // A set of gates that is not known is every gate.
      if (gates !== undefined && !gates.some((gate) => places.includes(gate))) return null;
      const known = site.reasons[reason];
      return { lastDay, code: known?.code ?? null, text: known?.vi ?? null };
    },
    isExpected(subject, day) {
      const { expected } = tables();
      return expected.count > 0 && expected.has(encodeExpected(subject, day));
    },
  };
}
