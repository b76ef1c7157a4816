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

/** An encounter before it is known whose it is. `traits` are those of the passages at the ends of the other's stays. */
interface Overlap {
  readonly stay: TracedStay;
  fromMs: number;
  readonly toMs: number;
  togetherMs: number;
  certain: boolean;
  position: number;
  readonly traits: number[];
}

/** Holds people against the stays of the one who is traced. */
export class Encounters {
  readonly #traced: readonly TracedStay[];
  readonly #gateOf: (trait: number) => string;
  /** Of the person at hand. */
  #overlaps: Overlap[] = [];

  /** @param traced in the order of time, none overlapping another. */
  constructor(traced: readonly TracedStay[], gateOf: (trait: number) => string) {
    this.#traced = traced;
    this.#gateOf = gateOf;
  }

  /** Adds the encounters with one of some people, in the order of time; none with the traced one, who goes by `own`. */
  addWith(people: People, person: number, own: ReadonlySet<string>, found: Encounter[]): void {
    if (this.#overlaps.length > 0) this.#overlaps = [];
    if (!this.#meetPlain(people, person)) {
      this.#overlaps = [];
      this.#meetAny(people, person);
    }
    if (this.#overlaps.length === 0) return;
    const subject = people.subjectOf(person);
    if (own.has(subject)) return;
    if (this.#overlaps.length > 1) this.#overlaps.sort(byTime);
    for (const overlap of this.#overlaps) found.push(this.#describe(subject, overlap));
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
    if ((this.#traced[at]?.toMs ?? Number.NEGATIVE_INFINITY) < fromMs) return;
    const traits = other === none ? [people.traitOf(passage)] : [people.traitOf(passage), people.traitOf(other)];
    this.#meet({ fromMs, toMs, certain: other !== none, position: people.positionOf(passage), traits }, at);
  }

  #meetAny(people: People, person: number): void {
    const stays = staysOf(people.passagesOf(person));
    stays.sort((a, b) => b.toMs - a.toMs || b.fromMs - a.fromMs || b.position - a.position);
    for (const stay of stays) this.#meet(stay, this.#lastBeginningBy(stay.toMs));
  }

  /** Notes what a stay of the person at hand has in common with those of the traced one. Stays come by their ends, the last first. */
  #meet(
    own: { fromMs: number; toMs: number; certain: boolean; position: number; traits: readonly number[] },
    from: number,
  ) {
    for (let at = from; at >= 0; at--) {
      const stay = this.#traced[at];
      if (stay === undefined || stay.toMs < own.fromMs) return;
      const [beginMs, endMs] = [Math.max(own.fromMs, stay.fromMs), Math.min(own.toMs, stay.toMs)];
      let overlap = this.#overlaps.find((known) => known.stay === stay);
      if (overlap === undefined) {
        overlap = { stay, fromMs: endMs, toMs: endMs, togetherMs: 0, certain: false, position: 0, traits: [] };
        this.#overlaps.push(overlap);
      }
      overlap.togetherMs += Math.max(0, Math.min(endMs, overlap.fromMs) - beginMs);
      overlap.fromMs = Math.min(overlap.fromMs, beginMs);
      overlap.certain ||= own.certain && stay.certain;
      overlap.position = own.position;
      for (const trait of own.traits) overlap.traits.push(trait);
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

  #describe(subject: string, overlap: Overlap): Encounter {
    const { stay, fromMs, toMs, togetherMs, certain, position } = overlap;
    const gates: string[] = [];
    for (const trait of overlap.traits) {
      const gate = this.#gateOf(trait);
      if (!gates.includes(gate)) gates.push(gate);
    }
    return {
      subject,
      fromMs,
      toMs,
      togetherMs,
      gates,
      withFromMs: stay.fromMs,
      withToMs: stay.toMs,
      certain,
      position,
    };
  }
}

function byTime(a: Overlap, b: Overlap): number {
  return a.stay.fromMs - b.stay.fromMs || a.stay.toMs - b.stay.toMs;
}
