/** Who is inside, from passages in whatever order they come: somebody's newest one counts. */
import type { Direction } from '../../shared/entry.ts';
import { personOf, type ToldPassage } from '../../shared/presence.ts';

/** Who came in longer ago than this has left unseen, in milliseconds. Kiosks go by the same. */
export const stayMsMax = 16 * 60 * 60 * 1000;

/** So many people are remembered, and so many visitors; beyond it the oldest goes. */
export const peopleMax = 100_000;

/** An entry as far as it matters here. @property subject null: a visitor without a code. */
export interface Passing {
  readonly subject: string | null;
  readonly direction: Direction;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** The people of a site. */
export class SitePresence {
  /** When their newest passage was; below zero: out. The one heard of last stands last. */
  readonly #people = new Map<string, number>();
  /** When visitors came in who have not gone out, oldest first. */
  #visitors: number[] = [];
  #inside = 0;
  #sinceMs = 0;

  /** How many are inside. */
  get inside(): number {
    return this.#inside + this.#visitors.length;
  }

  /** Takes a passage. What it changes for a person, or null. */
  take({ subject, direction, atMs }: Passing): ToldPassage | null {
    if (atMs <= this.#sinceMs) return null;
    if (subject === null) {
      if (direction === 'out') this.#visitors.shift();
      else if (this.#visitors.length < peopleMax) this.#visitors.push(atMs);
      return null;
    }
    const person = personOf(subject);
    const before = this.#people.get(person);
    if (before !== undefined && Math.abs(before) >= atMs) return null;
    this.#set(person, direction === 'in' ? atMs : -atMs, before);
    if (this.#people.size > peopleMax) this.#forgetOldest();
    return { person, direction, atMs };
  }

  /** Lets go of those whose passage was before; nobody of them is inside any more. */
  forgetBefore(ms: number): void {
    if (ms <= this.#sinceMs) return;
    this.#sinceMs = ms;
    for (const [person, at] of this.#people) if (Math.abs(at) <= ms) this.#delete(person, at);
    this.#visitors = this.#visitors.filter((at) => at > ms);
  }

  /** Everybody's newest passage, also out: without it a kiosk that missed it would think them inside for ever. */
  *passages(): Generator<ToldPassage> {
    for (const [person, at] of this.#people) {
      yield { person, direction: at > 0 ? 'in' : 'out', atMs: Math.abs(at) };
    }
  }

  #set(person: string, at: number, before: number | undefined): void {
    if (before !== undefined) this.#delete(person, before);
    this.#people.set(person, at);
    if (at > 0) this.#inside++;
  }

  #delete(person: string, at: number): void {
    this.#people.delete(person);
    if (at > 0) this.#inside--;
  }

  #forgetOldest(): void {
    const [oldest] = this.#people;
    if (oldest !== undefined) this.#delete(...oldest);
  }
}
