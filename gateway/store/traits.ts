/** What passages have in common: a site has as many of these as it has gates, times a few, and each entry names one. */
import type { Database } from 'better-sqlite3';
import type { Trait } from './traces.ts';

/** So many are remembered; then all are forgotten and looked up again. */
const traitsRememberedMax = 10_000;

/** Gives traits their numbers, inside the caller's transaction. */
export class Traits {
  readonly #statements: ReturnType<typeof prepare>;
  /** By gate, then by kind, then by direction and outcome: no new string is made for each entry. */
  readonly #remembered = new Map<string, Map<string, number[]>>();
  #count = 0;

  constructor(database: Database) {
    this.#statements = prepare(database);
  }

  /** The number of a trait, a new one where there is none. */
  numberOf(trait: Trait): number {
    const { gate, direction, outcome, kind } = trait;
    const way = (direction === 'in' ? 0 : 1) + (outcome === 'admitted' ? 0 : 2);
    const remembered = this.#remembered.get(gate)?.get(kind)?.[way];
    if (remembered !== undefined) return remembered;
    const { find, insert } = this.#statements;
    const number =
      find.get(gate, direction, outcome, kind) ?? Number(insert.run(gate, direction, outcome, kind).lastInsertRowid);
    if (this.#count >= traitsRememberedMax) this.forget();
    const ofGate = this.#remembered.get(gate) ?? new Map<string, number[]>();
    const ofKind = ofGate.get(kind) ?? [];
    this.#remembered.set(gate, ofGate.set(kind, ofKind));
    ofKind[way] = number;
    this.#count++;
    return number;
  }

  /** Forgets what is remembered: after a rollback. */
  forget(): void {
    this.#remembered.clear();
    this.#count = 0;
  }
}

/** The traits of a store that cannot be changed: those of entries older than the table of traits get numbers beyond all others. */
export class KnownTraits {
  readonly #all: ReturnType<typeof prepare>['all'];
  readonly #byNumber = new Map<number, Trait>();
  readonly #own = new Map<string, number>();

  constructor(database: Database) {
    this.#all = prepare(database).all;
  }

  /** Reads what was added since. */
  refresh(): void {
    for (const { id, ...trait } of this.#all.all()) this.#byNumber.set(id, trait);
  }

  get(number: number): Trait | undefined {
    return this.#byNumber.get(number);
  }

  numberOf(trait: Trait): number {
    const key = keyOf(trait);
    const number = this.#own.get(key) ?? ownNumbersFrom + this.#own.size;
    this.#own.set(key, number);
    this.#byNumber.set(number, trait);
    return number;
  }
}

/** Numbers fit into 32 bits; no table comes near half of that. */
const ownNumbersFrom = 2 ** 31;

/** No two traits share one: only the gate may hold anything, and it stands at the end. */
function keyOf({ gate, direction, outcome, kind }: Trait): string {
  return `${direction}/${outcome}/${kind.length}/${kind}${gate}`;
}

function prepare(database: Database) {
  return {
    find: database
      .prepare<[string, string, string, string], number>(
        'SELECT id FROM traits WHERE gate = ? AND direction = ? AND outcome = ? AND kind = ?',
      )
      .pluck(),
    insert: database.prepare<[string, string, string, string]>(
      'INSERT INTO traits (gate, direction, outcome, kind) VALUES (?, ?, ?, ?)',
    ),
    all: database.prepare<[], Trait & { id: number }>('SELECT id, gate, direction, outcome, kind FROM traits'),
  };
}
