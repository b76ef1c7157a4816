/** Queries that always have a row. */
import { strict as assert } from 'node:assert';
import type { Statement } from 'better-sqlite3';

/** The only row of a query that has just one whatever the store holds: a count, or what was found a moment before. */
export function oneRow<P extends unknown[], Row>(statement: Statement<P, Row>, ...what: P): Row {
  const row = statement.get(...what);
  assert(row !== undefined, `no row: ${statement.source}`);
  return row;
}
