/** Publishes what kiosks must know of printed cards: issuers, revoked cards, issued numbers; and whatever changes of it. */
import { describeError } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import {
  chunkItemsOf,
  emptyDigest,
  encodeDigest,
  encodeHead,
  extendDigest,
  itemBytesOf,
  type ListHead,
  type ListName,
  listItemsMax,
  makeHead,
} from '../shared/rules.ts';
import { sleep } from '../shared/time.ts';
import { listChunkTopic } from '../shared/topics.ts';
import type { Announcements } from './announcements.ts';
import type { CardLists } from './cards/card-lists.ts';
import { SparseLog } from './sparse-log.ts';

export interface RulesOptions {
  readonly lists: CardLists;
  readonly announcements: Pick<Announcements, 'retain' | 'tellRules'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How often the register is looked at, in milliseconds: other processes write it. */
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
  const stop = new AbortController();
  const running = new RulesPublisher(options).run(stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

type Issuers = Parameters<typeof makeHead>[0]['issuers'];

class RulesPublisher {
  readonly #options: RulesOptions;
  readonly #sparse: SparseLog;
  readonly #lists: Readonly<Record<ListName, PublishedList>>;
  #version: string | null = null;
  #issuers: Issuers | null = null;

  constructor(options: RulesOptions) {
    this.#options = options;
    this.#sparse = new SparseLog(options.clock, options.log, repeatLogMs);
    this.#lists = { revoked: new PublishedList('revoked', options), issued: new PublishedList('issued', options) };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, lookEveryMs = lookEveryMsDefault } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#look(signal);
      } catch (error) {
        this.#sparse.write('error', 'rules.not-told', '', { error: describeError(error) });
      }
      await sleep(clock, lookEveryMs, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { lists, announcements, log } = this.#options;
    const counts = lists.counts();
    for (const list of Object.values(this.#lists)) await list.follow(counts[list.name], signal);
    if (signal.aborted) return;
    const { revoked, issued } = this.#lists;
    const issuers = this.#readIssuers();
    const runs = lists.issuedRuns();
    // Said only where it is not what every kiosk takes for granted: older ones know nothing of it.
    const isPlain = runs.every(({ issuer }) => issuer === issuers[0]?.id);
    const issuedHead = isPlain ? issued.head : { ...issued.head, runs: [...runs] };
    const made = makeHead({ issuers, lists: { revoked: revoked.head, issued: issuedHead } });
    if ('problem' in made) throw new Error(`the rules do not fit into a head: ${made.problem}`);
    const { head } = made;
    if (head.version === this.#version) return;
    const payload = encodeHead(head);
    await announcements.tellRules(() => payload);
    this.#version = head.version;
    log.info('rules.told', { version: head.version, revoked: revoked.head.count, issued: issued.head.count });
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

/** A list of the register as its retained chunks show it. Chunks come before the head that speaks of them. */
class PublishedList {
  readonly name: ListName;
  readonly #options: RulesOptions;
  readonly #itemBytes: number;
  readonly #chunkItems: number;
  #count = 0;
  #digest = emptyDigest;
  /** The last chunk, and the digest before it. */
  #last: Uint8Array = new Uint8Array(0);
  #digestBefore = emptyDigest;
  #chunksRetained = 0;

  constructor(name: ListName, options: RulesOptions) {
    this.name = name;
    this.#options = options;
    this.#itemBytes = itemBytesOf[name];
    this.#chunkItems = chunkItemsOf(this.#itemBytes);
  }

  get head(): ListHead {
    const digest = encodeDigest(this.#digest);
    return { itemBytes: this.#itemBytes, chunkItems: this.#chunkItems, count: this.#count, digest };
  }

  /** Publishes what the register has beyond what is published; all of it again where it is not the same any more. */
  async follow(count: number, signal: AbortSignal): Promise<void> {
    if (count === this.#count) return;
    if (count > listItemsMax) throw new Error(`${count} items of ${this.name}, at most ${listItemsMax} can be told`);
    if (count < this.#count || !this.#isSame(this.#read(this.#lastChunk))) {
      this.#options.log.warn('rules.register-replaced', { list: this.name, told: this.#count, count });
      this.#count = 0;
      this.#digest = this.#digestBefore = emptyDigest;
      this.#last = new Uint8Array(0);
    }
    await this.#publishFrom(this.#lastChunk, signal);
  }

  get #lastChunk(): number {
    return Math.max(0, Math.ceil(this.#count / this.#chunkItems) - 1);
  }

  #read(chunk: number): Uint8Array {
    const { lists } = this.#options;
    return lists.read(this.name, chunk * this.#chunkItems, this.#chunkItems);
  }

  #isSame(chunk: Uint8Array): boolean {
    return Buffer.from(this.#last).equals(chunk.subarray(0, this.#last.byteLength));
  }

  async #publishFrom(first: number, signal: AbortSignal): Promise<void> {
    const { announcements } = this.#options;
    let chunk = first;
    for (;;) {
      const bytes = this.#read(chunk);
      if (bytes.byteLength === 0) break;
      // The register may have grown since it was counted; what was read is what counts.
      await announcements.retain(listChunkTopic(this.name, chunk), ownMemory(bytes));
      if (chunk > first) this.#digestBefore = this.#digest;
      this.#last = bytes;
      this.#digest = extendDigest(this.#digestBefore, bytes);
      this.#count = chunk * this.#chunkItems + bytes.byteLength / this.#itemBytes;
      chunk++;
      if (bytes.byteLength < this.#chunkItems * this.#itemBytes || signal.aborted) break;
      // A long list must not hold up entries.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    for (; this.#chunksRetained > chunk; this.#chunksRetained--) {
      await announcements.retain(listChunkTopic(this.name, this.#chunksRetained - 1), new Uint8Array(0));
    }
    this.#chunksRetained = Math.max(this.#chunksRetained, chunk);
  }
}

/** Retained for long, so it must not hold on to a larger piece of memory. */
function ownMemory(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
