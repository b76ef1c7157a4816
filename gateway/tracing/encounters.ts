/** Whose stays overlapped those of one person. */
import { none, type People, passing } from './people.ts';
import { staysOf } from './stays.ts';
import { type Encounter, stayMsMax } from './tracing.ts';

/** A stay of the traced person. */
export interface TracedStay {
  readonly fromMs: number;
  readonly toMs: number;
  readonly certain: boolean;
}

/** An encounter that is being put together. */
type Overlap = { -readonly [Key in keyof Encounter]: Encounter[Key] };

/** Holds people against the stays of the one who is traced. */
export class Encounters {
  readonly #traced: readonly TracedStay[];
  readonly #gateOf: (trait: number) => string;
  /** Lists of gates, shared: there are as many as pairs of traits. By the traits of both ends. */
  readonly #gates = new Map<number, Map<number, readonly string[]>>();
  /** Of the person at hand. */
  #overlaps: Overlap[] = [];

  /** @param traced in the order of time, none overlapping another. */
  constructor(traced: readonly TracedStay[], gateOf: (trait: number) => string) {
    this.#traced = traced;
    this.#gateOf = gateOf;
  }

  /** Adds the encounters with one of some people, in the order of time; none with the traced one, who goes by `own`. */
  addWith(people: People, person: number, own: ReadonlySet<string>, found: Encounter[]): void {
    this.#overlaps.length = 0;
    if (!this.#meetPlain(people, person)) {
      this.#overlaps.length = 0;
      this.#meetAny(people, person);
    }
    if (this.#overlaps.length === 0) return;
    const subject = people.subjectOf(person);
    if (own.has(subject)) return;
    if (this.#overlaps.length > 1) this.#overlaps.sort(byTime);
    for (const overlap of this.#overlaps) {
      overlap.subject = subject;
      found.push(overlap);
    }
  }

  /**
   * As `staysOf`, from the newest passage to the oldest and without making anything for each. False, with nothing to rely
   * on, where it cannot be so simple: they arrived in another order than they happened, or a time is uncertain.
   */
  #meetPlain(people: People, person: number): boolean {
    const { before, bestMs, passings, exact } = people;
    let laterMs = Number.POSITIVE_INFINITY;
    let later = none;
    for (let passage = people.newest[person] ?? none; passage !== none; passage = before[passage] ?? none) {
      const ms = bestMs[passage] ?? 0;
      if (ms >= laterMs || exact[passage] === 0) return false;
      if (passings[passage] === passing.in) {
        const leaves = passings[later] === passing.out && laterMs - ms <= stayMsMax;
        const toMs = leaves ? laterMs : Math.min(laterMs, ms + stayMsMax);
        this.#meetOf(people, ms, toMs, passage, leaves ? later : none);
      }
      const earlier = before[passage] ?? none;
      if (passings[passage] === passing.out) {
        const earlierMs = earlier === none ? Number.NEGATIVE_INFINITY : (bestMs[earlier] ?? 0);
        const came = passings[earlier] === passing.in && ms - earlierMs <= stayMsMax;
        if (!came) this.#meetOf(people, Math.max(earlierMs, ms - stayMsMax), ms, passage, none);
      }
      laterMs = ms;
      later = passage;
    }
    return true;
  }

  #meetOf(people: People, fromMs: number, toMs: number, passage: number, other: number): void {
    const at = this.#lastBeginningBy(toMs);
    if (at < 0 || (this.#traced[at]?.toMs ?? 0) < fromMs) return;
    const trait = people.traitOf(passage);
    const gates = this.#gatesOf(trait, other === none ? trait : people.traitOf(other));
    this.#meet(fromMs, toMs, other !== none, people.positionOf(passage), gates, at);
  }

  #meetAny(people: People, person: number): void {
    const stays = staysOf(people.passagesOf(person));
    stays.sort((a, b) => b.toMs - a.toMs || b.fromMs - a.fromMs || b.position - a.position);
    for (const { fromMs, toMs, certain, position, traits } of stays) {
      const [trait = 0, other = trait] = traits;
      this.#meet(fromMs, toMs, certain, position, this.#gatesOf(trait, other), this.#lastBeginningBy(toMs));
    }
  }

  /**
   * Notes what a stay of the person at hand has in common with those of the traced one, from the one at `last` on back.
   * Stays come by their ends, the last first.
   */
  #meet(
    ownFromMs: number,
    ownToMs: number,
    certain: boolean,
    position: number,
    gates: readonly string[],
    last: number,
  ) {
    for (let at = last; at >= 0; at--) {
      const stay = this.#traced[at];
      if (stay === undefined || stay.toMs < ownFromMs) return;
      const fromMs = Math.max(ownFromMs, stay.fromMs);
      const toMs = Math.min(ownToMs, stay.toMs);
      const both = certain && stay.certain;
      const { fromMs: withFromMs, toMs: withToMs } = stay;
      const before = this.#overlaps.find((known) => known.withFromMs === withFromMs && known.withToMs === withToMs);
      if (before === undefined) {
        const togetherMs = toMs - fromMs;
        const span = { fromMs, toMs, togetherMs, gates, withFromMs, withToMs };
        this.#overlaps.push({ subject: '', ...span, certain: both, position });
        continue;
      }
      before.togetherMs += Math.max(0, Math.min(toMs, before.fromMs) - fromMs);
      before.fromMs = Math.min(before.fromMs, fromMs);
      before.certain ||= both;
      before.position = position;
      before.gates = [...new Set([...before.gates, ...gates])];
    }
  }

  /** The index of the last stay that begins at a time or before; -1 where none does. */
  #lastBeginningBy(ms: number): number {
    let [low, high] = [0, this.#traced.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#traced[middle]?.fromMs ?? 0) <= ms) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #gatesOf(trait: number, other: number): readonly string[] {
    let ofTrait = this.#gates.get(trait);
    if (ofTrait === undefined) {
      ofTrait = new Map();
      this.#gates.set(trait, ofTrait);
    }
    const known = ofTrait.get(other);
    if (known !== undefined) return known;
    const gates = [...new Set([this.#gateOf(trait), this.#gateOf(other)])];
    ofTrait.set(other, gates);
    return gates;
  }
}

function byTime(a: Overlap, b: Overlap): number {
  return a.withFromMs - b.withFromMs || a.withToMs - b.withToMs;
}
