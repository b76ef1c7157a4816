/** Gathers what the site's rules say of a person at this gate, for `admission.ts` to judge. */
import { cardDayOf } from '../shared/card.ts';
import { passbackAt } from '../shared/site-rules.ts';
import type { AdmissionFacts } from './admission.ts';
import type { KnownPeople } from './known-people.ts';
import type { Passage } from './outbox.ts';
import type { Presence, PresenceWish } from './presence.ts';
import { type TimeSources, tellTime } from './timestamp.ts';

/** What the site wants of people with good codes, at one gate. */
export interface GateRules {
  /** Whether somebody's last passage must be known. */
  readonly remembersPassages: boolean;
  /**
   * The newer of what this kiosk and what the others know.
   * @param subjects the person, under every key of pseudonyms that the site has used, the newest first. @param own this kiosk's.
   */
  lastPassage(subjects: readonly string[], own: Passage | null): Passage | null;
  /** Null where the site wants nothing. */
  factsOf(subjects: readonly string[], last: AdmissionFacts['passback']['last']): AdmissionFacts | null;
  /** Somebody was admitted, and that is on disk. */
  passed(direction: Passage['direction']): void;
}

export interface GateRulesOptions {
  readonly people: KnownPeople;
  readonly presence: Presence;
  /** The gate's name and the kiosk's id. */
  readonly gate: string;
  readonly kiosk: string;
  /** Which time the kiosk goes by. */
  readonly time: TimeSources;
}

/** What must be heard of other gates' passages for the rules of this one. */
export function presenceWish({
  people,
  gate,
  kiosk,
}: Pick<GateRulesOptions, 'people' | 'gate' | 'kiosk'>): PresenceWish {
  const passages = passbackAt(people.site, gate, kiosk) !== 'off';
  return passages || people.site.occupancy !== null ? { passages } : null;
}

/** Makes the rules of a gate, always as they are at the moment of asking. */
export function createGateRules(options: GateRulesOptions): GateRules {
  const { people, presence, gate, kiosk, time } = options;
  const passback = () => passbackAt(people.site, gate, kiosk);
  return {
    get remembersPassages() {
      return passback() !== 'off';
    },
    lastPassage: (subjects, own) =>
      passback() === 'off' ? own : subjects.reduce((newest, subject) => presence.lastPassage(subject, newest), own),
    factsOf(subjects, last) {
      const { expected, occupancy } = people.site;
      const bar = firstOf(subjects, (subject) => people.barOf(subject, [gate, kiosk]));
      const passbackHere = passback();
      if (bar === null && expected === 'off' && passbackHere === 'off' && occupancy === null) return null;
      const { ms, trusted } = tellTime(time);
      const today = cardDayOf(ms);
      return {
        clockSynced: trusted,
        othersKnown: presence.isCurrent,
        today,
        bar,
        expected: {
          strictness: expected,
          isListed: expected !== 'off' && subjects.some((subject) => people.isExpected(subject, today)),
        },
        passback: { strictness: passbackHere, last: passbackHere === 'off' ? null : last },
        occupancy: occupancy && { ...occupancy, inside: presence.inside },
      };
    },
    passed: (direction) => presence.passed(direction),
  };
}

function firstOf<T>(subjects: readonly string[], find: (subject: string) => T | null): T | null {
  for (const subject of subjects) {
    const found = find(subject);
    if (found !== null) return found;
  }
  return null;
}
