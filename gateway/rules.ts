/** Publishes what kiosks must know: issuers, revoked cards, issued numbers, the site's own rules; and whatever changes of it. */
import { describeError } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { type CardListName, cardListNames, encodeHead, type ListHead, makeHead } from '../shared/rules.ts';
import { personItemBytes } from '../shared/site-rules.ts';
import type { Announcements } from './announcements.ts';
import type { CardLists } from './cards/card-lists.ts';
import { keepLooking } from './looking.ts';
import { PublishedList } from './published-list.ts';
import type { SiteRulesSource, TellableRules } from './site-rules/tellable-rules.ts';
import { SparseLog } from './sparse-log.ts';

export interface RulesOptions {
  readonly lists: CardLists;
  /** The site's own rules; without them kiosks are told nothing of those. */
  readonly site?: SiteRulesSource;
  readonly announcements: Pick<Announcements, 'retain' | 'tellRules'>;
  /** Told which version was told. */
  readonly onTold?: (version: string) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** How often register and rules are looked at, in milliseconds: other processes write them. */
  readonly lookEveryMs?: number;
}

const lookEveryMsDefault = 1_000;

/** The same trouble is logged this often, in milliseconds. */
const repeatLogMs = 60_000;

/**
 * Looks at the register every second until disposed and tells the kiosks what has changed. What cannot be read is logged
 * and tried again at the next look; what was told before holds on.
 */
export function publishRules(options: RulesOptions): AsyncDisposable {
  const { clock, log, lookEveryMs = lookEveryMsDefault } = options;
  const sparse = new SparseLog(clock, log, repeatLogMs);
  const publisher = new RulesPublisher(options, sparse);
  return keepLooking((signal) => publisher.look(signal), {
    everyMs: lookEveryMs,
    first: 'now',
    clock,
    onFailure: (error) => sparse.write('error', 'rules.not-told', '', { error: describeError(error) }),
  });
}

type Issuers = Parameters<typeof makeHead>[0]['issuers'];
type HeadLists = Readonly<Record<string, ListHead>>;

class RulesPublisher {
  readonly #options: RulesOptions;
  readonly #sparse: SparseLog;
  readonly #cards: Readonly<Record<CardListName, PublishedList>>;
  readonly #people: Readonly<Record<'barred' | 'expected', PublishedList>>;
  #version: string | null = null;
  #issuers: Issuers | null = null;
  #site: TellableRules | null = null;

  constructor(options: RulesOptions, sparse: SparseLog) {
    this.#options = options;
    this.#sparse = sparse;
    const listOf = (name: CardListName) =>
      new PublishedList(name, (from, count) => options.lists.read(name, from, count), options);
    this.#cards = { revoked: listOf('revoked'), issued: listOf('issued') };
    const peopleOf = (name: 'barred' | 'expected') =>
      new PublishedList(name, (from, count) => pieceOf(this.#site?.[name], from, count), options);
    this.#people = { barred: peopleOf('barred'), expected: peopleOf('expected') };
  }

  async look(signal: AbortSignal): Promise<void> {
    const { lists, announcements, log } = this.#options;
    const counts = lists.counts();
    for (const name of cardListNames) await this.#cards[name].follow(counts[name], signal);
    const site = await this.#followSite(signal);
    if (signal.aborted) return;
    const { revoked, issued } = this.#cards;
    const issuers = this.#readIssuers();
    const runs = lists.issuedRuns();
    // Said only where it is not what every kiosk takes for granted: older ones know nothing of it.
    const isPlain = runs.every(({ issuer }) => issuer === issuers[0]?.id);
    const issuedHead = isPlain ? issued.head : { ...issued.head, runs: [...runs] };
    const cards = { revoked: revoked.head, issued: issuedHead };
    const made = makeHead({ issuers, ...site, lists: { ...cards, ...site?.lists } });
    if ('problem' in made) throw new Error(`the rules do not fit into a head: ${made.problem}`);
    const { head } = made;
    if (head.version === this.#version) return;
    const payload = encodeHead(head);
    await announcements.tellRules(() => payload);
    this.#version = head.version;
    this.#options.onTold?.(head.version);
    const told = Object.entries(head.lists).map(([name, { count }]) => [name, count]);
    log.info('rules.told', { version: head.version, ...Object.fromEntries(told) });
  }

  /** What a head says of the site's rules: as before where they cannot be read now, nothing where they never could. */
  async #followSite(signal: AbortSignal): Promise<{ site: TellableRules['settings']; lists: HeadLists } | undefined> {
    const { site: source, clock } = this.#options;
    try {
      this.#site = source?.read(clock.nowMs()) ?? null;
    } catch (error) {
      this.#sparse.write('error', 'rules.site-unreadable', '', { error: describeError(error) });
    }
    if (this.#site === null) return undefined;
    const { settings, barred, expected } = this.#site;
    await this.#people.barred.replace(barred, signal);
    await this.#people.expected.replace(expected, signal);
    return { site: settings, lists: { barred: this.#people.barred.head, expected: this.#people.expected.head } };
  }

  /** Those of the last look where they cannot be read now: a broken file of another place holds up no revocation. */
  #readIssuers(): Issuers {
    try {
      this.#issuers = [...this.#options.lists.issuers()];
    } catch (error) {
      if (this.#issuers === null) throw error;
      this.#sparse.write('error', 'rules.issuers-unreadable', '', { error: describeError(error) });
    }
    return this.#issuers;
  }
}

function pieceOf(items: Uint8Array | undefined, from: number, count: number): Uint8Array {
  return items?.subarray(from * personItemBytes, (from + count) * personItemBytes) ?? new Uint8Array(0);
}
