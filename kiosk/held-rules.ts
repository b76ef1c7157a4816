/** The rules that a kiosk holds: in memory to ask, on disk to outlast a restart, and what is missing of newer ones. */

import type { KnownCards } from '../shared/code/known.ts';
import type { KioskCondition } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import type { Log } from '../shared/ports.ts';
import {
  chunkItemsOf,
  type IssuedRun,
  itemBytesOf,
  type ListHead,
  type ListName,
  listItemsMax,
  type RulesHead,
} from '../shared/rules.ts';
import type { SiteRules } from '../shared/site-rules.ts';
import { HeldList, type ListShape, type Taken } from './held-list.ts';
import { ItemTable } from './item-table.ts';
import { knownCardsOf, readIssuers } from './known-cards.ts';
import { type KnownPeople, knownPeopleOf } from './known-people.ts';
import { type KeptList, type KeptRules, RulesFiles } from './rules-files.ts';

/** What must come next so that the rules are those of a head. */
export interface Need {
  readonly name: ListName;
  readonly chunk: number;
  /** What came before was not what the head spoke of, though it was fetched whole: something is wrong at the gateway. */
  readonly again: boolean;
}

/** A list with its place on disk. */
interface Stored {
  readonly list: HeldList;
  /** Null: none yet. */
  file: string | null;
  /** So many items are in it, durably. */
  savedItems: number;
}

type KeptPlace = ListShape & { readonly file: string };

const listNames = ['revoked', 'issued', 'barred', 'expected'] as const satisfies readonly ListName[];

/** `kept`: card ids that were revoked and that the gateway's list, which only grows, has no more. */
const storedBytesOf = { ...itemBytesOf, kept: itemBytesOf.revoked } as const;
type StoredName = keyof typeof storedBytesOf;

/** So many ids are compared in one turn of the event loop when a list was replaced. */
const comparedPerTurn = 1_024;

/** The rules of one kiosk. Whoever fetches asks `need`, brings it to `take` until nothing is missing, then calls `settle` and `save`. */
export class HeldRules {
  readonly cards: KnownCards;
  readonly people: KnownPeople;
  readonly #files: RulesFiles;
  readonly #log: Log;
  #head: RulesHead | null = null;
  #issuers: ReturnType<typeof readIssuers> = new Map();
  #runs: readonly IssuedRun[] = [];
  readonly #stored: Record<StoredName, Stored> = {
    revoked: emptyOf('revoked'),
    issued: emptyOf('issued'),
    barred: emptyOf('barred'),
    expected: emptyOf('expected'),
    kept: emptyOf('kept'),
  };
  /** What damaged files say is revoked: better than nothing until the list has come again. */
  #salvaged: ItemTable[] = [];
  /** Lists that come anew, while the old ones are in use. */
  readonly #next = new Map<ListName, HeldList>();
  #lastFile = 0;

  /** Reads what is kept in `dir`. What is damaged is logged and fetched again. Throws the Fault DATA_DIR_UNUSABLE. */
  static async open({ dir, log }: { readonly dir: string; readonly log: Log }): Promise<HeldRules> {
    const held = new HeldRules(new RulesFiles(dir), log);
    await held.#load();
    return held;
  }

  private constructor(files: RulesFiles, log: Log) {
    this.#files = files;
    this.#log = log;
    this.cards = knownCardsOf(() => {
      const { revoked, issued, kept } = this.#stored;
      const tables = [revoked.list.table, kept.list.table, ...this.#salvaged];
      return { issuers: this.#issuers, revoked: tables, issued: issued.list.table, runs: this.#runs };
    });
    this.people = knownPeopleOf(() => {
      const { barred, expected } = this.#stored;
      return { site: this.#head?.site, barred: barred.list.table, expected: expected.list.table };
    });
  }

  /** The version of the head that was last held to the last item; null where none was. */
  get version(): string | null {
    return this.#head?.version ?? null;
  }

  /** What the kiosk says of its rules. */
  get state(): NonNullable<KioskCondition['rules']> {
    const { revoked, issued, barred, expected, kept } = this.#stored;
    return {
      version: this.version,
      revoked: revoked.list.count,
      issued: issued.list.count,
      kept: kept.list.count,
      ...(barred.list.count > 0 && { barred: barred.list.count }),
      ...(expected.list.count > 0 && { expected: expected.list.count }),
      ...(this.#salvaged.length > 0 && { damaged: true }),
    };
  }

  /** What is missing of what a head tells of; null when nothing is. */
  need(head: RulesHead): Need | null {
    for (const name of listNames) {
      const wanted = head.lists[name];
      if (wanted === undefined) continue;
      const current = this.#stored[name].list;
      const next = this.#next.get(name);
      if (current.matches(wanted)) this.#next.delete(name);
      else if (next?.matches(wanted) !== true) {
        const need = this.#needOf(name, wanted, next ?? current, next !== undefined);
        if (need !== null) return need;
      }
    }
    return null;
  }

  /** Whether a head of which nothing is missing holds already. */
  isSettled({ version }: RulesHead): boolean {
    return version === this.version && this.#next.size === 0;
  }

  /** Takes the chunk that `need` asked for. */
  take({ name }: Need, chunk: Uint8Array, head: RulesHead): Taken {
    const wanted = head.lists[name];
    const list = this.#next.get(name) ?? this.#stored[name].list;
    if (wanted === undefined) return 'taken';
    const taken = list.take(chunk, wanted.count);
    if (taken === 'differs') this.#fetchAnew(name, wanted, list.count);
    return taken;
  }

  /** From now on a head holds, of which nothing is missing. */
  async settle(head: RulesHead): Promise<void> {
    const revoked = this.#next.get('revoked');
    if (revoked !== undefined) this.#stored.kept = { list: await this.#lostFrom(revoked), file: null, savedItems: 0 };
    for (const [name, list] of this.#next) this.#stored[name] = { list, file: null, savedItems: 0 };
    this.#next.clear();
    this.#salvaged = [];
    this.#goBy(head);
  }

  #goBy(head: RulesHead): void {
    this.#head = withSite(head, this.#head?.site);
    this.#issuers = readIssuers(head);
    // A head that does not name the list says nothing new of it.
    if (head.lists.issued !== undefined) this.#runs = head.lists.issued.runs ?? [];
  }

  /** Whether a restart would find all that holds now. */
  get isSaved(): boolean {
    return (
      this.#head === null || Object.values(this.#stored).every(({ list, savedItems }) => list.count === savedItems)
    );
  }

  /** Makes what holds outlast a restart. One call at a time. Throws the Fault RULES_WRITE_FAILED. */
  async save(): Promise<void> {
    const head = this.#head;
    if (head === null) return;
    const lists: Record<string, KeptList> = {};
    // What the site does not use takes no file.
    const used = Object.entries(this.#stored).filter(([name, { list }]) => !isOptional(name) || !list.isEmpty);
    const writes = used.map(([name, stored]) => {
      const { list, savedItems } = stored;
      stored.file ??= `${name}-${++this.#lastFile}.list`;
      const { count, digest } = list.head;
      lists[name] = { file: stored.file, ...list.shape, count, digest };
      return { stored, file: stored.file, from: savedItems, count, bytes: list.table.bytes(savedItems, count) };
    });
    for (const { stored, file, from, count, bytes } of writes) {
      if (from > 0 && bytes.byteLength === 0) continue;
      const isThere = await this.#files.write(file, from * stored.list.shape.itemBytes, bytes);
      // One that somebody took away is written anew, whole.
      if (!isThere) await this.#files.write(file, 0, stored.list.table.bytes(0, count));
      stored.savedItems = count;
    }
    await this.#files.commit({ head, lists });
  }

  #needOf(name: ListName, wanted: ListHead, list: HeldList, isNext: boolean): Need | null {
    if (list.mayBecome(wanted)) {
      list.table.reserve(wanted.count);
      return { name, chunk: list.nextChunk, again: false };
    }
    const fresh = this.#fetchAnew(name, wanted, list.count);
    return fresh.matches(wanted) ? null : { name, chunk: fresh.nextChunk, again: isNext };
  }

  #fetchAnew(name: ListName, wanted: ListHead, held: number): HeldList {
    const level = name === 'revoked' || name === 'issued' ? 'warn' : 'debug';
    if (held > 0) this.#log[level]('rules.list-replaced', { list: name, held, count: wanted.count });
    const fresh = new HeldList(wanted, wanted.count);
    this.#next.set(name, fresh);
    return fresh;
  }

  /** What is revoked and not in a list that takes the place of the one in use: a revocation is never taken back. */
  async #lostFrom(next: HeldList): Promise<HeldList> {
    const lost = new ItemTable(storedBytesOf.kept);
    const { revoked, kept } = this.#stored;
    for (const { table } of [revoked.list, kept.list]) {
      for (let at = 0; at < table.count; at++) {
        const id = table.bytes(at, at + 1);
        if (!next.table.has(id) && !lost.has(id)) lost.append(id);
        if (at % comparedPerTurn === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      }
    }
    if (lost.count > 0) this.#log.warn('rules.revocations-kept', { count: lost.count });
    const list = emptyOf('kept').list;
    list.add(lost.bytes());
    return list;
  }

  async #load(): Promise<void> {
    for (const { number } of await this.#files.lists()) this.#lastFile = Math.max(this.#lastFile, number);
    let kept: KeptRules | null;
    try {
      kept = await this.#files.read();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#report(error);
      return this.#salvage();
    }
    if (kept === null) return;
    this.#goBy(kept.head);
    for (const name of Object.keys(storedBytesOf) as StoredName[]) {
      const entry = kept.lists[name];
      if (entry === undefined || entry.itemBytes !== storedBytesOf[name]) continue;
      const list = await this.#read(entry, entry.count);
      const isSound = list.matches(entry);
      if (isSound) this.#stored[name] = { list, file: entry.file, savedItems: entry.count };
      else {
        this.#report(new Fault('RULES_DAMAGED', `${entry.file}.`));
        this.#makeDoWith(name, list);
      }
    }
  }

  /** Without a record: whoever the newest files say is revoked or barred. */
  async #salvage(): Promise<void> {
    const files = await this.#files.lists();
    for (const name of ['revoked', 'kept', 'barred'] as const) {
      const newest = files.find((file) => file.name === name);
      if (newest === undefined) continue;
      this.#makeDoWith(name, await this.#read({ ...shapeOf(name), ...newest }, listItemsMax));
    }
  }

  async #read({ file, itemBytes, chunkItems }: KeptPlace, count: number): Promise<HeldList> {
    const list = new HeldList(
      { itemBytes, chunkItems },
      Math.min(count, (await this.#files.bytesOf(file)) / itemBytes),
    );
    for await (const piece of this.#files.pieces(file, itemBytes * chunkItems, itemBytes * count)) {
      list.add(piece.subarray(0, piece.byteLength - (piece.byteLength % itemBytes)));
    }
    return list;
  }

  /** A damaged list: ids are refused that may be wrong, which hits nobody; numbers are not accepted that may be. */
  #makeDoWith(name: StoredName, list: HeldList): void {
    this.#head = null;
    if (name === 'revoked') this.#salvaged.push(list.table);
    if (name === 'kept' || name === 'barred') this.#stored[name] = { list, file: null, savedItems: 0 };
  }

  #report(fault: Fault): void {
    this.#log.error('rules.damaged', { error: describeError(fault), remedy: fault.remedy });
  }
}

function isOptional(name: string): boolean {
  return name === 'barred' || name === 'expected';
}

/** What a head does not say of the site's rules stays as it is, as a list does that it does not name. */
function withSite(head: RulesHead, before: SiteRules | undefined): RulesHead {
  return head.site !== undefined || before === undefined ? head : { ...head, site: before };
}

function shapeOf(name: StoredName): ListShape {
  const itemBytes = storedBytesOf[name];
  return { itemBytes, chunkItems: chunkItemsOf(itemBytes) };
}

function emptyOf(name: StoredName): Stored {
  return { list: new HeldList(shapeOf(name)), file: null, savedItems: 0 };
}
