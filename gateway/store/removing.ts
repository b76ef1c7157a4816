/** The SQL of deleting from a store, one transaction a method. Throws what SQLite throws. */
import type { Database } from 'better-sqlite3';
import { stringify } from 'uuid';
import { Corrections } from './corrections.ts';
import { mentions } from './mention.ts';
import { oneRow } from './one-row.ts';
import { Removed } from './removed.ts';
import type { Cursor, EraseOrder, EraseSlice, PurgeOrder, Slice, UpstreamPlace } from './remover.ts';
import { prepareRemoving, type RemovableRow } from './removing-statements.ts';
import type { Correction, Removals } from './store.ts';
import { forgetPositions } from './trace-index.ts';

/** Entries deleted in one transaction: some ten milliseconds, for which a commit of entries may have to wait. */
export const entriesPerSliceMax = 1000;

/** Entries looked at in one call: without an index of subjects, an erasure reads all of them. */
export const entriesReadPerSliceMax = 5000;

/** Things in quarantine looked at in one call. */
export const itemsPerSliceMax = 200;

type Why = 'purged' | 'erased';

/** Deletes through one connection, which overwrites what it deletes (`secure_delete`). */
export class Removing {
  readonly #statements: ReturnType<typeof prepareRemoving>;
  readonly #database: Database;
  readonly #removed: Removed;
  readonly #corrections: Corrections;

  constructor(database: Database) {
    this.#database = database;
    this.#statements = prepareRemoving(database);
    this.#removed = new Removed(database);
    this.#corrections = new Corrections(database);
  }

  noteTaken(upstreams: readonly string[], nowMs: number): void {
    this.#transact(() => {
      const { lastTaken, addTaken } = this.#statements;
      const position = this.#takenByAll(upstreams);
      if (position > (lastTaken.get() ?? 0)) addTaken.run(position, nowMs);
    });
  }

  countPurgeable(order: PurgeOrder): Removals {
    const { countOldEntries, countOldItems, countOldRefused } = this.#statements;
    const limit = this.#purgeableTo(order);
    return {
      entries: oneRow(countOldEntries, limit, order.beforeMs),
      quarantined: oneRow(countOldItems, order.beforeMs) + oneRow(countOldRefused, limit, order.beforeMs),
    };
  }

  purge(order: PurgeOrder, from: Cursor): Slice {
    const { oldEntries, items } = this.#statements;
    return this.#transact(() => {
      const rows = oldEntries.all(from.entry, this.#purgeableTo(order), order.beforeMs, entriesPerSliceMax);
      const refused = this.#deleteEntries(rows);
      const page = items.all(from.item, itemsPerSliceMax);
      const old = page.filter(({ receivedMs }) => receivedMs <= order.beforeMs);
      for (const item of old) this.#deleteItem(item.position);
      const done = { entries: rows.length, quarantined: refused + old.length };
      this.#count('purged', done);
      const more = rows.length === entriesPerSliceMax || page.length === itemsPerSliceMax;
      const next = { entry: rows.at(-1)?.position ?? from.entry, item: page.at(-1)?.position ?? from.item };
      return { ...done, next: more ? next : null };
    });
  }

  endPurge(order: PurgeOrder): void {
    this.#transact(() => {
      const { purgedUntil, dropTaken, oldCorrections, deleteCorrections } = this.#statements;
      purgedUntil.run(order.beforeMs);
      // The mark that holds for what is next in line stays.
      dropTaken.run(this.#statements.takenBefore.get(order.beforeMs) ?? 0);
      for (const subject of oldCorrections.all(order.beforeMs)) deleteCorrections.run(subject);
    });
  }

  holdingBack({ upstreams, beforeMs }: PurgeOrder): UpstreamPlace[] {
    const { countBehind } = this.#statements;
    const places = this.#places(upstreams).map(([upstream, place]) => {
      return { upstream, place, holding: oneRow(countBehind, place, beforeMs) };
    });
    return places.filter(({ holding }) => holding > 0);
  }

  forgetUpstream(upstream: string): boolean {
    return this.#transact(() => this.#statements.deleteUpstream.run(upstream).changes > 0);
  }

  erase(order: EraseOrder, from: Cursor): EraseSlice {
    const { firstAfter, ofSubject, items } = this.#statements;
    return this.#transact(() => {
      const first = firstAfter.get(from.entry);
      const upTo = first === undefined ? from.entry : first + entriesReadPerSliceMax - 1;
      const found = ofSubject
        .all(from.entry, upTo, JSON.stringify(order.subjects), entriesPerSliceMax)
        .map((row) => ({ ...row, uuid: stringify(row.id) }));
      const taken = order.spared === null ? this.#takenByAll(order.upstreams) : Number.POSITIVE_INFINITY;
      const going = found.filter(({ position, uuid }) => position <= taken && !order.spared?.has(uuid));
      const refused = this.#deleteEntries(going);
      const ids = going.map(({ uuid }) => uuid);
      const lastRead = found[entriesPerSliceMax - 1]?.position ?? upTo;
      // All entries first: only then is it known which ids what lies in quarantine may name.
      const entriesDone = first === undefined;
      const page = entriesDone ? items.all(from.item, itemsPerSliceMax) : [];
      const words = [...order.subjects, ...order.ids];
      const about = page.filter(({ raw, detail }) => mentions(raw, words) || mentions(Buffer.from(detail), words));
      for (const { position } of about) this.#deleteItem(position);
      const done = { entries: going.length, quarantined: refused + about.length };
      this.#count('erased', done);
      const next = { entry: lastRead, item: page.at(-1)?.position ?? from.item };
      const unforwarded = found.filter((row) => !going.includes(row));
      return {
        ...done,
        ids,
        unforwarded: unforwarded.map(({ uuid, receivedMs }) => ({ id: uuid, receivedMs })),
        next: entriesDone && page.length < itemsPerSliceMax ? null : next,
      };
    });
  }

  addCorrection({ id, subject, atMs, sealed }: Correction): void {
    this.#transact(() => this.#statements.addCorrection.run(id, subject, atMs, sealed.enc, sealed.ct, sealed.key));
  }

  corrections(subjects: readonly string[]): Correction[] {
    return this.#corrections.of(subjects);
  }

  eraseCorrections(subjects: readonly string[]): number {
    const { deleteCorrections } = this.#statements;
    return this.#transact(() => subjects.reduce((sum, one) => sum + deleteCorrections.run(one).changes, 0));
  }

  /** Entries with what lies in quarantine of them, and what tracing keeps; how much lay in quarantine. */
  #deleteEntries(rows: readonly RemovableRow[]): number {
    if (rows.length === 0) return 0;
    const { deleteRefused, deleteEntry } = this.#statements;
    let refused = 0;
    forgetPositions(
      this.#database,
      rows.map(({ position }) => position),
    );
    for (const { position } of rows) {
      refused += deleteRefused.run(position).changes;
      deleteEntry.run(position);
    }
    this.#removed.add(rows);
    return refused;
  }

  #deleteItem(position: number): void {
    const { item, rememberDigest, rememberClaim, countLess, deleteItem } = this.#statements;
    const found = oneRow(item, position);
    rememberDigest.run(found.digest);
    if (found.stream !== null && found.seq !== null) rememberClaim.run(found.stream, found.seq);
    countLess.run(found.bytes, found.kiosk);
    deleteItem.run(position);
  }

  /** The position up to which all may go, but for what arrived later by the clock. */
  #purgeableTo({ beforeMs, upstreams }: PurgeOrder): number {
    return Math.min(this.#statements.takenBefore.get(beforeMs) ?? 0, this.#takenByAll(upstreams));
  }

  /** The position up to which every upstream has taken or refused everything: 0 where one has not begun. */
  #takenByAll(upstreams: readonly string[]): number {
    const places = this.#places(upstreams).map(([, place]) => place);
    return places.length === 0 ? 0 : Math.min(...places);
  }

  #places(upstreams: readonly string[]): readonly (readonly [string, number])[] {
    const known = new Map(this.#statements.upstreams.all().map(({ name, place }) => [name, place]));
    for (const name of upstreams) if (!known.has(name)) known.set(name, 0);
    return [...known];
  }

  #count(why: Why, { entries, quarantined }: Removals): void {
    if (entries + quarantined > 0) this.#statements.count.run(why, entries, quarantined);
  }

  #transact<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
  }
}
