import { strict as assert } from 'node:assert';
import { findGaps } from '../../gateway/store/gaps.ts';
import { quarantineDigest, toDetail } from '../../gateway/store/quarantined.ts';
import {
  type Arrival,
  type Correction,
  defaultStoreLimits,
  type EntryKeys,
  gapsMax,
  type Place,
  type QuarantineDraft,
  type QuarantineItem,
  type QuarantineReason,
  type Store,
  type StoredEntry,
  type StoreLimits,
  type StoreReport,
  type UpstreamProgress,
  type Verdict,
} from '../../gateway/store/store.ts';
import { isUuidBefore } from '../../gateway/store/uuid-time.ts';
import { correctionOf } from '../../gateway/time-bounds.ts';
import { MemoryTraces } from './memory-traces.ts';

export interface Row extends StoredEntry {
  readonly keys: EntryKeys;
  readonly receivedMs: number;
  /** Kiosk, epoch and seq in one. */
  readonly place: string;
  readonly stream: string;
  readonly seq: number;
}

/** What a store in memory holds; what deletes from it works on the same. */
export class MemoryContents {
  rows: Row[] = [];
  readonly byId = new Map<string, Row>();
  readonly byPlace = new Map<string, Row>();
  readonly items = new Map<string, QuarantineItem & QuarantineDraft>();
  readonly places = new Map<string, number>();
  /** Deleted places, and when their entries had arrived. */
  readonly removed = new Map<string, { readonly row: Row; readonly untilMs: number }>();
  readonly removedItems = new Map<string, QuarantineDraft>();
  readonly taken: { readonly position: number; readonly atMs: number }[] = [];
  readonly purged = { entries: 0, quarantined: 0, untilMs: null as number | null };
  readonly erased = { entries: 0, quarantined: 0 };
  corrections: Correction[] = [];
  lastPosition = 0;
  lastItem = 0;
}

/** A store without a disk that passes the contract suite. What it holds outlives {@link MemoryStore.reopen}. */
export class MemoryStore implements Store {
  readonly traces: MemoryTraces;
  readonly #limits: StoreLimits;
  readonly #callbacks = new Set<() => void>();
  readonly contents: MemoryContents;
  #closed = false;

  /** @param from a closed store whose contents to go on with. */
  constructor(limits: Partial<StoreLimits> = {}, from?: MemoryStore) {
    this.#limits = { ...defaultStoreLimits, ...limits };
    this.contents = from?.contents ?? new MemoryContents();
    this.traces = new MemoryTraces(() => this.contents.rows);
  }

  async append(group: readonly Arrival[]): Promise<readonly Verdict[]> {
    assert(!this.#closed, 'the store is closed');
    const verdicts = group.map((arrival) =>
      arrival.type === 'entry' ? this.#keep(arrival) : this.#quarantine(arrival.quarantined),
    );
    if (verdicts.some(({ type }) => type === 'stored')) {
      for (const callback of this.#callbacks) queueMicrotask(callback);
    }
    return verdicts;
  }

  async readNext(upstream: string, limits: { entriesMax: number; bytesMax: number }): Promise<readonly StoredEntry[]> {
    const place = this.contents.places.get(upstream) ?? 0;
    const batch: StoredEntry[] = [];
    let bytes = 0;
    for (const row of this.contents.rows.filter(({ position }) => position > place).slice(0, limits.entriesMax)) {
      bytes += Buffer.byteLength(row.body);
      if (bytes > limits.bytesMax && batch.length > 0) break;
      batch.push(toStored(row));
    }
    return batch;
  }

  async findControls(after: number, positionsMax: number) {
    const lookedTo = Math.min(after + positionsMax, this.#rows.length);
    const rows = this.#rows.slice(after, Math.max(after, lookedTo));
    return { entries: rows.filter(({ body }) => body.includes('"control":{')).map(toStored), lookedTo };
  }

  async markForwarded(
    upstream: string,
    position: number,
    rejected: readonly { readonly id: string; readonly reason: string }[],
    nowMs: number,
  ): Promise<void> {
    const before = this.contents.places.get(upstream) ?? 0;
    assert(
      position >= before && position <= this.contents.lastPosition,
      `upstream ${upstream} cannot go to ${position}`,
    );
    for (const { id, reason } of rejected) {
      const row = this.#byId(id);
      if (row === undefined || row.position <= before || row.position > position) continue;
      const raw = Buffer.from(row.body);
      const draft = { kiosk: row.kiosk, reason: 'upstream-refused', raw, claimed: null } as const;
      const key = quarantineDigest(draft, upstream).toString('hex');
      if (this.#items.has(key)) continue;
      this.contents.lastItem += 1;
      const position_ = this.contents.lastItem;
      this.#items.set(key, { ...draft, position: position_, detail: toDetail(reason), receivedMs: nowMs, upstream });
    }
    this.contents.places.set(upstream, position);
  }

  async *entries(): AsyncGenerator<StoredEntry> {
    for (const row of [...this.#rows]) yield toStored(row);
  }

  async *quarantine(): AsyncGenerator<QuarantineItem> {
    for (const { claimed: _, ...item } of [...this.#items.values()]) yield item;
  }

  async findKnown(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(ids.filter((id) => this.#byId(id) !== undefined));
  }

  async findRemoved(places: readonly Place[]): Promise<readonly Place[]> {
    return places.filter(({ kiosk, epoch, seq }) =>
      this.contents.removed.has(`${kiosk}/${epoch.toLowerCase()}/${seq}`),
    );
  }

  async correctedSubjects(): Promise<ReadonlySet<string>> {
    return new Set(this.contents.corrections.map(({ subject }) => subject));
  }

  async corrections(subjects: readonly string[]): Promise<readonly Correction[]> {
    return this.contents.corrections.filter(({ subject }) => subjects.includes(subject));
  }

  async upstreams(): Promise<readonly UpstreamProgress[]> {
    const upstreams = [...this.contents.places].sort(([a], [b]) => (a < b ? -1 : 1));
    return upstreams.map(([upstream, place]) => {
      return { upstream, place, waiting: this.contents.rows.filter(({ position }) => position > place).length };
    });
  }

  async check(): Promise<StoreReport> {
    return {
      damage: [],
      entries: this.#rows.length,
      quarantined: this.#items.size,
      gaps: this.#gaps().slice(0, gapsMax),
      upstreams: await this.upstreams(),
      purged: { ...this.contents.purged },
      erased: { ...this.contents.erased },
    };
  }

  async indexSome(): Promise<boolean> {
    return false;
  }

  async lastPosition(): Promise<number> {
    return this.#rows.length;
  }

  async entriesAfter(position: number, entriesMax: number): Promise<readonly StoredEntry[]> {
    return this.#rows.slice(position, position + entriesMax).map(toStored);
  }

  onAppended(callback: () => void): Disposable {
    const own = () => callback();
    this.#callbacks.add(own);
    return { [Symbol.dispose]: () => void this.#callbacks.delete(own) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#callbacks.clear();
  }

  #keep(arrival: Extract<Arrival, { type: 'entry' }>): Verdict {
    const { entry, body, receivedMs } = arrival;
    const id = entry.id.toLowerCase();
    const stream = `${entry.kiosk}/${entry.epoch.toLowerCase()}`;
    const place = `${stream}/${entry.seq}`;
    const same = this.#byId(id);
    if (same?.place === place) return { type: 'duplicate' };
    const removed = this.contents.removed.get(place);
    if (same === undefined && removed !== undefined && isUuidBefore(id, removed.untilMs)) return { type: 'duplicate' };
    const isTaken = removed !== undefined || this.contents.byPlace.has(place);
    if (same === undefined && !isTaken) {
      const { kiosk, at, subject, seq } = entry;
      const text = Buffer.from(body).toString();
      this.contents.lastPosition += 1;
      const position = this.contents.lastPosition;
      const row = { position, id, kiosk, at, subject, body: text, place, stream, seq, keys: entry, receivedMs };
      this.#rows.push(row);
      this.contents.byId.set(id, row);
      this.contents.byPlace.set(place, row);
      return { type: 'stored' };
    }
    const reason: QuarantineReason = same === undefined ? 'triple-reused' : 'id-reused';
    const claimed = { epoch: entry.epoch.toLowerCase(), seq: entry.seq };
    return this.#quarantine({ kiosk: entry.kiosk, reason, detail: place, raw: body, claimed, receivedMs });
  }

  #quarantine(draft: QuarantineDraft): Verdict {
    const { reason, detail } = draft;
    const key = quarantineDigest(draft, null).toString('hex');
    if (!this.#items.has(key) && !this.contents.removedItems.has(key)) {
      const own = [...this.#items.values()].filter((item) => item.kiosk === draft.kiosk && item.upstream === null);
      const bytes = own.reduce((sum, item) => sum + item.raw.byteLength, draft.raw.byteLength);
      const { quarantineItemsPerKioskMax, quarantineBytesPerKioskMax } = this.#limits;
      if (own.length >= quarantineItemsPerKioskMax || bytes > quarantineBytesPerKioskMax) {
        return { type: 'unkept', reason, detail };
      }
      this.contents.lastItem += 1;
      const position = this.contents.lastItem;
      this.#items.set(key, { ...draft, raw: Buffer.from(draft.raw), position, upstream: null });
    }
    return { type: 'quarantined', reason, detail };
  }

  #gaps() {
    const streams = new Map<string, { kiosk: string; epoch: string; seqs: number[] }>();
    const count = (kiosk: string, epoch: string, seq: number) => {
      const stream = streams.get(`${kiosk}/${epoch}`) ?? { kiosk, epoch, seqs: [] };
      stream.seqs.push(seq);
      streams.set(`${kiosk}/${epoch}`, stream);
    };
    const everHere = [...this.#rows, ...[...this.contents.removed.values()].map(({ row }) => row)];
    for (const { kiosk, stream, seq } of everHere) count(kiosk, stream.slice(kiosk.length + 1), seq);
    for (const item of [...this.#items.values(), ...this.contents.removedItems.values()]) {
      if (item.claimed !== null) count(item.kiosk, item.claimed.epoch, item.claimed.seq);
    }
    return [...streams.values()].flatMap(({ kiosk, epoch, seqs }) =>
      [...findGaps(seqs.sort((a, b) => a - b).map((seq) => ({ first: seq, last: seq })))].map((run) => ({
        kiosk,
        epoch,
        ...run,
      })),
    );
  }

  #byId(id: string): Row | undefined {
    return this.contents.byId.get(id.toLowerCase());
  }

  get #rows(): Row[] {
    return this.contents.rows;
  }

  get #items() {
    return this.contents.items;
  }
}

function toStored({ position, id, kiosk, at, subject, body, keys }: Row): StoredEntry {
  const corrected = correctionOf(at, keys.time);
  return { position, id, kiosk, at, subject, body, ...(corrected === null ? {} : { corrected }) };
}
