/** Tracing by reading every entry: slow, and the same answers. */
import type { Entry } from '../../shared/entry.ts';
import type { StoreReader } from '../store/store.ts';
import {
  type Encounter,
  type Meeting,
  type Passage,
  stayMsMax,
  type TimeWindow,
  type Tracing,
} from '../tracing/tracing.ts';

interface Stay {
  readonly fromMs: number;
  readonly toMs: number;
  readonly certain: boolean;
  readonly passage: Passage;
  readonly gates: readonly string[];
}

/** Traces over all entries of a store, which is disposed with it. */
export function listTracing(store: StoreReader): Tracing & AsyncDisposable {
  async function* passages(window: TimeWindow | null): AsyncGenerator<Passage> {
    for await (const { body } of store.entries()) {
      const passage = toPassage(JSON.parse(body) as Entry);
      if (window === null || (passage.atMs >= window.fromMs && passage.atMs < window.toMs)) yield passage;
    }
  }
  async function* together(subjects: readonly string[], window: TimeWindow | null): AsyncGenerator<Meeting> {
    const all = new Map<string, Passage[]>();
    for await (const passage of passages(null)) {
      if (passage.subject === null || passage.outcome !== 'admitted') continue;
      const key = subjects.includes(passage.subject) ? '' : passage.subject;
      all.set(key, [...(all.get(key) ?? []), passage]);
    }
    const own = findStays(all.get('') ?? []);
    for (const [subject, others] of all) {
      if (subject === '') continue;
      for (const stay of findStays(others)) for (const mine of own) yield* meet(subject, stay, mine, window);
    }
  }
  return {
    visitsOf: async function* (subjects, window) {
      for await (const passage of passages(window)) if (subjects.includes(passage.subject ?? '')) yield passage;
    },
    passagesAt: async function* (gate, window) {
      for await (const passage of passages(window)) if (gate === null || passage.gate === gate) yield passage;
    },
    together,
    encounters: (subjects, window): AsyncIterable<Encounter> => together(subjects, window),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function toPassage({ id, kiosk, gate, direction, outcome, at, subject, identity, code, method }: Entry): Passage {
  const atMs = Date.parse(at);
  return {
    ...{ id, kiosk, gate, direction, outcome, subject, identity, method },
    ...{ atMs, fromMs: atMs, toMs: atMs, kind: code.kind },
  };
}

function findStays(passages: readonly Passage[]): Stay[] {
  const sorted = [...passages].sort((a, b) => a.atMs - b.atMs);
  return sorted.flatMap((passage, index): Stay[] => {
    const { atMs, gate } = passage;
    const [before, after] = [sorted[index - 1], sorted[index + 1]];
    if (passage.direction === 'in') {
      const toMs = Math.min(after?.atMs ?? Number.POSITIVE_INFINITY, atMs + stayMsMax);
      const gates = after === undefined ? [gate] : [gate, after.gate];
      return [{ fromMs: atMs, toMs, certain: after?.direction === 'out', passage, gates }];
    }
    if (before?.direction === 'in') return [];
    const fromMs = Math.max(before?.atMs ?? Number.NEGATIVE_INFINITY, atMs - stayMsMax);
    return [{ fromMs, toMs: atMs, certain: false, passage, gates: [gate] }];
  });
}

function* meet(subject: string, stay: Stay, mine: Stay, window: TimeWindow | null): Generator<Meeting> {
  const fromMs = Math.max(stay.fromMs, mine.fromMs, window?.fromMs ?? Number.NEGATIVE_INFINITY);
  const toMs = Math.min(stay.toMs, mine.toMs, window?.toMs ?? Number.POSITIVE_INFINITY);
  if (fromMs >= toMs) return;
  const { id, kiosk, identity } = stay.passage;
  yield {
    ...{ subject, fromMs, toMs, togetherMs: toMs - fromMs, gates: stay.gates, withFromMs: mine.fromMs },
    ...{ withToMs: mine.toMs, certain: stay.certain && mine.certain, position: 0, id, kiosk, identity },
  };
}
