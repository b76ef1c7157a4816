/** Keeps the kiosk's rules those of its gateway: hears the head, fetches what is missing, keeps it, says what it holds. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type KnownCards, nothingKnown } from '../shared/code/known.ts';
import type { KioskCondition } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import type { Chance, Clock, Log, Timer } from '../shared/ports.ts';
import { type RetryPlan, retryDelaysMs } from '../shared/retry.ts';
import { decodeHead, type RulesHead } from '../shared/rules.ts';
import { listChunkTopic, rulesTopic } from '../shared/topics.ts';
import type { TopicReader, Topics } from './gateway-link.ts';
import { HeldRules, type Need } from './held-rules.ts';
import type { KnownPeople } from './known-people.ts';

export interface RulesLimits {
  /** How long a chunk may take to come, in milliseconds. */
  readonly chunkTimeoutMs: number;
  /** When to try again after a chunk did not come or a list was not what its head says. */
  readonly fetchRetry: RetryPlan;
  /** When to try again after the disk failed, in milliseconds. */
  readonly saveRetryMs: number;
}

const rulesLimits: RulesLimits = {
  chunkTimeoutMs: 10_000,
  fetchRetry: { firstMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0.5 },
  saveRetryMs: 60_000,
};

export interface RulesOptions {
  /** The kiosk's data directory; the rules have the folder `rules` in it. */
  readonly dir: string;
  /** The kiosk's id. */
  readonly kiosk: string;
  /** Told when what the kiosk says of its rules has changed. */
  readonly onStateChanged: () => void;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly limits?: Partial<RulesLimits>;
}

/** The rules as they are kept, and the reader that keeps them new. Disposing writes what is in use and not written yet. */
export interface Rules extends TopicReader, AsyncDisposable {
  readonly cards: KnownCards;
  readonly people: KnownPeople;
  /** What the kiosk says of its rules. */
  readonly state: NonNullable<KioskCondition['rules']>;
}

/** Where a kiosk keeps its rules. */
export function rulesDir(dataDir: string): string {
  return join(dataDir, 'rules');
}

/** The cards that a kiosk knew when it last wrote them down, also while it runs; nobody's where it never did. */
export async function readKnownCards(dataDir: string, log: Log): Promise<KnownCards> {
  const dir = rulesDir(dataDir);
  return existsSync(dir) ? (await HeldRules.open({ dir, log })).cards : nothingKnown.cards;
}

/** Reads what is kept; what is damaged is logged, and fetched again. Throws the Fault DATA_DIR_UNUSABLE. */
export async function openRules(options: RulesOptions): Promise<Rules> {
  return new RulesKeeper(options, await HeldRules.open({ dir: rulesDir(options.dir), log: options.log }));
}

class RulesKeeper implements Rules {
  readonly #options: RulesOptions;
  readonly #limits: RulesLimits;
  readonly #held: HeldRules;
  readonly #headTopic: string;
  #topics: Topics | null = null;
  /** What the gateway says holds, until it is held. */
  #head: RulesHead | null = null;
  /** What was asked for, and whether it has come. */
  #asked: { readonly need: Need; readonly topic: string; hasCome: boolean } | null = null;
  #settling: Promise<void> | null = null;
  /** Until a chunk comes, or until the next attempt. */
  #timer: Timer | null = null;
  #delaysMs: Generator<number, never>;
  #saving: Promise<void> | null = null;
  #isUnsaved = false;
  #saveTimer: Timer | null = null;
  #isDisposed = false;

  constructor(options: RulesOptions, held: HeldRules) {
    this.#options = options;
    this.#limits = { ...rulesLimits, ...options.limits };
    this.#held = held;
    this.#headTopic = rulesTopic(options.kiosk);
    this.#delaysMs = retryDelaysMs(this.#limits.fetchRetry, options.chance);
  }

  get cards(): KnownCards {
    return this.#held.cards;
  }

  get people(): KnownPeople {
    return this.#held.people;
  }

  get state(): NonNullable<KioskCondition['rules']> {
    return this.#held.state;
  }

  connected(topics: Topics): void {
    this.#topics = topics;
    topics.subscribe(this.#headTopic);
  }

  /** What has come of a list stays, and is gone on with. */
  lost(): void {
    this.#topics = null;
    this.#head = null;
    this.#asked = null;
    this.#setTimer(null);
  }

  heard(topic: string, payload: Uint8Array): void {
    if (this.#topics === null) return;
    if (topic === this.#headTopic) this.#hearHead(payload);
    else if (topic === this.#asked?.topic) this.#hearChunk(payload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.lost();
    await this.#settling;
    // What came last may be in use and not have been the last of it.
    if (!this.#held.isSaved) this.#save();
    this.#saveTimer?.[Symbol.dispose]();
    await this.#saving;
  }

  #hearHead(payload: Uint8Array): void {
    const decoded = decodeHead(payload);
    if ('problem' in decoded) {
      this.#options.log.warn('rules.head-invalid', { bytes: payload.byteLength, problem: decoded.problem });
      return;
    }
    this.#head = decoded.head;
    this.#advance();
  }

  #hearChunk(payload: Uint8Array): void {
    const { log } = this.#options;
    if (this.#asked === null || this.#head === null) return;
    const { name, chunk } = this.#asked.need;
    const taken = this.#held.take(this.#asked.need, payload, this.#head);
    // A chunk that is short now may have been overtaken by its head: it comes again when it has grown.
    if (taken === 'short') return;
    if (taken === 'malformed') {
      log.warn('rules.chunk-invalid', { list: name, chunk, bytes: payload.byteLength });
      return;
    }
    this.#asked.hasCome = true;
    this.#advance();
  }

  /** Asks for what is missing, or settles. */
  #advance(): void {
    const head = this.#head;
    if (head === null || this.#settling !== null) return;
    const need = this.#held.need(head);
    if (need === null) {
      this.#ask(null);
      if (!this.#held.isSettled(head)) this.#settling = this.#settle(head);
    } else if (need.again) {
      this.#options.log.warn('rules.list-differs', { list: need.name, version: head.version });
      this.#tryLater();
    } else this.#ask(need);
  }

  #ask(need: Need | null): void {
    const topic = need === null ? null : listChunkTopic(need.name, need.chunk);
    const before = this.#asked;
    this.#asked = need === null || topic === null ? null : { need, topic, hasCome: false };
    if (before !== null && before.topic !== topic) this.#topics?.unsubscribe(before.topic);
    // Who asks again for what has come is sent it again [MQTT-3.8.4-3].
    if (topic !== null && (before?.topic !== topic || before.hasCome)) this.#topics?.subscribe(topic);
    this.#setTimer(topic === null ? null : this.#limits.chunkTimeoutMs, () => {
      this.#options.log.warn('rules.chunk-missing', { list: need?.name, chunk: need?.chunk });
      this.#tryLater();
    });
  }

  #tryLater(): void {
    this.#ask(null);
    this.#setTimer(this.#delaysMs.next().value, () => this.#advance());
  }

  async #settle(head: RulesHead): Promise<void> {
    const { log, clock, chance, onStateChanged } = this.#options;
    const startedMs = clock.monotonicMs();
    await this.#held.settle(head);
    this.#settling = null;
    this.#delaysMs = retryDelaysMs(this.#limits.fetchRetry, chance);
    log.info('rules.held', { ...this.#held.state, settledMs: clock.monotonicMs() - startedMs });
    onStateChanged();
    this.#save();
    this.#advance();
  }

  /** Writes what holds; what comes to hold meanwhile is written afterwards. */
  #save(): void {
    this.#isUnsaved = true;
    if (this.#saving !== null) return;
    this.#saveTimer?.[Symbol.dispose]();
    this.#saving = this.#saveAll().finally(() => {
      this.#saving = null;
    });
  }

  async #saveAll(): Promise<void> {
    const { clock, log } = this.#options;
    while (this.#isUnsaved) {
      this.#isUnsaved = false;
      try {
        await this.#held.save();
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        log.error('rules.unkept', { error: describeError(error), remedy: error.remedy });
        if (!this.#isDisposed) this.#saveTimer = clock.after(this.#limits.saveRetryMs, () => this.#save());
        return;
      }
    }
  }

  #setTimer(delayMs: number | null, callback: () => void = () => {}): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = delayMs === null ? null : this.#options.clock.after(delayMs, callback);
  }
}
