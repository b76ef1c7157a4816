/** All that a kiosk goes by and did not decide itself, as one part: cards, people, the other gates' passages. */

import { createGateRules, type GateRules, presenceWish } from './gate-rules.ts';
import type { TopicReader } from './gateway-link.ts';
import { LazyPresence } from './presence.ts';
import { openRules, type Rules, type RulesOptions } from './rules.ts';
import type { TimeSources } from './timestamp.ts';
import { readersOf } from './topic-readers.ts';

export interface SiteRulesOptions extends RulesOptions {
  /** The gate's name. */
  readonly gate: string;
  /** Which time the kiosk goes by. */
  readonly time: TimeSources;
}

export interface SiteRules extends Pick<Rules, 'cards' | 'state'>, AsyncDisposable {
  /** Reads the gateway's topics. */
  readonly reader: TopicReader;
  readonly gateRules: GateRules;
}

/** Reads what is kept. Throws the Fault DATA_DIR_UNUSABLE. */
export async function openSiteRules(options: SiteRulesOptions): Promise<SiteRules> {
  const { kiosk, gate, clock, log, time } = options;
  const onStateChanged = () => {
    presence.rulesChanged();
    options.onStateChanged();
  };
  const rules = await openRules({ ...options, onStateChanged });
  const place = { people: rules.people, gate, kiosk };
  const presence = new LazyPresence({ wish: () => presenceWish(place), clock, log });
  return {
    cards: rules.cards,
    get state() {
      return rules.state;
    },
    reader: readersOf([rules, presence]),
    gateRules: createGateRules({ ...place, presence, time }),
    [Symbol.asyncDispose]: () => rules[Symbol.asyncDispose](),
  };
}
