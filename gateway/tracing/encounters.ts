/** Whose stays overlapped those of one person. */
import { type Person, passing } from './people.ts';
import { type Stay, staysOf } from './stays.ts';
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
  readonly fromMs: number;
  toMs: number;
  togetherMs: number;
  certain: boolean;
  readonly position: number;
  readonly traits: number[];
}

/** Holds people against the stays of the one who is traced. */
export class Encounters {
  readonly #traced: readonly TracedStay[];
  readonly #gateOf: (trait: number) => string;
  /** Of the person at hand, by the order of the stays. */
  #overlaps: Overlap[] = [];

  /** @param traced in the order of time, none overlapping another. */
  constructor(traced: readonly TracedStay[], gateOf: (trait: number) => string) {
    this.#traced = traced;
    this.#gateOf = gateOf;
  }

  /** The encounters with one person; none with the traced one itself, who goes by `own`. */
  with(person: Person, own: ReadonlySet<string>): Encounter[] {
    this.#overlaps = [];
    if (person.isPlain) this.#meetPlain(person);
    else for (const stay of staysOf(person.toPassages())) this.#meetStay(stay);
    if (this.#overlaps.length === 0) return [];
    const subject = person.subject();
    return own.has(subject) ? [] : this.#overlaps.map((overlap) => this.#describe(subject, overlap));
  }

  /** As `staysOf` does, without making an object for each passage. */
  #meetPlain({ count, bestMs, passings, traits, positions }: Person): void {
    for (let at = 0; at < count; at++) {
      const ms = bestMs[at] ?? 0;
      const trait = traits[at] ?? 0;
      const position = positions[at] ?? 0;
      if (passings[at] === passing.out) {
        const earlierMs = at > 0 ? (bestMs[at - 1] ?? 0) : Number.NEGATIVE_INFINITY;
        this.#meet(Math.max(ms - stayMsMax, earlierMs), ms, false, position, trait, null);
        continue;
      }
      const laterMs = at + 1 < count ? (bestMs[at + 1] ?? 0) : Number.POSITIVE_INFINITY;
      if (passings[at + 1] === passing.out && laterMs - ms <= stayMsMax) {
        this.#meet(ms, laterMs, true, position, trait, traits[at + 1] ?? 0);
        at++;
      } else this.#meet(ms, Math.min(ms + stayMsMax, laterMs), false, position, trait, null);
    }
  }

  #meetStay({ fromMs, toMs, certain, position, traits: [trait = 0, other] }: Stay): void {
    this.#meet(fromMs, toMs, certain, position, trait, other ?? null);
  }

  /** Notes what a stay of the person at hand has in common with those of the traced one. Stays come by their beginnings. */
  #meet(fromMs: number, toMs: number, certain: boolean, position: number, trait: number, other: number | null): void {
    for (let at = this.#firstEndingAfter(fromMs); at < this.#traced.length; at++) {
      const stay = this.#traced[at];
      if (stay === undefined || stay.fromMs > toMs) return;
      const [beginMs, endMs] = [Math.max(fromMs, stay.fromMs), Math.min(toMs, stay.toMs)];
      let overlap = this.#overlaps.find((known) => known.stay === stay);
      if (overlap === undefined) {
        overlap = { stay, fromMs: beginMs, toMs: beginMs, togetherMs: 0, certain: false, position, traits: [] };
        this.#overlaps.push(overlap);
      }
      overlap.togetherMs += Math.max(0, endMs - Math.max(beginMs, overlap.toMs));
      overlap.toMs = Math.max(overlap.toMs, endMs);
      overlap.certain ||= certain && stay.certain;
      overlap.traits.push(trait);
      if (other !== null) overlap.traits.push(other);
    }
  }

  #firstEndingAfter(ms: number): number {
    let [low, high] = [0, this.#traced.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#traced[middle]?.toMs ?? 0) < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #describe(subject: string, { stay, fromMs, toMs, togetherMs, certain, position, traits }: Overlap): Encounter {
    const gates: string[] = [];
    for (const trait of traits) {
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
