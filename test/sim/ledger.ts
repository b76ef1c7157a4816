/**
 * What is true in a world, kept apart from the programs under test, and what must never be otherwise. A broken promise is
 * reported at the moment when it breaks.
 */
import type { Arrival, EntryKeys, StoredEntry, StoreReport, Verdict } from '../../gateway/store/store.ts';
import { exactMs } from '../../gateway/time-correction.ts';
import type { OutboxRow } from '../../kiosk/outbox.ts';
import type { Entry, EntryDraft } from '../../shared/entry.ts';

/** One entry from the moment when an outbox was asked to keep it. */
export interface LedgerEntry {
  readonly id: string;
  readonly kiosk: string;
  readonly subject: string | null;
  readonly admitted: boolean;
  readonly reason: string;
  readonly direction: 'in' | 'out';
  /** The true time, milliseconds since the Unix epoch. */
  readonly madeMs: number;
  /** Where it is in which outbox, and its bytes; null until it is known to be on that disk. */
  place: { readonly stream: string; readonly seq: number; readonly body: string } | null;
  /** The outbox said that it is on disk. */
  committed: boolean;
  /** A light said so. */
  shown: boolean;
  forgotten: boolean;
  stored: boolean;
}

/** What the upstream has seen of one entry. */
interface Sighting {
  readonly body: string;
  /** When it was first taken, counted in takings. */
  readonly order: number;
}

export class Ledger {
  readonly entries = new Map<string, LedgerEntry>();
  /** What is known to lie in a place of an outbox. */
  readonly #byPlace = new Map<string, LedgerEntry>();
  /** How often a subject was held before a kiosk's scanner. */
  readonly #presented = new Map<string, number>();
  readonly upstream = new Map<string, Sighting>();
  /** What the upstream has refused, alone or in a batch. */
  readonly refused = new Set<string>();
  /** What it has refused by name or by itself: this may lie in quarantine. */
  readonly refusedAlone = new Set<string>();
  readonly #fail: (promise: string) => void;
  unreadableScans = 0;

  /** @param fail is told which promise was broken. */
  constructor(fail: (promise: string) => void) {
    this.#fail = fail;
  }

  presented(kiosk: string, subject: string): void {
    const key = `${kiosk} ${subject}`;
    this.#presented.set(key, (this.#presented.get(key) ?? 0) + 1);
  }

  /** An outbox is asked to keep an entry. */
  attempted(kiosk: string, { id, subject, outcome, reason, direction }: EntryDraft, madeMs: number): LedgerEntry {
    if (this.entries.has(id)) this.#fail(`two entries have the id ${id}`);
    const admitted = outcome === 'admitted';
    const entry: LedgerEntry = {
      ...{ id, kiosk, subject, admitted, reason, direction, madeMs },
      ...{ place: null, committed: false, shown: false, forgotten: false, stored: false },
    };
    this.entries.set(id, entry);
    return entry;
  }

  /** An entry is found on a kiosk's disk. */
  placed(kiosk: string, epoch: string, { seq, body }: OutboxRow): LedgerEntry | null {
    const { id } = JSON.parse(body) as Entry;
    const entry = this.entries.get(id);
    if (entry === undefined || entry.kiosk !== kiosk) {
      this.#fail(`${kiosk} has seq ${seq} on disk, which it never made`);
      return null;
    }
    const stream = `${kiosk}/${epoch}`;
    const { place } = entry;
    if (place !== null && (place.seq !== seq || place.stream !== stream || place.body !== body)) {
      this.#fail(`${id} has moved from seq ${place.seq} to ${seq}, or changed`);
    }
    entry.place = { stream, seq, body };
    const there = this.#byPlace.get(`${stream}/${seq}`);
    if (there !== undefined && there !== entry && there.committed) {
      this.#fail(`${kiosk} has given seq ${seq} to ${there.id} and to ${id}`);
    }
    this.#byPlace.set(`${stream}/${seq}`, entry);
    return entry;
  }

  /** The entries that an outbox lets go. */
  forgetting(kiosk: string, epoch: string, seqs: readonly number[]): void {
    for (const seq of seqs) {
      const entry = this.#byPlace.get(`${kiosk}/${epoch}/${seq}`);
      if (entry?.stored === true) entry.forgotten = true;
      else this.#fail(`${kiosk} forgets seq ${seq}, which the gateway does not have on disk`);
    }
  }

  /** The gateway's store has committed a group. */
  stored(group: readonly Arrival[], verdicts: readonly Verdict[]): void {
    for (const [index, arrival] of group.entries()) {
      const verdict = verdicts[index];
      if (arrival.type !== 'entry') {
        this.#fail(`the gateway could not read what ${arrival.quarantined.kiosk} sent: ${arrival.quarantined.detail}`);
      } else if (verdict?.type === 'stored' || verdict?.type === 'duplicate') {
        this.#markStored(arrival.entry.id, Buffer.from(arrival.body).toString());
        if (verdict.type === 'stored') this.#checkTime(arrival.entry);
      } else {
        this.#fail(`entry ${arrival.entry.id} was not stored but ${verdict?.type}`);
      }
    }
  }

  /** Whatever a kiosk's clock said, an entry was made within the bounds that the gateway gives it. */
  #checkTime({ id, kiosk, at, time }: EntryKeys): void {
    const madeMs = this.entries.get(id)?.madeMs;
    if (madeMs === undefined) return; // reported already
    if (time === undefined || time.fromMs > time.bestMs || time.bestMs > time.toMs) {
      this.#fail(`${id} has no time`);
    } else if (madeMs < time.fromMs - exactMs || madeMs > time.toMs + exactMs) {
      const [made, from, to] = [madeMs, time.fromMs, time.toMs].map((ms) => new Date(ms).toISOString());
      this.#fail(`${id} of ${kiosk} says ${at}, was made at ${made}, and the gateway says from ${from} to ${to}`);
    }
  }

  /** The store was read: what it gives out, it has on disk, also where it had to say that a commit failed. */
  found(rows: readonly StoredEntry[]): void {
    for (const { id, body } of rows) this.#markStored(id, body);
  }

  #markStored(id: string, body: string): void {
    const entry = this.entries.get(id);
    if (entry?.place?.body !== body) this.#fail(`the store holds ${id}, which no kiosk has made so`);
    if (entry !== undefined) entry.stored = true;
  }

  /** The upstream has taken an entry. */
  taken(id: string, body: string): void {
    const before = this.upstream.get(id);
    if (before === undefined) {
      const entry = this.entries.get(id);
      if (entry?.place?.body !== body) this.#fail(`the upstream was sent ${id}, which no kiosk has made so`);
      if (entry?.stored === false) this.#fail(`the upstream was sent ${id}, which the store does not have on disk`);
      this.upstream.set(id, { body, order: this.upstream.size });
    } else if (before.body !== body) {
      this.#fail(`the upstream was sent ${id} with two contents`);
    }
  }

  /** What a kiosk's outbox holds after a restart must be all that it had on disk and had not let go. */
  outboxOpened(kiosk: string, epoch: string, rows: readonly OutboxRow[]): void {
    const found = new Set(rows.map((row) => this.placed(kiosk, epoch, row)?.id));
    for (const { id, place, committed, forgotten } of this.entries.values()) {
      if (!committed || forgotten || place?.stream !== `${kiosk}/${epoch}`) continue;
      if (!found.has(id)) this.#fail(`${kiosk} has lost ${id}, seq ${place.seq}, in a restart`);
    }
  }

  /** What the store holds after a restart must be all that it had on disk. */
  storeOpened(rows: readonly StoredEntry[]): void {
    const found = new Set(rows.map(({ id }) => id));
    for (const { id, stored } of this.entries.values()) {
      if (stored && !found.has(id)) this.#fail(`the gateway has lost ${id} in a restart`);
    }
    this.found(rows);
  }

  /** Whether a kiosk has shown admitted to somebody. */
  isShown(kiosk: string, subject: string): boolean {
    return [...this.entries.values()].some(
      (entry) => entry.kiosk === kiosk && entry.subject === subject && entry.shown,
    );
  }

  /** Whether everything is where it has to be in the end: in the store, and at the upstream or refused by it. */
  get isSettled(): boolean {
    for (const entry of this.entries.values()) {
      if (entry.committed && !entry.stored) return false;
      if (entry.stored && !this.upstream.has(entry.id) && !this.refusedAlone.has(entry.id)) return false;
    }
    return true;
  }

  /** The last judgement, over the store as it is on disk. */
  check(rows: readonly StoredEntry[], quarantined: readonly string[], report: StoreReport): void {
    for (const line of report.damage) this.#fail(`the store is damaged: ${line}`);
    for (const gap of report.gaps) this.#fail(`a gap: ${JSON.stringify(gap)}`);
    const stored = new Set(rows.map(({ id }) => id));
    if (stored.size !== rows.length) this.#fail('the store holds an id twice');
    for (const entry of this.entries.values()) {
      if (entry.shown && !stored.has(entry.id)) this.#fail(`${entry.id} showed admitted and is not in the store`);
      if (entry.committed && !stored.has(entry.id))
        this.#fail(`${entry.id} was on a kiosk's disk and is not in the store`);
      if (entry.committed && !entry.forgotten) this.#fail(`${entry.kiosk} still holds ${entry.id}`);
      if (!stored.has(entry.id) || this.upstream.has(entry.id)) continue;
      if (!quarantined.includes(entry.id)) this.#fail(`${entry.id} is neither at the upstream nor in quarantine`);
    }
    for (const id of quarantined) {
      if (!this.refusedAlone.has(id)) this.#fail(`${id} is in quarantine, but the upstream never refused it`);
    }
    this.#checkOrder(rows);
    this.#checkScanned(rows);
  }

  #checkOrder(rows: readonly StoredEntry[]): void {
    const lastSeq = new Map<string, number>();
    const taken: { readonly stream: string; readonly seq: number; readonly order: number }[] = [];
    for (const { id } of rows) {
      const place = this.entries.get(id)?.place ?? null;
      if (place === null) {
        this.#fail(`the store holds ${id}, which no kiosk has made`);
        continue;
      }
      const { stream, seq } = place;
      const before = lastSeq.get(stream) ?? 0;
      if (seq <= before) this.#fail(`the store has seq ${seq} of ${stream} after ${before}`);
      lastSeq.set(stream, seq);
      const order = this.upstream.get(id)?.order;
      if (order !== undefined && !this.refused.has(id)) taken.push({ stream, seq, order });
    }
    lastSeq.clear();
    for (const { stream, seq } of taken.sort((a, b) => a.order - b.order)) {
      const before = lastSeq.get(stream) ?? 0;
      if (seq <= before) this.#fail(`the upstream was sent seq ${seq} of ${stream} after ${before}`);
      lastSeq.set(stream, seq);
    }
  }

  #checkScanned(rows: readonly StoredEntry[]): void {
    const counts = new Map<string, number>();
    let unreadable = 0;
    for (const { id } of rows) {
      const entry = this.entries.get(id);
      if (entry === undefined) continue;
      if (entry.subject === null) unreadable++;
      else counts.set(`${entry.kiosk} ${entry.subject}`, (counts.get(`${entry.kiosk} ${entry.subject}`) ?? 0) + 1);
    }
    for (const [key, count] of counts) {
      const presented = this.#presented.get(key) ?? 0;
      if (count > presented) this.#fail(`${count} entries of ${key}, who was scanned ${presented} times`);
    }
    if (unreadable > this.unreadableScans) {
      this.#fail(`${unreadable} entries of unreadable codes, of which ${this.unreadableScans} were scanned`);
    }
  }
}
