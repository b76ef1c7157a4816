import type { EntryKeys } from '../../gateway/store/store.ts';
import {
  type Encounter,
  type Meeting,
  type Passage,
  stayMsMax,
  type TimeWindow,
  type Tracing,
} from '../../gateway/tracing/tracing.ts';
import type { Entry } from '../../shared/entry.ts';

/** An entry as it was kept, with what the store was told of it. */
export interface KeptEntry {
  readonly position: number;
  readonly entry: Entry;
  readonly time: EntryKeys['time'];
}

interface SlowStay {
  readonly fromMs: number;
  readonly toMs: number;
  readonly certain: boolean;
  readonly ends: readonly KeptEntry[];
}

/** Tracing by the slow and obvious way: it looks at everything for everybody. What the real one is held against. */
export class SlowTracing implements Tracing {
  readonly #readAll: () => Promise<readonly KeptEntry[]>;

  constructor(readAll: () => Promise<readonly KeptEntry[]>) {
    this.#readAll = readAll;
  }

  async *visitsOf(subjects: readonly string[], window: TimeWindow | null): AsyncGenerator<Passage> {
    const own = (await this.#readAll()).filter(
      (kept) => isOf(kept, subjects) && (window === null || mayLieIn(kept, window)),
    );
    yield* own.sort(byTime).map(toPassage);
  }

  async *passagesAt(gate: string | null, window: TimeWindow): AsyncGenerator<Passage> {
    const all = (await this.#readAll()).filter((kept) => mayLieIn(kept, window));
    const there = all.filter(({ entry }) => gate === null || entry.gate === gate);
    yield* there.sort((a, b) => a.position - b.position).map(toPassage);
  }

  async *together(subjects: readonly string[], window: TimeWindow | null): AsyncGenerator<Meeting> {
    const all = await this.#readAll();
    for await (const encounter of this.encounters(subjects, window)) {
      const kept = all.find(({ position }) => position === encounter.position);
      if (kept === undefined) continue;
      const { id, kiosk, identity } = kept.entry;
      yield { ...encounter, id, kiosk, identity };
    }
  }

  async *encounters(subjects: readonly string[], window: TimeWindow | null): AsyncGenerator<Encounter> {
    const all = await this.#readAll();
    const traced = join(staysOf(all.filter((kept) => isOf(kept, subjects))), window);
    const others = new Set(all.flatMap(({ entry }) => entry.subject ?? []));
    for (const subject of subjects) others.delete(subject);
    for (const subject of others) {
      const stays = staysOf(all.filter((kept) => isOf(kept, [subject])));
      for (const stay of traced) {
        const common = stays.filter(({ fromMs, toMs }) => fromMs <= stay.toMs && toMs >= stay.fromMs);
        if (common.length > 0) yield describe(subject, stay, common);
      }
    }
  }
}

type Joined = Omit<SlowStay, 'ends'>;

function describe(subject: string, stay: Joined, common: readonly SlowStay[]): Encounter {
  const parts = common.map(({ fromMs, toMs }) => ({
    fromMs: Math.max(fromMs, stay.fromMs),
    toMs: Math.min(toMs, stay.toMs),
  }));
  const bounds = [...new Set(parts.flatMap(({ fromMs, toMs }) => [fromMs, toMs]))].sort((a, b) => a - b);
  let togetherMs = 0;
  for (const [index, beginMs] of bounds.entries()) {
    const endMs = bounds[index + 1] ?? beginMs;
    if (parts.some(({ fromMs, toMs }) => fromMs <= beginMs && toMs >= endMs)) togetherMs += endMs - beginMs;
  }
  return {
    subject,
    fromMs: Math.min(...parts.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...parts.map(({ toMs }) => toMs)),
    togetherMs,
    gates: [...new Set(common.flatMap(({ ends }) => ends.map(({ entry }) => entry.gate)))],
    withFromMs: stay.fromMs,
    withToMs: stay.toMs,
    certain: stay.certain && common.some(({ certain }) => certain),
    position: common.toSorted(byEnd)[0]?.ends[0]?.position ?? 0,
  };
}

/** As the interface defines a stay, word by word. */
function staysOf(own: readonly KeptEntry[]): SlowStay[] {
  const passages = own.filter(({ entry }) => entry.outcome === 'admitted').sort(byTime);
  const stays: SlowStay[] = [];
  const paired = new Set<KeptEntry>();
  for (const [index, passage] of passages.entries()) {
    if (paired.has(passage)) continue;
    const next = passages[index + 1];
    if (next !== undefined && isPair(passage, next)) {
      paired.add(next);
      const [fromMs, toMs] = [passage.time.bestMs, next.time.bestMs];
      const between = passages.filter(
        (other) => !isExact(other) && other.time.toMs > fromMs && other.time.fromMs < toMs,
      );
      stays.push({ fromMs, toMs, certain: between.length === 0, ends: [passage, next] });
      continue;
    }
    const { fromMs, toMs } = passage.time;
    const later = passages.filter(({ time }) => time.fromMs > toMs).map(({ time }) => time.toMs);
    const earlier = passages.filter(({ time }) => time.toMs < fromMs).map(({ time }) => time.fromMs);
    const span =
      passage.entry.direction === 'in'
        ? { fromMs, toMs: Math.min(toMs + stayMsMax, ...later) }
        : { fromMs: Math.max(fromMs - stayMsMax, ...earlier), toMs };
    stays.push({ ...span, certain: false, ends: [passage] });
  }
  return stays.sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
}

/** Stays within a window, those that overlap as one: whatever is joined again until nothing more changes. */
function join(stays: readonly SlowStay[], window: TimeWindow | null): Joined[] {
  let joined: Joined[] = stays
    .filter(({ fromMs, toMs }) => window === null || (toMs >= window.fromMs && fromMs < window.toMs))
    .map(({ fromMs, toMs, certain }) => ({
      fromMs: window === null ? fromMs : Math.max(fromMs, window.fromMs),
      toMs: window === null ? toMs : Math.min(toMs, window.toMs),
      certain,
    }));
  for (;;) {
    const pair = joined
      .flatMap((a) => joined.map((b) => ({ a, b })))
      .find(
        ({ a, b }) =>
          a !== b && ((a.fromMs < b.toMs && b.fromMs < a.toMs) || (a.fromMs === b.fromMs && a.toMs === b.toMs)),
      );
    if (pair === undefined) return joined.sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
    const { a, b } = pair;
    const whole = { fromMs: Math.min(a.fromMs, b.fromMs), toMs: Math.max(a.toMs, b.toMs), certain: false };
    joined = [...joined.filter((stay) => stay !== a && stay !== b), whole];
  }
}

function isPair(one: KeptEntry, next: KeptEntry): boolean {
  const inThenOut = one.entry.direction === 'in' && next.entry.direction === 'out';
  return inThenOut && isExact(one) && isExact(next) && next.time.bestMs - one.time.bestMs <= stayMsMax;
}

function isExact({ time }: KeptEntry): boolean {
  return time.fromMs === time.toMs;
}

function isOf({ entry }: KeptEntry, subjects: readonly string[]): boolean {
  return entry.subject !== null && subjects.includes(entry.subject);
}

function mayLieIn({ time }: KeptEntry, window: TimeWindow): boolean {
  return time.toMs >= window.fromMs && time.fromMs < window.toMs;
}

/** Whose position is told: of the stay that ended first. */
function byEnd(a: SlowStay, b: SlowStay): number {
  return a.toMs - b.toMs || a.fromMs - b.fromMs || (a.ends[0]?.position ?? 0) - (b.ends[0]?.position ?? 0);
}

function byTime(a: KeptEntry, b: KeptEntry): number {
  return a.time.bestMs - b.time.bestMs || a.position - b.position;
}

function toPassage({ entry, time }: KeptEntry): Passage {
  const { id, kiosk, gate, direction, outcome, subject, identity, code, method } = entry;
  const times = { atMs: time.bestMs, fromMs: time.fromMs, toMs: time.toMs };
  return { id, kiosk, gate, direction, outcome, ...times, subject, identity, kind: code.kind, method };
}
