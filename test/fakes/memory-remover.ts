import { mentions } from '../../gateway/store/mention.ts';
import type { Cursor, EraseOrder, PurgeOrder, StoreRemover } from '../../gateway/store/remover.ts';
import type { Correction, Removals } from '../../gateway/store/store.ts';
import type { MemoryStore, Row } from './memory-store.ts';

/** Deletes from a store in memory: all at once. */
export class MemoryRemover implements StoreRemover {
  readonly #contents: MemoryStore['contents'];

  constructor(store: MemoryStore) {
    this.#contents = store.contents;
  }

  async noteTaken(upstreams: readonly string[], nowMs: number): Promise<void> {
    const position = this.#takenByAll(upstreams);
    if (position > Math.max(0, ...this.#contents.taken.map((mark) => mark.position))) {
      this.#contents.taken.push({ position, atMs: nowMs });
    }
  }

  async countPurgeable(order: PurgeOrder): Promise<Removals> {
    const rows = this.#purgeable(order);
    return { entries: rows.length, quarantined: this.#itemsOf(rows).length + this.#oldItems(order.beforeMs).length };
  }

  async purge(order: PurgeOrder, _from: Cursor) {
    const rows = this.#purgeable(order);
    const keys = [...this.#itemsOf(rows), ...this.#oldItems(order.beforeMs)];
    this.#remove(rows, keys, this.#contents.purged);
    return { entries: rows.length, quarantined: keys.length, next: null };
  }

  async endPurge({ beforeMs }: PurgeOrder): Promise<void> {
    const { purged, corrections, rows } = this.#contents;
    purged.untilMs = Math.max(purged.untilMs ?? 0, beforeMs);
    const staying = ({ subject }: Correction) =>
      rows.some((row) => row.subject === subject) ||
      corrections.some((other) => other.subject === subject && other.atMs > beforeMs);
    this.#contents.corrections = corrections.filter(staying);
  }

  async holdingBack({ upstreams, beforeMs }: PurgeOrder) {
    const { rows } = this.#contents;
    return this.#places(upstreams)
      .map(([upstream, place]) => {
        const holding = rows.filter((row) => row.position > place && row.receivedMs <= beforeMs).length;
        return { upstream, place, holding };
      })
      .filter(({ holding }) => holding > 0);
  }

  async forgetUpstream(upstream: string): Promise<boolean> {
    return this.#contents.places.delete(upstream);
  }

  async erase({ subjects, upstreams, spared, ids }: EraseOrder, _from: Cursor) {
    const taken = spared === null ? this.#takenByAll(upstreams) : Number.POSITIVE_INFINITY;
    const own = this.#contents.rows.filter(({ subject }) => subject !== null && subjects.includes(subject));
    const going = own.filter(({ position, id }) => position <= taken && !spared?.has(id));
    const words = [...subjects, ...ids, ...going.map(({ id }) => id)];
    const about = [...this.#contents.items].filter(([, { upstream, raw, detail }]) => {
      return upstream === null && (mentions(raw, words) || mentions(Buffer.from(detail), words));
    });
    const keys = [...this.#itemsOf(going), ...about.map(([key]) => key)];
    this.#remove(going, keys, this.#contents.erased);
    const unforwarded = own.filter((row) => !going.includes(row)).map(({ id, receivedMs }) => ({ id, receivedMs }));
    return {
      entries: going.length,
      quarantined: keys.length,
      ids: going.map(({ id }) => id),
      unforwarded,
      next: null,
    };
  }

  async addCorrection(correction: Correction): Promise<void> {
    this.#contents.corrections.push(correction);
  }

  async corrections(subjects: readonly string[]): Promise<readonly Correction[]> {
    return this.#contents.corrections.filter(({ subject }) => subjects.includes(subject));
  }

  async eraseCorrections(subjects: readonly string[]): Promise<number> {
    const before = this.#contents.corrections.length;
    this.#contents.corrections = this.#contents.corrections.filter(({ subject }) => !subjects.includes(subject));
    return before - this.#contents.corrections.length;
  }

  async settle(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #purgeable({ beforeMs, upstreams }: PurgeOrder): readonly Row[] {
    const marks = this.#contents.taken.filter(({ atMs }) => atMs <= beforeMs).map(({ position }) => position);
    const limit = Math.min(Math.max(0, ...marks), this.#takenByAll(upstreams));
    return this.#contents.rows.filter(({ position, receivedMs }) => position <= limit && receivedMs <= beforeMs);
  }

  /** The keys of what lies in quarantine because an upstream refused these entries. */
  #itemsOf(rows: readonly Row[]): readonly string[] {
    const bodies = new Set(rows.map(({ body }) => body));
    const refused = [...this.#contents.items].filter(([, { upstream }]) => upstream !== null);
    return refused.filter(([, { raw }]) => bodies.has(Buffer.from(raw).toString())).map(([key]) => key);
  }

  #oldItems(beforeMs: number): readonly string[] {
    const raw = [...this.#contents.items].filter(([, { upstream }]) => upstream === null);
    return raw.filter(([, { receivedMs }]) => receivedMs <= beforeMs).map(([key]) => key);
  }

  #remove(rows: readonly Row[], keys: readonly string[], counts: { entries: number; quarantined: number }): void {
    const { removed, items, removedItems } = this.#contents;
    for (const row of rows) {
      removed.set(row.place, { row, untilMs: row.receivedMs });
      this.#contents.byId.delete(row.id);
      this.#contents.byPlace.delete(row.place);
    }
    this.#contents.rows = this.#contents.rows.filter((row) => !rows.includes(row));
    for (const key of keys) {
      const item = items.get(key);
      if (item?.upstream === null) removedItems.set(key, item);
      items.delete(key);
    }
    counts.entries += rows.length;
    counts.quarantined += keys.length;
  }

  #takenByAll(upstreams: readonly string[]): number {
    const places = this.#places(upstreams).map(([, place]) => place);
    return places.length === 0 ? 0 : Math.min(...places);
  }

  #places(upstreams: readonly string[]): readonly (readonly [string, number])[] {
    const known = new Map(this.#contents.places);
    for (const name of upstreams) if (!known.has(name)) known.set(name, 0);
    return [...known];
  }
}
