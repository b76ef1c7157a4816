/** Reading what people said is wrong in what is kept of them. */
import type { Database } from 'better-sqlite3';
import type { Correction } from './store.ts';

interface CorrectionRow {
  readonly id: string;
  readonly subject: string;
  readonly atMs: number;
  readonly enc: string;
  readonly ct: string;
  readonly key: string;
}

/** Corrections through one connection. Throws what SQLite throws. */
export class Corrections {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(database: Database) {
    this.#statements = prepare(database);
  }

  /** The subjects that there are any of. */
  subjects(): ReadonlySet<string> {
    return new Set(this.#statements.subjects.all());
  }

  /** Those of these subjects, oldest first. */
  of(subjects: readonly string[]): Correction[] {
    const rows = this.#statements.of.all(JSON.stringify(subjects));
    return rows.map(({ enc, ct, key, ...row }) => ({ ...row, sealed: { enc, ct, key } }));
  }
}

function prepare(database: Database) {
  return {
    subjects: database.prepare<[], string>('SELECT DISTINCT subject FROM corrections').pluck(),
    of: database.prepare<[string], CorrectionRow>(
      `SELECT id, subject, at_ms AS atMs, sealed_enc AS enc, sealed_ct AS ct, sealed_key AS key FROM corrections
       WHERE subject IN (SELECT value FROM json_each(?)) ORDER BY position`,
    ),
  };
}
