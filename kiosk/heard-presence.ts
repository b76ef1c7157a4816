/**
 * What the gateway told of passages. Whatever comes twice or late changes nothing: somebody's newest passage counts. So
 * the passages of the topic and the snapshot before them may come in any order.
 */
import type { Direction } from '../shared/entry.ts';
import type { Timer } from '../shared/ports.ts';
import {
  decodePresence,
  decodeSnapshot,
  type PresenceNotice,
  passagesPerChunk,
  personOf,
  snapshotList,
  type ToldPassage,
} from '../shared/presence.ts';
import { listChunkTopic, presenceTopic } from '../shared/topics.ts';
import type { TopicReader, Topics } from './gateway-link.ts';
import type { Passage } from './outbox.ts';
import type { Presence, PresenceOptions } from './presence.ts';

/** Without its gateway for longer than this a kiosk takes what it heard for stale: it warns and refuses nobody by it. In milliseconds. */
export const staleAfterMs = 120_000;

/** So many people are remembered; beyond it the one heard of longest ago goes. */
export const peopleMax = 50_000;

/** How long a chunk of the snapshot may take to come, and when a broken fetch begins again, in milliseconds. */
const chunkTimeoutMs = 10_000;
const retryMs = 1_000;

/** What stands on the topic, without the passages, which were taken. */
type Heard = Omit<PresenceNotice, 'passages'>;

/** Everything that was heard. */
export class HeardPresence implements Presence, TopicReader {
  readonly #options: PresenceOptions;
  /** When somebody's newest passage was, milliseconds since the Unix epoch; below zero: out. */
  readonly #people = new Map<string, number>();
  #topics: Topics | null = null;
  #notice: Heard | null = null;
  /** Passages of this kiosk since the last notice: in less out. */
  #ownNet = 0;
  /** The generation whose snapshot is here. */
  #fetched: number | null = null;
  #asked: { readonly chunk: number; readonly generation: number; readonly topic: string } | null = null;
  #timer: Timer | null = null;
  /** When the connection was lost, monotonic milliseconds; null while there is one. */
  #lostMs: number | null;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#lostMs = options.clock.monotonicMs() - staleAfterMs;
  }

  get isCurrent(): boolean {
    if (this.#notice === null || !this.#notice.isComplete) return false;
    if (this.#wantsPassages && this.#fetched === null) return false;
    return this.#lostMs === null || this.#options.clock.monotonicMs() - this.#lostMs < staleAfterMs;
  }

  get inside(): number | null {
    return this.#notice === null ? null : Math.max(0, this.#notice.inside + this.#ownNet);
  }

  lastPassage(subject: string, own: Passage | null): Passage | null {
    const at = this.#people.get(personOf(subject));
    const sinceMs = this.#notice?.sinceMs ?? 0;
    const told: Passage | null = at === undefined ? null : { direction: at > 0 ? 'in' : 'out', atMs: Math.abs(at) };
    const newest = told === null || (own !== null && own.atMs >= told.atMs) ? own : told;
    return newest === null || newest.atMs <= sinceMs ? null : newest;
  }

  passed(direction: Direction): void {
    this.#ownNet += direction === 'in' ? 1 : -1;
  }

  /** Whether passages are wanted, and not only how many are inside, may have changed. */
  wishChanged(): void {
    if (this.#wantsPassages) {
      this.#fetch();
      return;
    }
    // Whoever wants them again has missed some.
    this.#ask(null);
    this.#fetched = null;
    this.#people.clear();
  }

  connected(topics: Topics): void {
    this.#topics = topics;
    this.#lostMs = null;
    topics.subscribe(presenceTopic);
  }

  lost(): void {
    if (this.#topics === null) return;
    this.#topics = null;
    this.#lostMs = this.#options.clock.monotonicMs();
    this.#ask(null);
  }

  /** The site wants nothing of this any more. */
  end(): void {
    this.#topics?.unsubscribe(presenceTopic);
    this.#ask(null);
    this.#topics = null;
  }

  heard(topic: string, payload: Uint8Array): void {
    if (this.#topics === null) return;
    if (topic === presenceTopic) this.#hearNotice(payload);
    else if (topic === this.#asked?.topic) this.#hearChunk(payload);
  }

  get #wantsPassages(): boolean {
    return this.#options.wish()?.passages === true;
  }

  #hearNotice(payload: Uint8Array): void {
    // Nothing stands there any more, or not yet.
    if (payload.byteLength === 0) return;
    const decoded = decodePresence(payload);
    if (decoded === null) {
      this.#options.log.warn('presence.invalid', { bytes: payload.byteLength });
      return;
    }
    const { passages, ...notice } = decoded;
    this.#notice = notice;
    this.#ownNet = 0;
    this.#take(passages);
    if (this.#wantsPassages) this.#fetch();
  }

  /** Asks for the snapshot unless it is here or on its way. */
  #fetch(): void {
    const generation = this.#notice?.generation;
    if (generation === undefined || generation === this.#fetched || generation === this.#asked?.generation) return;
    this.#ask({ chunk: 0, generation });
  }

  #hearChunk(payload: Uint8Array): void {
    if (this.#asked === null || payload.byteLength === 0) return;
    const { chunk, generation } = this.#asked;
    const decoded = decodeSnapshot(payload);
    if (decoded?.generation !== generation) {
      // It was made anew while it was fetched.
      this.#retry();
      return;
    }
    this.#take(decoded.passages);
    if (decoded.passages.length === passagesPerChunk) {
      this.#ask({ chunk: chunk + 1, generation });
      return;
    }
    this.#ask(null);
    this.#fetched = generation;
    this.#options.log.debug('presence.heard', { people: this.#people.size, inside: this.inside });
  }

  #ask(next: { readonly chunk: number; readonly generation: number } | null): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    if (this.#asked !== null) this.#topics?.unsubscribe(this.#asked.topic);
    this.#asked = next && { ...next, topic: listChunkTopic(snapshotList, next.chunk) };
    if (this.#asked === null || this.#topics === null) return;
    this.#topics.subscribe(this.#asked.topic);
    this.#timer = this.#options.clock.after(chunkTimeoutMs, () => this.#retry());
  }

  #retry(): void {
    this.#ask(null);
    this.#timer = this.#options.clock.after(retryMs, () => this.#fetch());
  }

  #take(passages: readonly ToldPassage[]): void {
    for (const { person, direction, atMs } of passages) {
      if (Math.abs(this.#people.get(person) ?? 0) >= atMs) continue;
      this.#people.delete(person);
      this.#people.set(person, direction === 'in' ? atMs : -atMs);
    }
    for (const oldest of this.#people.keys()) {
      if (this.#people.size <= peopleMax) break;
      this.#people.delete(oldest);
    }
  }
}
