import assert from 'node:assert/strict';
import type { OutboxRow } from './outbox.ts';

/**
 * Which entries are under way to the gateway, which it has acknowledged and the outbox has yet to forget, and where to
 * go on reading. No input or output: `link.ts` does what it says.
 */
export class SendWindow {
  readonly #entriesMax: number;
  /** Under way on this connection: `seq` → when it was sent, the oldest first. */
  readonly #sent = new Map<number, number>();
  readonly #acknowledged = new Set<number>();
  #cursor = 0;

  /** @param entriesMax how many may be under way at once. */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** The highest `seq` sent on this connection; 0 before the first. The outbox is read on from here. */
  get cursor(): number {
    return this.#cursor;
  }

  /** How many more may be sent now. */
  get room(): number {
    return this.#entriesMax - this.#sent.size;
  }

  /** How many are sent and not acknowledged. */
  get underWay(): number {
    return this.#sent.size;
  }

  /** When the oldest entry under way was sent; null when none is. */
  get oldestSentMs(): number | null {
    const [first] = this.#sent.values();
    return first ?? null;
  }

  /** Acknowledged and not yet forgotten. */
  get acknowledged(): readonly number[] {
    return [...this.#acknowledged];
  }

  /**
   * Takes what the outbox has after the cursor and returns what of it is to be sent now: everything but what an earlier
   * connection brought an acknowledgement for.
   */
  take(rows: readonly OutboxRow[], nowMs: number): readonly OutboxRow[] {
    assert(rows.length <= this.room);
    const due = rows.filter(({ seq }) => !this.#acknowledged.has(seq));
    for (const { seq } of rows) {
      assert(seq > this.#cursor, 'entries are sent in order');
      this.#cursor = seq;
    }
    for (const { seq } of due) this.#sent.set(seq, nowMs);
    return due;
  }

  /** The gateway has an entry on its disk. */
  acknowledge(seq: number): void {
    if (this.#sent.delete(seq)) this.#acknowledged.add(seq);
  }

  /** The outbox has forgotten them. */
  forgotten(seqs: readonly number[]): void {
    for (const seq of seqs) this.#acknowledged.delete(seq);
  }

  /** A connection ended: what was under way may or may not have arrived and is sent again, from the oldest on. */
  restart(): void {
    this.#sent.clear();
    this.#cursor = 0;
  }
}
