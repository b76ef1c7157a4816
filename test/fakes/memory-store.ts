import { strict as assert } from 'node:assert';
import { findGaps } from '../../gateway/store/gaps.ts';
import { quarantineDigest, toDetail } from '../../gateway/store/quarantined.ts';
import {
  type Arrival,
  defaultStoreLimits,
  gapsMax,
  type QuarantineDraft,
  type QuarantineItem,
  type QuarantineReason,
  type Store,
  type StoredEntry,
  type StoreLimits,
  type StoreReport,
  type Verdict,
} from '../../gateway/store/store.ts';

interface Row extends StoredEntry {
  /** Kiosk, epoch and seq in one. */
  readonly place: string;
  readonly stream: string;
  readonly seq: number;
}

/** A store without a disk that passes the contract suite. What it holds outlives {@link MemoryStore.reopen}. */
export class MemoryStore implements Store {
  readonly #limits: StoreLimits;
  readonly #callbacks = new Set<() => void>();
  readonly #rows: Row[];
  readonly #items: Map<string, QuarantineItem & QuarantineDraft>;
  readonly #places: Map<string, number>;
  readonly #byId = new Map<string, Row>();
  readonly #byPlace = new Map<string, Row>();
  #closed = false;

  /** @param from a closed store whose contents to go on with. */
  constructor(limits: Partial<StoreLimits> = {}, from?: MemoryStore) {
    this.#limits = { ...defaultStoreLimits, ...limits };
    this.#rows = from === undefined ? [] : from.#rows;
    this.#items = from === undefined ? new Map() : from.#items;
    this.#places = from === undefined ? new Map() : from.#places;
    for (const row of this.#rows) this.#index(row);
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
    const place = this.#places.get(upstream) ?? 0;
    const batch: StoredEntry[] = [];
    let bytes = 0;
    for (const row of this.#rows.slice(place, place + limits.entriesMax)) {
      bytes += Buffer.byteLength(row.body);
      if (bytes > limits.bytesMax && batch.length > 0) break;
      batch.push(toStored(row));
    }
    return batch;
  }

  async markForwarded(
    upstream: string,
    position: number,
    rejected: readonly { readonly id: string; readonly reason: string }[],
    nowMs: number,
  ): Promise<void> {
    const before = this.#places.get(upstream) ?? 0;
    assert(position >= before && position <= this.#rows.length, `upstream ${upstream} cannot go to ${position}`);
    for (const { id, reason } of rejected) {
      const row = this.#byId.get(id.toLowerCase());
      if (row === undefined || row.position <= before || row.position > position) continue;
      const raw = Buffer.from(row.body);
      const draft = { kiosk: row.kiosk, reason: 'upstream-refused', raw, claimed: null } as const;
      const key = quarantineDigest(draft, upstream).toString('hex');
      if (this.#items.has(key)) continue;
      const position_ = this.#items.size + 1;
      this.#items.set(key, { ...draft, position: position_, detail: toDetail(reason), receivedMs: nowMs, upstream });
    }
    this.#places.set(upstream, position);
  }

  async *entries(): AsyncGenerator<StoredEntry> {
    for (const row of [...this.#rows]) yield toStored(row);
  }

  async *quarantine(): AsyncGenerator<QuarantineItem> {
    for (const { claimed: _, ...item } of [...this.#items.values()]) yield item;
  }

  async findKnown(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(ids.filter((id) => this.#byId.has(id)));
  }

  async check(): Promise<StoreReport> {
    const upstreams = [...this.#places].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      damage: [],
      entries: this.#rows.length,
      quarantined: this.#items.size,
      gaps: this.#gaps().slice(0, gapsMax),
      upstreams: upstreams.map(([upstream, place]) => ({ upstream, place, waiting: this.#rows.length - place })),
    };
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
    const same = this.#byId.get(id);
    if (same?.place === place) return { type: 'duplicate' };
    if (same === undefined && !this.#byPlace.has(place)) {
      const { kiosk, at, subject, seq } = entry;
      const text = Buffer.from(body).toString();
      const row = { position: this.#rows.length + 1, id, kiosk, at, subject, body: text, place, stream, seq };
      this.#rows.push(row);
      this.#index(row);
      return { type: 'stored' };
    }
    const reason: QuarantineReason = same === undefined ? 'triple-reused' : 'id-reused';
    const claimed = { epoch: entry.epoch.toLowerCase(), seq: entry.seq };
    return this.#quarantine({ kiosk: entry.kiosk, reason, detail: place, raw: body, claimed, receivedMs });
  }

  #quarantine(draft: QuarantineDraft): Verdict {
    const { reason, detail } = draft;
    const key = quarantineDigest(draft, null).toString('hex');
    if (!this.#items.has(key)) {
      const own = [...this.#items.values()].filter((item) => item.kiosk === draft.kiosk && item.upstream === null);
      const bytes = own.reduce((sum, item) => sum + item.raw.byteLength, draft.raw.byteLength);
      const { quarantineItemsPerKioskMax, quarantineBytesPerKioskMax } = this.#limits;
      if (own.length >= quarantineItemsPerKioskMax || bytes > quarantineBytesPerKioskMax) {
        return { type: 'unkept', reason, detail };
      }
      this.#items.set(key, { ...draft, raw: Buffer.from(draft.raw), position: this.#items.size + 1, upstream: null });
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
    for (const { kiosk, stream, seq } of this.#rows) count(kiosk, stream.slice(kiosk.length + 1), seq);
    for (const item of this.#items.values()) {
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

  #index(row: Row): void {
    this.#byId.set(row.id, row);
    this.#byPlace.set(row.place, row);
  }
}

function toStored({ position, id, kiosk, at, subject, body }: Row): StoredEntry {
  return { position, id, kiosk, at, subject, body };
}
