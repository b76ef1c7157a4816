/** Who passed at the other gates: a shell that takes no memory until the site wants passback or a limit. */
import type { Direction } from '../shared/entry.ts';
import { describeError } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import type { TopicReader, Topics } from './gateway-link.ts';
import type { HeardPresence } from './heard-presence.ts';
import type { Passage } from './outbox.ts';

/** What is known of the other gates' passages. */
export interface Presence {
  /** Whether that is (nearly) all there is to know. */
  readonly isCurrent: boolean;
  /** How many are inside, as far as is known; null where it is not. */
  readonly inside: number | null;
  /** Somebody's newest passage here or there. @param own this kiosk's. */
  lastPassage(subject: string, own: Passage | null): Passage | null;
  /** Somebody was admitted here, and that is on disk. */
  passed(direction: Direction): void;
}

/** What the site wants here: `passages`: to know who passes, and not only how many. Null: nothing. */
export type PresenceWish = { readonly passages: boolean } | null;

export interface PresenceOptions {
  readonly wish: () => PresenceWish;
  readonly clock: Clock;
  readonly log: Log;
}

/** Hears the gateway as long as the site wants it. */
export class LazyPresence implements Presence, TopicReader {
  readonly #options: PresenceOptions;
  #topics: Topics | null = null;
  #heard: HeardPresence | null = null;
  #isLoading = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.rulesChanged();
  }

  /** What the site wants may have changed. */
  rulesChanged(): void {
    const wish = this.#options.wish();
    if (wish === null) {
      this.#heard?.end();
      this.#heard = null;
    } else if (this.#heard === null) this.#load();
    else this.#heard.wishChanged();
  }

  get isCurrent(): boolean {
    return this.#heard?.isCurrent ?? false;
  }

  get inside(): number | null {
    return this.#heard?.inside ?? null;
  }

  lastPassage(subject: string, own: Passage | null): Passage | null {
    return this.#heard === null ? own : this.#heard.lastPassage(subject, own);
  }

  passed(direction: Direction): void {
    this.#heard?.passed(direction);
  }

  connected(topics: Topics): void {
    this.#topics = topics;
    this.#heard?.connected(topics);
  }

  lost(): void {
    this.#topics = null;
    this.#heard?.lost();
  }

  heard(topic: string, payload: Uint8Array): void {
    this.#heard?.heard(topic, payload);
  }

  #load(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    import('./heard-presence.ts').then(
      ({ HeardPresence }) => {
        this.#isLoading = false;
        if (this.#options.wish() === null) return;
        this.#heard = new HeardPresence(this.#options);
        if (this.#topics !== null) this.#heard.connected(this.#topics);
      },
      (error: unknown) => {
        this.#isLoading = false;
        this.#options.log.error('presence.unloaded', { error: describeError(error) });
      },
    );
  }
}
