/** What people said is wrong in what is kept of them: found and opened for the people whom an investigation names, and no others. */
import { z } from 'zod';
import { type IdentityOpener, subjectOf } from '../../shared/identity.ts';
import type { Correction, CorrectionReader } from '../store/store.ts';
import type { IssuerNotice } from '../trust/issuer.ts';
import { numbersLike } from './person-numbers.ts';

/** What somebody said is right. */
const rightSchema = z.looseObject({
  name: z.string().max(1000).optional(),
  birthYear: z.number().optional(),
  number: z.string().max(1000).optional(),
  phone: z.string().max(100).optional(),
  address: z.string().max(1000).optional(),
  note: z.string().max(10_000).optional(),
});
export type Right = z.infer<typeof rightSchema>;

/** A correction, and what became of it. */
export type Corrected = { readonly atMs: number } & (
  | { readonly type: 'open'; readonly right: Right }
  /** Sealed to a key that is not among those that were opened. */
  | { readonly type: 'other-key'; readonly key: string }
  /** Sealed to one of these keys, but changed or moved since, or no correction inside. */
  | { readonly type: 'damaged' }
);

interface Found {
  readonly correction: Correction;
  readonly corrected: Corrected;
}

/** How many different corrections an answer told of. */
export interface CorrectionTally {
  /** Opened. What one saying left under several subjects of a row counts once. */
  readonly corrections: number;
  readonly correctionsUnopened: number;
}

/** Of whom corrections are looked for: the subject of a row, and the number of its identity where that was opened. */
export interface Named {
  readonly subject: string | null;
  readonly number: string | null;
}

/** What finding and opening them takes. */
export interface CorrectionParts {
  readonly corrections: CorrectionReader;
  /** By the id of the key that they were sealed to. */
  readonly openers: ReadonlyMap<string, IdentityOpener>;
  /** The site's subject keys, all generations. */
  readonly subjectKeys: readonly Uint8Array[];
  /** Whose printed cards are taken here; asked for once, where it matters. Throws the Faults of the trust folder. */
  readonly issuers: () => readonly IssuerNotice[];
}

/** What a correction's identity is bound to, so that it cannot be moved to an entry. */
export function correctionBinding(id: string): string {
  return `correction ${id}`;
}

/** Opens corrections row by row. Who made none costs no more than a look into a set. */
export class CorrectionDesk {
  readonly #parts: CorrectionParts;
  readonly #corrected: ReadonlySet<string>;
  readonly #opened = new Set<string>();
  readonly #unopened = new Set<string>();
  #issuers: readonly IssuerNotice[] | null = null;

  private constructor(parts: CorrectionParts, corrected: ReadonlySet<string>) {
    this.#parts = parts;
    this.#corrected = corrected;
  }

  /** Looks which subjects have any; nothing is opened yet. Rejects with the Faults of reading the store. */
  static async open(parts: CorrectionParts): Promise<CorrectionDesk> {
    return new CorrectionDesk(parts, await parts.corrections.correctedSubjects());
  }

  get tally(): CorrectionTally {
    return { corrections: this.#opened.size, correctionsUnopened: this.#unopened.size };
  }

  /**
   * The corrections of one person, oldest first. What was said once and is kept under several of the person's subjects
   * comes once. Rejects with the Faults of reading the store and the issuers.
   * @param known other subjects that are known to be of the same person.
   */
  async of(named: Named, known: readonly string[]): Promise<readonly Corrected[]> {
    if (this.#corrected.size === 0) return [];
    const all = new Set([...known, ...this.#subjectsOf(named)]);
    const subjects = [...all].filter((subject) => this.#corrected.has(subject));
    if (subjects.length === 0) return [];
    const found: Found[] = [];
    for (const correction of await this.#parts.corrections.corrections(subjects))
      found.push({ correction, corrected: await this.#openOne(correction) });
    const told = withoutTwins(found);
    for (const { correction, corrected } of told)
      (corrected.type === 'open' ? this.#opened : this.#unopened).add(correction.id);
    return told.map(({ corrected }) => corrected);
  }

  /**
   * The row's own subject, and those that the same number made under the site's other subject keys. The number is what a
   * kiosk said: it leads to others only where it makes the row's own subject.
   */
  #subjectsOf({ subject, number }: Named): readonly string[] {
    if (subject === null) return [];
    const { subjectKeys, issuers } = this.#parts;
    if (number === null || subjectKeys.length < 2) return [subject];
    this.#issuers ??= issuers();
    const makes = (like: string) => subjectKeys.some((key) => subjectOf(key, like) === subject);
    const own = numbersLike(number, this.#issuers).find(makes);
    return own === undefined ? [subject] : subjectKeys.map((key) => subjectOf(key, own));
  }

  async #openOne({ id, atMs, sealed }: Correction): Promise<Corrected> {
    const opener = this.#parts.openers.get(sealed.key);
    if (opener === undefined) return { type: 'other-key', atMs, key: sealed.key };
    try {
      return { type: 'open', atMs, right: rightSchema.parse(await opener.open(sealed, correctionBinding(id))) };
    } catch {
      return { type: 'damaged', atMs };
    }
  }
}

/** What is said once is kept under each subject of the person, one right behind the other: of these only the first stays. */
function withoutTwins(found: readonly Found[]): readonly Found[] {
  const kept: Found[] = [];
  let said: string | null = null;
  let under = new Set<string>();
  for (const one of found) {
    const { correction, corrected } = one;
    const text = corrected.type === 'open' ? JSON.stringify(corrected.right) : null;
    if (text !== null && text === said && !under.has(correction.subject)) {
      under.add(correction.subject);
      continue;
    }
    said = text;
    under = new Set([correction.subject]);
    kept.push(one);
  }
  return kept;
}
