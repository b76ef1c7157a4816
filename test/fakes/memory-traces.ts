import { strict as assert } from 'node:assert';
import type { EntryKeys } from '../../gateway/store/store.ts';
import { TraceColumns } from '../../gateway/store/trace-block.ts';
import type { TracedEntry, TraceReader, Trait } from '../../gateway/store/traces.ts';

const pageEntries = 100;

/** What tracing reads of a store in memory: there is no index, all is read from the entries. */
export class MemoryTraces implements TraceReader {
  readonly #rows: readonly { readonly position: number; readonly body: string; readonly keys: EntryKeys }[];
  readonly #traits: Trait[] = [];

  constructor(rows: readonly { readonly position: number; readonly body: string; readonly keys: EntryKeys }[]) {
    this.#rows = rows;
  }

  async outline() {
    return { segments: [], indexedTo: 0, last: this.#rows.at(-1)?.position ?? 0 };
  }

  traitOf(number: number): Trait {
    const trait = this.#traits[number];
    assert(trait !== undefined);
    return trait;
  }

  async readBuckets() {
    return [];
  }

  async readSegment() {
    return [];
  }

  async readTail(after: number, upTo: number) {
    const rows = this.#rows.filter(({ position }) => position > after && position <= upTo).slice(0, pageEntries);
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) return null;
    const block = new TraceColumns(first.position, rows.length);
    for (const { position, keys } of rows) {
      block.add({ position, subject: keys.subject, trait: this.#traits.push(keys) - 1, ...keys.time });
    }
    return { block, last: last.position };
  }

  async entriesAt(positions: readonly number[]): Promise<readonly TracedEntry[]> {
    return positions.flatMap((wanted) => {
      const row = this.#rows.find(({ position }) => position === wanted);
      if (row === undefined) return [];
      const { position, body, keys } = row;
      return [{ position, id: keys.id.toLowerCase(), kiosk: keys.kiosk, body, ...keys.time }];
    });
  }
}
