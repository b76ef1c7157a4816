/** The health authority of the simulated world: takes entries, and answers as well or badly as it is told to. */
import { interpretStatus, readRejections } from '../../gateway/upstream/http-answer.ts';
import type { Chance, Delivery, ForwardBatch, Upstream } from '../../shared/ports.ts';
import type { SimProcess } from './machine.ts';
import { worldStartMs } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

/** What it does with a batch while it is not itself. */
export const upstreamMoods = [
  'status',
  'refuses',
  'rejects-some',
  'garbage',
  'too-large',
  'retry-after',
  'unauthorized',
  'time-out',
  'time-out-after-taking',
  'throws',
  'slow',
] as const;
export type UpstreamMood = (typeof upstreamMoods)[number];

/** How long an HTTP exchange may take before the gateway gives it up, in milliseconds. */
const timeoutMs = 30_000;

const garbage = [
  '<html>ok</html>',
  '{"rejected":"all"}',
  '{"rejected":[{"id":7},null,"x"]}',
  '[]',
  '{',
  '\u0000\uffff',
];

/** An answer as it comes over the network, or none at all. */
type Answer =
  | { readonly status: number; readonly body: string; readonly retryAfter?: string; readonly takes: boolean }
  | { readonly status: null; readonly takes: boolean };

export class SimUpstream {
  readonly #world: Surroundings;
  readonly #chance: Chance;
  /** `null`: it takes everything. */
  mood: UpstreamMood | null = null;
  /** How many batches were offered. */
  batches = 0;

  constructor(world: Surroundings) {
    this.#world = world;
    this.#chance = world.chance;
  }

  /** The transport of one gateway process. */
  endFor(process: SimProcess): Upstream {
    return {
      name: 'sim:authority',
      wireBytes: (entry) => Buffer.byteLength(entry.body) + 200,
      send: (batch, signal) => this.#send(process, batch, signal),
      async [Symbol.asyncDispose]() {},
    };
  }

  #send(process: SimProcess, batch: ForwardBatch, signal: AbortSignal): Promise<Delivery> {
    const { timeline, trace, fail } = this.#world;
    if (batch.entries.length === 0 || batch.entries.length > 500) fail(`a batch of ${batch.entries.length} entries`);
    this.batches++;
    const { mood } = this;
    trace.add('upstream', 'offered', { count: batch.entries.length, key: batch.key, mood });
    if (mood !== null) this.#world.happened(`upstream-${mood}`, 'upstream');
    if (mood === 'throws') throw new Error('a transport with a bug');
    const answer = this.#decide(mood, batch);
    return new Promise((resolve) => {
      const give = (delivery: Delivery) => {
        signal.removeEventListener('abort', stop);
        resolve(delivery);
      };
      const stop = () => give({ type: 'later', reason: 'stopped', retryAfterMs: null, alarm: false });
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      const thereMs = this.#delayMs(mood);
      // What has left the gateway arrives, whatever becomes of the gateway.
      timeline.after(thereMs, null, () => this.#arrive(batch, answer));
      const answerMs = answer.status === null ? timeoutMs : thereMs + this.#delayMs(mood);
      timeline.after(answerMs, process, () => give(this.#interpret(batch, answer)));
    });
  }

  #delayMs(mood: UpstreamMood | null): number {
    return Math.ceil(this.#chance.fraction() * (mood === 'slow' ? 10_000 : 60));
  }

  #decide(mood: UpstreamMood | null, batch: ForwardBatch): Answer {
    const pick = <T>(items: readonly T[]): T => items[Math.floor(this.#chance.fraction() * items.length)] as T;
    switch (mood) {
      case null:
      case 'slow':
      case 'throws':
        return { status: 200, body: '', takes: true };
      case 'status': {
        const status = 100 + Math.floor(this.#chance.fraction() * 500);
        return { status, body: '', takes: status >= 200 && status <= 299 };
      }
      case 'refuses':
        return { status: pick([400, 405, 409, 410, 415, 418, 422, 451, 499]), body: '', takes: false };
      case 'rejects-some': {
        const rejected = batch.entries
          .filter(() => this.#chance.fraction() < 0.2)
          .map(({ id }) => ({ id: this.#chance.fraction() < 0.5 ? id : id.toUpperCase(), reason: 'no such ward' }));
        return { status: 200, body: JSON.stringify({ rejected: [...rejected, { id: 'nobody' }] }), takes: true };
      }
      case 'garbage':
        return { status: pick([200, 202, 204]), body: pick(garbage), takes: true };
      case 'too-large':
        return batch.entries.length > 2
          ? { status: 413, body: '', takes: false }
          : { status: 200, body: '', takes: true };
      case 'retry-after':
        return { status: pick([408, 425, 429, 503]), body: '', retryAfter: this.#retryAfter(), takes: false };
      case 'unauthorized':
        return { status: pick([401, 403, 404]), body: '', takes: false };
      case 'time-out':
        return { status: null, takes: false };
      case 'time-out-after-taking':
        return { status: null, takes: true };
    }
  }

  #retryAfter(): string {
    const seconds = 1 + Math.floor(this.#chance.fraction() * 60);
    const date = new Date(worldStartMs + this.#world.timeline.nowMs + seconds * 1000).toUTCString();
    const texts = [String(seconds), date, 'soon', '-5', '99999999999999999999'];
    return texts[Math.floor(this.#chance.fraction() * texts.length * 0.85)] ?? '1';
  }

  #interpret(batch: ForwardBatch, answer: Answer): Delivery {
    if (answer.status === null) return { type: 'later', reason: 'time-out', retryAfterMs: null, alarm: false };
    const { status, body, retryAfter } = answer;
    const head = { status, retryAfter, date: undefined };
    const delivery = interpretStatus(head, worldStartMs + this.#world.timeline.nowMs);
    if (delivery.type !== 'taken') return delivery;
    const { rejected } = readRejections(
      body,
      batch.entries.map(({ id }) => id),
    );
    return { type: 'taken', rejected };
  }

  /** The batch is there: what the authority keeps of it, or refuses. */
  #arrive({ entries }: ForwardBatch, answer: Answer): void {
    const { ledger, trace } = this.#world;
    const delivery = answer.status === null ? null : this.#interpret({ key: '', entries }, answer);
    const rejected = new Set(delivery?.type === 'taken' ? delivery.rejected.map(({ id }) => id) : []);
    const refusesAll = delivery?.type === 'refused' || delivery?.type === 'too-large';
    for (const { id, body } of entries) {
      if (refusesAll || rejected.has(id)) {
        ledger.refused.add(id);
        if (entries.length === 1 || rejected.has(id)) ledger.refusedAlone.add(id);
      } else if (answer.takes) {
        ledger.taken(id, body);
      }
    }
    trace.add('upstream', 'answers', { status: answer.status, takes: answer.takes, rejected: rejected.size });
  }
}
