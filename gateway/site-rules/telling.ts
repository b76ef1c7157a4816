/** All that a gateway tells its kiosks to go by, as one part: cards, the site's own rules, who is inside. */
import type { KioskState } from '../../shared/entry.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import type { Announcements } from '../announcements.ts';
import { openCardLists } from '../cards/register.ts';
import { tellPresence } from '../presence/presence-teller.ts';
import { publishRules } from '../rules.ts';
import type { Store } from '../store/store.ts';
import { RulesVersions, readHeldVersions } from './rules-versions.ts';
import { watchSiteRules } from './tellable-rules.ts';

export interface TellingOptions {
  readonly dataDir: string;
  readonly store: Store;
  readonly announcements: Announcements;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RulesTelling extends AsyncDisposable {
  /** A kiosk has said how it is, or has gone. */
  noteState(kiosk: string, state: KioskState): void;
}

/** Starts to tell, until disposed. */
export async function tellRules(options: TellingOptions): Promise<RulesTelling> {
  const { dataDir, clock, log } = options;
  await using started = new AsyncDisposableStack();
  const versions = started.use(new RulesVersions(dataDir, await readHeldVersions(dataDir), clock, log));
  const lists = started.use(openCardLists(dataDir));
  const site = watchSiteRules(dataDir);
  started.use(publishRules({ ...options, lists, site, onTold: (version) => versions.told(version) }));
  const presence = started.use(tellPresence({ ...options, site }));
  const parts = started.move();
  return {
    noteState(kiosk, state) {
      if (state.rules !== undefined) versions.held(kiosk, state.rules.version);
      presence.noteState(kiosk, state);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
