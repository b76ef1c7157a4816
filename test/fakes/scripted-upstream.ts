import type { Delivery, ForwardBatch, ForwardEntry, Upstream } from '../../shared/ports.ts';

/** What an upstream does with a batch; it may wait, and should end when `signal` aborts. */
export type UpstreamScript = (batch: ForwardBatch, signal: AbortSignal) => Delivery | Promise<Delivery>;

/** Taken, all of it. */
export const takeAll: UpstreamScript = () => ({ type: 'taken', rejected: [] });

/** Refuses every batch that holds one of these entries, as an upstream without per-entry answers does. */
export function refuseWith(poison: ReadonlySet<string>): UpstreamScript {
  return ({ entries }) =>
    entries.some(({ id }) => poison.has(id))
      ? { type: 'refused', reason: 'HTTP 422' }
      : { type: 'taken', rejected: [] };
}

/** Not able now. */
export function later(reason = 'HTTP 503', retryAfterMs: number | null = null, alarm = false): Delivery {
  return { type: 'later', reason, retryAfterMs, alarm };
}

/** An upstream in memory whose every answer a test decides. */
export class ScriptedUpstream implements Upstream {
  readonly name: string;
  /** What to do with each batch. */
  script: UpstreamScript;
  /** Every batch that was sent, whatever became of it. */
  readonly batches: ForwardBatch[] = [];
  /** The ids it has, each once, in the order in which each first came. */
  readonly taken = new Set<string>();

  constructor(script: UpstreamScript = takeAll, name = 'scripted:') {
    this.name = name;
    this.script = script;
  }

  wireBytes(entry: ForwardEntry): number {
    return Buffer.byteLength(entry.body);
  }

  async send(batch: ForwardBatch, signal: AbortSignal): Promise<Delivery> {
    this.batches.push(batch);
    const delivery = await this.script(batch, signal);
    if (delivery.type === 'taken') {
      const rejected = new Set(delivery.rejected.map(({ id }) => id));
      for (const { id } of batch.entries) if (!rejected.has(id)) this.taken.add(id);
    }
    return delivery;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
